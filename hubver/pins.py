"""Resolve a revision to one pin, and fetch exactly that.

A pin fixes everything. The adapter's commit is the pin's sha; the base's commit stands in the adapter's own
`adapter_config.json`, where publishing wrote it; the tokenizer lies beside the adapter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import BadDocument, BadInput, NotFound
from hubver.hub.client import Hub
from hubver.hub.contents import Refs, is_sha
from hubver.locking import file as lock_file
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.settings import Settings
from hubver.target import Target
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from hubver.locking.document import LockedModel

ADAPTER_CONFIG = "adapter_config.json"
# What of a base model is fetched, as glob patterns: configuration, tokenizer, safetensors, and no pickles.
BASE_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
# One of these is what transformers begins with where it takes safetensors only.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors")


@dataclass(frozen=True)
class Pin:
    """One revision, resolved.

    Attributes:
        repo_id: the model repository.
        revision: as it was asked for: a tag, branch or sha.
        sha: the commit it names.
        base_id: the base model's repository; None for a model that stands alone, and where an adapter names none.
        base_revision: the base model's commit; None where it is not known.
        version: the version tag on the commit, if it has one.
        is_adapter: whether it needs a base model.
    """

    repo_id: str
    revision: str
    sha: str
    base_id: str | None = None
    base_revision: str | None = None
    version: str | None = None
    is_adapter: bool = False

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.version or self.revision} ({self.sha[:8]})"


def resolve(text: str | None = None, *, lock: Path | str | None = None, settings: Settings | None = None) -> Pin:
    """Find what `ORG/NAME@REVISION` names, in three requests and without any weights; or what a lock file pins, in none.

    Args:
        text: without a revision, the production branch is meant. With a lock, `ORG/NAME`, or None for its only model.
        lock: a lock file, such as `hubver.lock`.
        settings: the user's own if None.

    Raises:
        NotFound: no such repository, revision or lock file, or nothing is in production yet.
        BadInput: the text is not `ORG/NAME@REVISION`, or the lock file does not pin it.
        BadDocument: the revision's `adapter_config.json`, or the lock file, cannot be read.
    """
    if lock is not None:
        return locked(text, lock)[0]
    if text is None:
        raise BadInput("Nothing was named.", expected="ORG/NAME@REVISION, or a lock file")
    settings = settings or Settings.load()
    target = Target.parse(text)
    hub = Hub.of(settings, target.repo_id)
    lives_in = settings.on_channel(None).rules.repo
    if target.revision in (None, settings.production) and lives_in not in (None, target.repo_id):
        raise NotFound(
            f"{settings.production} lives in {lives_in}, not in {target.repo_id}.", hint=f"Ask for that: {lives_in}"
        )
    refs = hub.refs(target.repo_id)
    return pin(hub, target.repo_id, target.revision or settings.production, refs, production=settings.production)


def pin(hub: Hub, repo_id: str, revision: str, refs: Refs, *, production: str) -> Pin:
    """Like `resolve`, with the refs that the caller has read already."""
    sha = find_sha(hub, repo_id, revision, refs, production=production)
    version = version_of(refs, sha)
    config = hub.read_if_there(repo_id, sha, ADAPTER_CONFIG)
    if config is None:
        return Pin(repo_id, revision, sha, version=version)
    base_id, base_revision = base_in(config, f"{repo_id} at {sha[:8]}")
    return Pin(repo_id, revision, sha, base_id, base_revision, version, is_adapter=True)


def locked(text: str | None, lock: Path | str) -> tuple[Pin, LockedModel]:
    """A model of a lock file, as a pin and as what is known of its bytes; see `resolve`."""
    named = None if text is None else Target.repo(text)
    repo_id, model = lock_file.read(lock).model(named, source=str(lock))
    return to_pin(repo_id, model), model


def to_pin(repo_id: str, model: LockedModel) -> Pin:
    """What a lock file holds of a model, as a pin."""
    base = model.base
    base_id, base_sha = (base.repo_id, base.sha) if base else (None, None)
    return Pin(repo_id, model.revision, model.sha, base_id, base_sha, model.version, base is not None)


def find_sha(hub: Hub, repo_id: str, revision: str, refs: Refs, *, production: str) -> str:
    """The commit that a revision names: from the refs at hand, or by asking the Hub.

    Args:
        production: the name of the production branch. It means the branch, also where a tag has the same name.

    Raises:
        NotFound: there is none; the message says which versions there are.
    """
    sha = refs.branches.get(revision) if revision == production else refs.find(revision)
    if sha is not None:
        return sha
    if is_sha(revision):
        return hub.resolve(repo_id, revision)
    if revision == production:
        raise NotFound(
            f"Nothing is in production in {repo_id} yet: it has no branch {revision!r}.",
            hint=f"Gate a version and promote it: hubver gate {repo_id}@VERSION && hubver promote {repo_id}@VERSION",
        )
    versions = sorted((tag for tag in refs.tags if Version.try_parse(tag)), key=Version.parse)
    raise NotFound(
        f"{repo_id} has no revision {revision!r}.",
        found="no versions yet" if not versions else f"versions {', '.join(versions[-5:])}",
        hint=f"See the history with: hubver log {repo_id}",
    )


def version_of(refs: Refs, sha: str) -> str | None:
    """The version tag on a commit, as it is written; the final one where a candidate's tag is there too."""
    versions = [(version, tag) for tag, at in refs.tags.items() if at == sha and (version := Version.try_parse(tag))]
    return max(versions)[1] if versions else None


