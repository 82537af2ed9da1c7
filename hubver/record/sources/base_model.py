"""The base model part: its commit, pinned even where training only said `main`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import NotFound
from hubver.record.digest import entry
from hubver.record.folder.file_names import TOKENIZER_FILES
from hubver.record.schema import Base, FileEntry, Gap

if TYPE_CHECKING:
    from collections.abc import Callable

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_SHA = re.compile(r"[0-9a-f]{40}")
# A folder of the Hub's cache (huggingface_hub, "Understand caching").
_IN_CACHE = re.compile(r"models--(?P<id>[\w.-]+)/snapshots/(?P<sha>[0-9a-f]{40})/?$")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WEIGHTS = ("model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin")


# What else decides how a base computes and reads text, beside its weights.
_BESIDE = ("config.json", "generation_config.json", "adapter_config.json", "adapter_model.safetensors", "*.py")


@dataclass(frozen=True)
class Settled:
    """A base as it is published, what is not known of it, and the folder where its files are, if they are at hand."""

    base: Base
    gaps: tuple[Gap, ...]
    folder: Path | None = None


def is_hub_id(name: str) -> bool:
    """Whether `from_pretrained(name)` would ask the Hub: it looks like an id, and no folder of that name is here."""
    return _HUB_ID.fullmatch(name) is not None and not Path(name).exists()


def loaded(name: str, revision: str | None, named: str | None) -> Settled:
    """The base that a running process loaded. transformers keeps its name and, since 5.23, no commit.

    Reads no weights: `digested` does.

    Args:
        name: what `from_pretrained` was given: an id, or a folder.
        revision: the revision it was given, where that is known.
        named: the user's own word on which base it is: `org/name` or `org/name@revision`.
    """
    named_id, _, named_revision = (named or "").partition("@")
    revision = named_revision or revision
    base_id, sha, gaps = _identify(name, revision)
    base = Base(id=named_id or base_id, requested_revision=revision)
    if base_id == base.id:
        base = base.model_copy(update={"sha": sha})
    else:
        # The files count, wherever they came from; the commit is that of another repo.
        gaps = (Gap(field="base_model.id", reason="named by the user; the run loaded it from another place"),)
    folder = cached_snapshot(base_id, sha) if base_id and sha else Path(name) if name else None
    return Settled(base, gaps, folder.resolve() if folder is not None and folder.is_dir() else None)


def digested(base: Base, folder: Path) -> Base:
    """Add the digests of a base's files. Reads all weights of a base that is no commit of the Hub, so it takes a while.

    Args:
        base: what is known of it.
        folder: where its files are.
    """
    if base.sha is not None:
        return digest_folder(base, folder)
    files = tuple(_entry(folder / name) for name in _own_files(folder))
    digests = {item.path: item.sha256 for item in files}
    weights = next((name for name in _WEIGHTS if name in digests), None)
    found = {"config_sha256": digests.get("config.json"), "weights_file": weights, "files": files}
    return base.model_copy(update={**found, "weights_sha256": digests.get(weights or "")})


def _own_files(folder: Path) -> list[str]:
    """Configuration, tokenizer, code and those weights that transformers would load, as it looks for them in order."""
    names = {file.name for pattern in (*_BESIDE, *TOKENIZER_FILES) for file in folder.glob(pattern) if file.is_file()}
    weights = next((name for name in _WEIGHTS if (folder / name).is_file()), None)
    if weights is not None:
        names.add(weights)
        names |= {name for name in _shards(folder / weights) if (folder / name).is_file()}
    return sorted(names)


def _shards(index: Path) -> set[str]:
    if not index.name.endswith(".index.json"):
        return set()
    try:
        # A name with a folder in it is none that transformers writes.
        return {str(name) for name in json.loads(index.read_bytes())["weight_map"].values() if "/" not in str(name)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()


def _identify(name: str, revision: str | None) -> tuple[str | None, str | None, tuple[Gap, ...]]:
    """The Hub id and the commit of what was loaded under a name, as far as this machine's cache tells."""
    if inside := _IN_CACHE.search(name):
        return inside["id"].replace("--", "/", 1), inside["sha"], ()
    if not name or not is_hub_id(name):
        return None, None, ()
    if revision and _SHA.fullmatch(revision):
        return name, revision, ()
    reference = _cache(name) / "refs" / (revision or "main")
    commits = [folder.name for folder in (_cache(name) / "snapshots").glob("*") if (folder / "config.json").is_file()]
    if revision is None and len(commits) == 1:
        return name, commits[0], ()
    if not reference.is_file():
        return name, None, ()
    doubt = Gap(field="base_model.sha", reason="this machine holds several commits of the base; main was assumed")
    return name, reference.read_text().strip(), () if revision else (doubt,)


