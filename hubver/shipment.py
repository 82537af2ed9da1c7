"""What the commit of a run holds, and which version it becomes: decided from the run and from what `main` holds now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver import card, diff, landed
from hubver.errors import AlreadyExists, BadDocument
from hubver.hub.contents import Upload
from hubver.record.digest import sha256
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.signing import tool
from hubver.signing.bundle import SIGNATURE_FILE, is_signed
from hubver.versions import Version, known, next_candidate, propose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hubver.diff import Proposal
    from hubver.hub.client import Hub
    from hubver.hub.contents import Refs
    from hubver.record.capture import Capture
    from hubver.signing.parties import Signer
    from hubver.versions import Bump

CARD_FILE = "README.md"


@dataclass(frozen=True)
class Plan:
    """Where a run goes.

    Attributes:
        head: the commit of `main` that it follows.
        previous: the record that this holds; None if it holds none that can be read.
        card: the card that it holds.
        proposal: how the version was chosen from what changed; None where the user chose, and for a first version.
        signed: whether it holds a signature, which covers nothing that follows.
    """

    version: Version
    head: str
    previous: RunRecord | None
    card: bytes | None
    proposal: Proposal | None
    signed: bool


@dataclass(frozen=True)
class Shipment:
    """One commit.

    Attributes:
        obsolete: what the version before published and this one has not; files that people added themselves stay.
        title: its first line.
        description: what follows.
        size: bytes of the files.
    """

    uploads: tuple[Upload, ...]
    obsolete: tuple[str, ...]
    title: str
    description: str
    size: int


def plan(
    hub: Hub,
    repo_id: str,
    refs: Refs,
    record: RunRecord,
    *,
    promised: Iterable[str],
    wanted: Version | None,
    bump: Bump | None,
    pr: bool,
    tell: Callable[[str], None],
) -> Plan:
    """The version that a run gets, and the record and the card that it follows.

    Args:
        promised: versions that the ledger has given, whether or not their tags are there yet.
        wanted: the version that the user wants; None to choose it.
        bump: the part of the last version to raise; None to choose it by what changed.
        pr: whether it will be a candidate.
        tell: told of a last record that cannot be read: it must not stop all pushes for ever.

    Raises:
        AlreadyExists: the version is taken.
    """
    previous = _previous(hub, repo_id, refs.main, tell)
    text = hub.read_if_there(repo_id, refs.main, CARD_FILE)
    taken = known({*refs.tags, *promised})
    if previous is not None and previous.version is not None:
        # Its push may still be between commit and tag.
        taken.append(Version.parse(previous.version))
    chosen = diff.propose(previous, record)
    following = propose(taken, bump or chosen.bump)
    if wanted in taken:
        raise AlreadyExists(
            f"{wanted} is in {repo_id} already, and versions never move.",
            hint=f"Leave --version out; the next one is {following}.",
        )
    version = wanted or following
    return Plan(
        next_candidate(version, taken) if pr else version,
        refs.main,
        previous,
        text,
        None if wanted or bump or not taken else chosen,
        hub.read_if_there(repo_id, refs.main, SIGNATURE_FILE) is not None,
    )


def _previous(hub: Hub, repo_id: str, head: str, tell: Callable[[str], None]) -> RunRecord | None:
    try:
        raw = hub.read_if_there(repo_id, head, RECORD_FILE)
        return RunRecord.from_bytes(raw, source=f"{RECORD_FILE} on main") if raw is not None else None
    except BadDocument as error:
        tell(f"the last record cannot be read, so the card will not say what changed since: {error.fact}")
        return None


def pack(hub: Hub, repo_id: str, plan: Plan, capture: Capture, *, pr: bool, signer: Signer | None) -> Shipment:
    """The commit that makes a run the planned version.

    Args:
        signer: signs everything that the commit will hold, what other people added included; None to sign nothing.

    Raises:
        MissingPackage, BadInput, HubFailed: see `hubver.signing.tool.sign`.
    """
    record = capture.record.model_copy(update={"version": str(plan.version)})
    page = card.render(record, changes=diff.compare(plan.previous, record), verdict=None, previous=plan.card)
    digests = {entry.path: entry.sha256 for entry in record.files}
    uploads = [
        *(Upload(path, content, digests[path]) for path, content in capture.files.items()),
        *(_in_memory(path, content) for path, content in ((RECORD_FILE, record.to_bytes()), (CARD_FILE, page))),
    ]
    arriving = {upload.path: upload.sha256 for upload in uploads}
    obsolete = [entry.path for entry in (plan.previous.files if plan.previous else ()) if entry.path not in arriving]
    if signer is not None:
        staying = {path: value for path, value in _held(hub, repo_id, plan.head).items() if path not in obsolete}
        signature = tool.sign(signer, {**staying, **arriving}, name=repo_id.partition("/")[2])
        uploads.append(_in_memory(SIGNATURE_FILE, signature))
    elif plan.signed:
        obsolete.append(SIGNATURE_FILE)
    title = f"{plan.version}: {record.message}" if record.message else str(plan.version)
    return Shipment(
        tuple(uploads),
        tuple(obsolete),
        f"{title} {landed.marker(record.run_id)}" if pr else title,
        landed.trailer(record.run_id),
        sum(entry.size for entry in record.files),
    )


def _held(hub: Hub, repo_id: str, head: str) -> dict[str, str]:
    """sha256 of what a commit holds and a signature covers, by path; what git itself keeps is read for it."""
    stored = {path: file for path, file in hub.files(repo_id, head).items() if is_signed(path)}
    return {path: file.sha256 or sha256(hub.read(repo_id, head, path)) for path, file in stored.items()}


def _in_memory(path: str, content: bytes) -> Upload:
    return Upload(path, content, sha256(content))
