"""What a revision is on the Hub, to the byte: the entry that a lock file gets."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hubver.errors import Refused, Tampered
from hubver.hub.contents import git_blob
from hubver.locking import rules, witness
from hubver.locking.document import LockedBase, LockedFile, LockedModel
from hubver.pins import BASE_FILES, need_base, need_weights, pin, record_bytes
from hubver.record import digest
from hubver.record.schema import RECORD_FILE, RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubver.hub.client import Hub
    from hubver.hub.contents import StoredFile
    from hubver.locking.witness import Witnessed
    from hubver.pins import Pin


def observe(hub: Hub, repo_id: str, revision: str, *, production: str, before: LockedModel | None) -> LockedModel:
    """Pin what a revision means now: seven requests, and one for each small file that its record names.

    A commit that is locked already is only held against its lock, in six requests.

    Args:
        production: the name of the production branch.
        before: the entry that the lock file has of this repository.

    Raises:
        NotFound: no such repository or revision, or it was not published by hubver; or its base has no weights in
            safetensors, so that nothing could load it.
        BadInput: it is an adapter, and does not say which commit of which base it goes on.
        Tampered: the Hub and the record disagree on a file, or either with what was locked before; or since then the
            version's tag moved, or the ledger was rewritten.
        Refused: the revision is quarantined.
    """
    refs = hub.refs(repo_id)
    pinned = pin(hub, repo_id, revision, refs, production=production)
    seen = witness.look(hub, repo_id, refs, before.ledger if before else None)
    if before is not None:
        # A version whose tag was moved is another model under the same name, which no update may take for news.
        _refuse_what_changed(repo_id, [*([seen.fault] if seen.fault else []), *rules.of_tag(before, refs)])
    if seen.state.is_quarantined(pinned.sha):
        raise Refused(f"{pinned} is quarantined, so it is not locked.", hint=f"See why with: hubver log {repo_id}")
    if before is not None and before.sha == pinned.sha:
        return _again(hub, pinned, before, seen)
    return _anew(hub, pinned, seen)


def base_files(stored: Mapping[str, StoredFile]) -> dict[str, StoredFile]:
    """Those of a base model's files that loading takes up."""
    return {path: file for path, file in stored.items() if any(fnmatchcase(path, one) for one in BASE_FILES)}


def _again(hub: Hub, pinned: Pin, before: LockedModel, seen: Witnessed) -> LockedModel:
    """The entry of a commit that is locked already; fields that this version does not know stay."""
    faults = [*rules.of_files(before.files, hub.files(pinned.repo_id, pinned.sha))]
    base = (before.base.repo_id, before.base.sha) if before.base else (None, None)
    if base != (pinned.base_id, pinned.base_revision):
        faults.append(rules.Fault("base", "it is not the one of the commit", str(pinned.base_id), str(base[0])))
    if before.base is not None:
        stored = base_files(hub.files(before.base.repo_id, before.base.sha))
        faults += rules.of_files(before.base.files, stored, of=f"base {before.base.repo_id} ")
    _refuse_what_changed(pinned.repo_id, faults)
    ledger = before.ledger or seen.head
    return before.model_copy(update={"revision": pinned.revision, "version": pinned.version, "ledger": ledger})


def _anew(hub: Hub, pinned: Pin, seen: Witnessed) -> LockedModel:
    raw = record_bytes(hub, pinned)
    record = RunRecord.from_bytes(raw, source=f"{RECORD_FILE} of {pinned}")
    said = {entry.path: entry.sha256 for entry in record.files} | {RECORD_FILE: digest.sha256(raw)}
    files = _confirmed(hub, pinned.repo_id, pinned.sha, hub.files(pinned.repo_id, pinned.sha), said)
    return LockedModel(
        revision=pinned.revision,
        sha=pinned.sha,
        version=pinned.version,
        record_sha256=said[RECORD_FILE],
        ledger=seen.head,
        base=_base(hub, pinned, record) if pinned.is_adapter else None,
        files=files,
    )


def _base(hub: Hub, pinned: Pin, record: RunRecord) -> LockedBase:
    base_id, sha = need_base(pinned)
    there = hub.files(base_id, sha)
    need_weights(base_id, sha, there)
    stored, told = base_files(there), record.base_model
    said: dict[str, str] = {}
    if (told.id, told.sha) == (base_id, sha):
        known = {"config.json": told.config_sha256, told.weights_file: told.weights_sha256}
        said = {path: value for path, value in known.items() if path in stored and value}
    return LockedBase(repo_id=base_id, sha=sha, files=_confirmed(hub, base_id, sha, stored, said))


def _confirmed(
    hub: Hub, repo_id: str, sha: str, stored: Mapping[str, StoredFile], said: Mapping[str, str]
) -> dict[str, LockedFile]:
    """The files as the Hub stores them, which must be what the record says of them.

    A large file is stored by its sha256, so the Hub's word is enough. A small one is a git blob, whose name is a sha1, so
    it is read to be compared with the record's sha256.
    """
    faults, files = [], {}
    for path, file in stored.items():
        sha256 = file.sha256
        if sha256 is None and path in said:
            data = hub.read(repo_id, sha, path)
            sha256 = digest.sha256(data) if git_blob(data) == file.blob else None
        if path in said and sha256 != said[path]:
            found = f"sha256 {sha256}" if sha256 else "bytes that are not those of the commit"
            faults.append(rules.Fault(path, "the Hub and the record disagree", f"sha256 {said[path]}", found))
        files[path] = LockedFile(size=file.size, blob=file.blob, sha256=sha256)
    faults += [
        rules.Fault(path, "the record names it, and the Hub lacks it", f"sha256 {said[path]}", "no such file")
        for path in sorted(said.keys() - stored.keys())
    ]
    _refuse(repo_id, faults, f"Look into it with: hubver verify {repo_id}@{sha}")
    return files


def _refuse_what_changed(repo_id: str, faults: Sequence[rules.Fault]) -> None:
    hint = (
        f"Look into it with: hubver lock --check, and hubver verify {repo_id}. "
        f"To accept what is there now: hubver lock --remove {repo_id}, then lock it again."
    )
    _refuse(repo_id, faults, hint)


def _refuse(repo_id: str, faults: Sequence[rules.Fault], hint: str) -> None:
    """Lock nothing that does not fit together.

    Raises:
        Tampered: there is a fault; the first is named.
    """
    if faults:
        more = f", and {len(faults) - 1} more" if faults[1:] else ""
        raise Tampered(f"{repo_id}: {faults[0]}{more}.", hint=hint)
