"""What `model_info`, `dataset_info` and `space_info` say of a repo at a revision."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from hubver.localhub.large.pointers import parse_pointer
from hubver.localhub.repos import trees
from hubver.localhub.repos.card import card_tags, read_card, texts
from hubver.localhub.repos.repository import Repository, get_commit, read_blob, tree_of

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore


_CONFIG = ("architectures", "model_type", "quantization_config")
_ON_REQUEST = {"usedStorage", "downloadsAllTime", "models", "datasets"}


def iso(seconds: int) -> str:
    """A time of git's as the Hub writes it."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def repo_key(repo: Repository) -> str:
    """What the Hub calls `_id`: 24 hex digits."""
    return hashlib.sha256(repo.url_path.encode()).hexdigest()[:24]


def file_facts(store: BaseObjectStore, entry: trees.Entry) -> dict[str, Any]:
    """Size, blob id and LFS facts of a file, as the tree endpoint names them."""
    content = read_blob(store, entry.oid)
    pointer = parse_pointer(content)
    facts: dict[str, Any] = {"oid": entry.oid, "size": pointer.size if pointer else len(content)}
    if pointer:
        facts["lfs"] = {"oid": pointer.oid, "size": pointer.size, "pointerSize": len(content)}
    return facts


def describe(repo: Repository, revision: str, *, blobs: bool, expand: list[str]) -> dict[str, Any]:
    """Describe a repo.

    Args:
        repo: the repo.
        revision: branch, tag, ref name or commit.
        blobs: tell size and blob id of each file.
        expand: answer only these properties (and the ids).

    Raises:
        HubError: 404 RevisionNotFound.
    """
    sha = repo.resolve(revision)
    with repo.objects() as store:
        entries = [e for e in trees.walk(store, tree_of(store, sha)) if not e.is_folder]
        changed = iso(get_commit(store, sha).commit_time)
        own = {e.path: e.oid for e in entries if e.path in {"README.md", "config.json"}}
        card = read_card(read_blob(store, own["README.md"]).decode("utf-8", "replace")) if "README.md" in own else {}
        config = _config(read_blob(store, own["config.json"])) if "config.json" in own else None
        siblings = [_sibling(store, entry, blobs=blobs) for entry in entries]
        used = sum(file_facts(store, e)["size"] for e in entries) if "usedStorage" in expand else 0
    about = repo.description
    ids: dict[str, Any] = {"_id": repo_key(repo), "id": about.id}
    if about.kind == "model":
        ids["modelId"] = about.id
    known: dict[str, Any] = {
        "author": repo.namespace,
        "sha": sha,
        "lastModified": changed,
        "createdAt": about.created_at,
        "private": about.private,
        "gated": about.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": card_tags(card, about.kind),
        "cardData": card or None,
        "siblings": siblings,
        "usedStorage": used,
        "trendingScore": 0,
    }
    if about.kind == "model":
        known |= {key: card.get(key) for key in ("pipeline_tag", "library_name", "model-index")} | {"config": config}
    if about.kind == "space":
        known |= {"sdk": about.sdk, **{key: texts(card.get(key)) for key in ("models", "datasets")}}
    else:
        known["downloadsAllTime"] = 0
    if not expand:
        known = {key: value for key, value in known.items() if key not in _ON_REQUEST}
        return ids | {key: value for key, value in known.items() if value is not None}
    return ids | {key: value for key, value in known.items() if key in expand and value is not None}


def _config(content: bytes) -> dict[str, Any] | None:
    """What of a model's `config.json` the Hub tells; None if it is no JSON object."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return {key: found[key] for key in _CONFIG if key in found} if isinstance(found, dict) else None


def _sibling(store: BaseObjectStore, entry: trees.Entry, *, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": entry.path}
    facts = file_facts(store, entry)
    sibling = {"rfilename": entry.path, "size": facts["size"], "blobId": facts["oid"]}
    if "lfs" in facts:
        lfs = facts["lfs"]
        sibling["lfs"] = {"sha256": lfs["oid"], "size": lfs["size"], "pointerSize": lfs["pointerSize"]}
    return sibling