def record_of(hub: Hub, pinned: Pin) -> RunRecord:
    """The record of exactly that commit.

    Raises:
        NotFound: it holds none.
        BadDocument: it cannot be read.
    """
    return RunRecord.from_bytes(record_bytes(hub, pinned), source=f"{RECORD_FILE} of {pinned}")


def record_bytes(hub: Hub, pinned: Pin) -> bytes:
    """The record of exactly that commit, as it is stored.

    Raises:
        NotFound: it holds none.
    """
    raw = hub.read_if_there(pinned.repo_id, pinned.sha, RECORD_FILE)
    if raw is None:
        raise NotFound(
            f"{pinned} has no {RECORD_FILE}: it was not published by hubver.", hint="Publish it with: hubver push"
        )
    return raw


def fetch(settings: Settings, pinned: Pin) -> Path:
    """A local folder with every file of the pinned revision."""
    return Hub.of(settings, pinned.repo_id).snapshot(pinned.repo_id, pinned.sha)


def fetch_base(settings: Settings, pinned: Pin) -> Path:
    """A local folder with the base model, at exactly the commit that the pin names.

    Raises:
        BadInput: see `need_base`.
        NotFound: see `need_weights`.
    """
    base_id, base_revision = need_base(pinned)
    folder = Hub.of(settings, base_id).snapshot(base_id, base_revision, BASE_FILES)
    need_weights(base_id, base_revision, [file.name for file in folder.iterdir()])
    return folder


def need_weights(base_id: str, sha: str, files: Collection[str]) -> None:
    """Refuse a base model that has no weights but pickles, which are never fetched: a pickle runs code when it is loaded.

    Args:
        files: paths in the base's repository.

    Raises:
        NotFound: none of them is safetensors that loading begins with.
    """
    if not set(_WEIGHTS) & set(files):
        raise NotFound(
            f"The base model {base_id} at {sha[:8]} has no weights in safetensors, and hubver loads no pickles.",
            expected=f"{_WEIGHTS[0]} or {_WEIGHTS[1]}",
            found=", ".join(sorted(path for path in files if path.endswith((".bin", ".pt", ".pth")))[:3]) or None,
            hint="Where you trust it, publish it with safetensors, and train on that: "
            f"AutoModelForCausalLM.from_pretrained({base_id!r}).push_to_hub('ORG/NAME')",
        )


def need_base(pinned: Pin) -> tuple[str, str]:
    """The repository and the commit of the base model that an adapter goes on.

    Raises:
        BadInput: the revision is no adapter, or does not say which base, or which commit of it.
    """
    if not pinned.is_adapter:
        raise BadInput(f"{pinned} is no adapter: it has no base model.")
    if pinned.base_id is None:
        raise BadInput(
            f"{pinned} does not name its base model: it was trained on one from a folder.",
            hint="Train with HubverCallback(base_model='ORG/NAME'), or name the base in adapter_config.json, and push.",
        )
    if pinned.base_revision is None:
        raise BadInput(
            f"{pinned} does not say which commit of its base {pinned.base_id} it was trained on.",
            expected=f"`revision` in its {ADAPTER_CONFIG}, which `hubver push` writes",
            hint="Publish it again with: hubver push OUTPUT_DIR " + pinned.repo_id,
        )
    return pinned.base_id, pinned.base_revision


def base_in(raw: bytes, where: str) -> tuple[str | None, str | None]:
    """The base that an `adapter_config.json` names: its repository and its commit; None where it names none.

    Raises:
        BadDocument: it cannot be read.
    """
    broken = BadDocument(
        f"{ADAPTER_CONFIG} of {where} does not name a base model.",
        expected="JSON with base_model_name_or_path",
        hint="Publish the run again with: hubver push OUTPUT_DIR ORG/NAME",
    )
    try:
        config = json.loads(raw)
        base_id, revision = config["base_model_name_or_path"], config.get("revision")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise broken from None
    if not isinstance(base_id, str | None):
        raise broken
    return base_id, revision if isinstance(revision, str) and is_sha(revision) else None
