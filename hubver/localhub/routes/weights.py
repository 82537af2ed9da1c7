"""The headers of a model's safetensors files, all in one answer: `safetensors-metadata`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from hubver.localhub.repos.refs import MAIN
from hubver.localhub.repos.weights import Weights
from hubver.localhub.web.call import Call, route

if TYPE_CHECKING:
    from starlette.routing import Route


def metadata(call: Call) -> Response:
    """Answer the header of each file that an index on main names, and the index without its map of tensors."""
    repo = call.repo_to_download()
    with repo.objects() as store:
        weights = Weights(repo, store, repo.resolve(MAIN), call.hub.store.lfs)
        index, headers = weights.sharded(call.param("index"))
    told = {key: value for key, value in index.items() if key != "weight_map"}
    return JSONResponse({"index": told, "headers": headers})


ROUTES: list[Route] = [route("/api/{kinds}/{namespace}/{name}/safetensors-metadata/{index:path}", metadata)]
