"""The properties of a repo that may be asked for one by one, with `expand`; the names are those of the client's types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.localhub.errors import bad_request

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from hubver.localhub.repos.repository import Kind

_COMMON = (
    *("author", "cardData", "createdAt", "disabled", "lastModified", "likes", "private", "resourceGroup"),
    *("sha", "siblings", "tags", "trendingScore", "usedStorage"),
)
_NAMES: dict[Kind, frozenset[str]] = {
    "model": frozenset(
        (
            *_COMMON,
            *("baseModels", "childrenModelCount", "config", "downloads", "downloadsAllTime", "evalResults", "gated"),
            *("gguf", "inference", "inferenceProviderMapping", "library_name", "mask_token", "model-index"),
            *("pipeline_tag", "safetensors", "spaces", "transformersInfo", "widgetData"),
        )
    ),
    "dataset": frozenset(
        (
            *_COMMON,
            *("citation", "description", "downloads", "downloadsAllTime", "gated", "mainSize", "paperswithcode_id"),
        )
    ),
    "space": frozenset((*_COMMON, "datasets", "models", "region", "runtime", "sdk", "subdomain")),
}


def asked_properties(query: QueryParams, kind: Kind) -> list[str]:
    """The properties that a request asks for; none for all that are told unasked.

    Raises:
        HubError: 400 for one that repos of this kind have not on any Hub. This one leaves out those that it cannot tell.
    """
    asked = query.getlist("expand") + query.getlist("expand[]")
    for number, name in enumerate(asked):
        if name not in _NAMES[kind]:
            known = "|".join(f'"{name}"' for name in sorted(_NAMES[kind]))
            raise bad_request(f"✖ Invalid option: expected one of {known}\n  → at expand[{number}]")
    return asked