def settle(base: Base, resolve_base: Callable[[str, str], str]) -> Settled:
    """Find the commit and the digests that the run did not see.

    Args:
        base: what is known.
        resolve_base: asks the Hub for the commit of a base at a revision.

    Raises:
        HubverError: whatever `resolve_base` raises, except `NotFound`, which becomes a gap.
    """
    if base.id is None:
        reason = "no Hub id of it is known; HubverCallback(base_model=...) can name it"
        return Settled(base, (Gap(field="base_model.id", reason=reason), *_undigested(base)))
    gaps: list[Gap] = []
    sha = base.sha or _resolve(base.id, base.requested_revision, resolve_base, gaps)
    found = Base(**{**base.model_dump(), "sha": sha})
    if sha and not (found.config_sha256 and found.weights_sha256):
        found = _digest_cached(found, base.id, sha)
    return Settled(found, (*gaps, *_undigested(found)))


def digest_folder(base: Base, folder: Path) -> Base:
    """Add the digests of the base's configuration and of its shard index, or of its only weights file."""
    found: dict[str, str] = {}
    if (folder / "config.json").is_file():
        found["config_sha256"] = _entry(folder / "config.json").sha256
    weights = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if weights is not None:
        found |= {"weights_file": weights.name, "weights_sha256": _entry(weights).sha256}
    return base.model_copy(update=found)


def cached_snapshot(base_id: str, sha: str) -> Path | None:
    """The folder of the Hub's cache that holds a base at a commit, if this machine has it."""
    folder = _cache(base_id) / "snapshots" / sha
    return folder if folder.is_dir() else None


def _resolve(
    base_id: str, revision: str | None, resolve_base: Callable[[str, str], str], gaps: list[Gap]
) -> str | None:
    """The commit: what was asked for if it is one, else what this machine's cache last loaded, else what is there now.

    The cache's answer counts only if the Hub still has that commit: the cache may belong to another Hub.
    """
    wanted = revision or "main"
    if _SHA.fullmatch(wanted):
        return wanted
    cached = _cache(base_id) / "refs" / wanted
    candidates = [(cached.read_text().strip(), "taken from this machine's cache")] if cached.is_file() else []
    for asked, how in [*candidates, (wanted, "resolved at push")]:
        try:
            sha = resolve_base(base_id, asked)
        except NotFound:
            continue
        gaps.append(Gap(field="base_model.sha", reason=f"the run did not say; {wanted} was {how}"))
        return sha
    gaps.append(Gap(field="base_model.sha", reason=f"the Hub does not show {base_id} at {wanted}"))
    return None


def _digest_cached(base: Base, base_id: str, sha: str) -> Base:
    folder = cached_snapshot(base_id, sha)
    return digest_folder(base, folder) if folder else base


def _cache(base_id: str) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{base_id.replace('/', '--')}"


def _entry(file: Path) -> FileEntry:
    """The cache names its large files by their sha256 (huggingface_hub, "Understand caching"): no need to read them."""
    content = file.resolve()
    if _SHA256.fullmatch(content.name):
        return FileEntry(path=file.name, size=content.stat().st_size, sha256=content.name)
    return entry(file.name, file)


def _undigested(base: Base) -> list[Gap]:
    reason = "the base's files were not at hand"
    fields = ("config_sha256", "weights_sha256")
    return [Gap(field=f"base_model.{field}", reason=reason) for field in fields if getattr(base, field) is None]
