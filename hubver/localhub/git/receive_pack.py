"""Taking a git push: dulwich reads the pack, and the refs move here, by compare-and-swap and atomically where asked.

dulwich's own handler ignores the outcome of a failed compare-and-swap and moves the refs of an atomic push one by one,
so it may report success for a ref that did not move. The protocol is git's `pack-protocol` documentation.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, GitProtocolError, ObjectFormatException
from dulwich.protocol import ReceivableProtocol, extract_capabilities, pkt_line

from hubver.localhub.git.inspection import Inspection, Intake, Objection
from hubver.localhub.git.pack_sizes import check_sizes
from hubver.localhub.git.quarantine import Quarantine, quarantine
from hubver.localhub.repos.refs import RefChange, RefusedChanges
from hubver.localhub.talk.discussions import Discussion, Discussions, pull_number
from hubver.localhub.talk.pulls import record_commit

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore

    from hubver.localhub.accounts.users import User
    from hubver.localhub.repos.repository import Repository

_CAPABILITIES = b"report-status delete-refs quiet ofs-delta side-band-64k object-format=sha1 agent=hubver-localhub"
_ATOMIC = b" atomic"
_DATA_BAND, _REMARKS_BAND = 1, 2
_BROKEN_PACK = (
    OSError,
    ChecksumMismatch,
    ApplyDeltaError,
    AssertionError,
    ObjectFormatException,
    zlib.error,
    KeyError,
    ValueError,
    EOFError,
)


def advertise(intake: Intake, protocol: ReceivableProtocol) -> None:
    """Send the refs and what this server can do."""
    refs = intake.repo.refs.read()
    capabilities = _CAPABILITIES + (_ATOMIC if intake.atomic else b"")
    lines = [f"{value.target} {name}".encode() for name, value in refs.items()] or [b"0" * 40 + b" capabilities^{}"]
    for number, line in enumerate(lines):
        protocol.write_pkt_line(line + (b"\0" + capabilities if number == 0 else b"") + b"\n")
    protocol.write_pkt_line(None)


@dataclass(frozen=True)
class Push:
    """A push as it was asked for: the moves in order, and what the client can read."""

    changes: list[RefChange]
    capabilities: frozenset[bytes]


def read_commands(protocol: ReceivableProtocol) -> Push | None:
    """Read the moves; None if the client sent none (git does so to learn whether it is let in).

    Raises:
        GitProtocolError: the lines are not moves.
    """
    changes: list[RefChange] = []
    capabilities: list[bytes] = []
    while (line := protocol.read_pkt_line()) is not None:
        if not changes:
            # A shallow clone says first where its history ends; a push must be whole with what is here all the same.
            if line.startswith(b"shallow "):
                continue
            line, capabilities = extract_capabilities(line)
        words = line.rstrip(b"\n").split(b" ", 2)
        if len(words) != 3 or any(len(word) != 40 for word in words[:2]):
            raise GitProtocolError(f"Not a command: {line!r}")
        old, new = (None if word == b"0" * 40 else word.decode() for word in words[:2])
        changes.append(RefChange(words[2].decode(), old, new))
    return Push(changes, frozenset(capabilities)) if changes else None


def receive(intake: Intake, protocol: ReceivableProtocol, body: IO[bytes]) -> None:
    """Serve one push, and report to the client what became of each ref.

    Args:
        intake: who pushes, and to what.
        protocol: reads `body` and takes the answer.
        body: of the request; it can be read twice, and is, because a pack's sizes are checked before it is unpacked.
    """
    push = read_commands(protocol)
    if push is None:
        return
    with quarantine(intake.repo.git_dir) as waiting:
        unpacked = "ok"
        if any(change.new for change in push.changes):
            try:
                check_sizes(body)
                waiting.store.add_thin_pack(protocol.read, protocol.recv)
            except _BROKEN_PACK as error:
                unpacked = f"{type(error).__name__}: {error}".replace("\n", " ")
        if unpacked == "ok":
            refused = _move_all(intake, waiting, push)
        else:
            refused = {change.name: Objection("unpacker error") for change in push.changes}
    if b"report-status" in push.capabilities:
        _report(protocol, push, unpacked.encode(), refused)


def _move_all(intake: Intake, waiting: Quarantine, push: Push) -> dict[str, Objection]:
    """Move the refs, and answer for each that did not move why."""
    atomic = b"atomic" in push.capabilities
    with intake.repo.lock:
        inspection = Inspection(intake, waiting.store)
        found = {change.name: inspection.objection(change) for change in push.changes}
        refused = {name: no for name, no in found.items() if no}
        changes = [change for change in push.changes if change.name not in refused]
        if changes and not (atomic and refused):
            waiting.release()
            with intake.repo.objects() as store:
                refused |= _move(intake, changes, store, atomic=atomic)
        if refused and atomic:
            refused = {change.name: Objection("atomic push failed") for change in push.changes} | refused
        return refused


def _move(intake: Intake, changes: list[RefChange], store: BaseObjectStore, *, atomic: bool) -> dict[str, Objection]:
    """Move refs, all or none if `atomic`, and otherwise those that nothing stands in the way of."""
    told = _pull_commits(intake.repo, store, changes, intake.user)
    try:
        with Discussions(intake.repo).telling(told):
            intake.repo.move(changes, store)
    except RefusedChanges as error:
        refused = {name: Objection(reason) for name, reason in error.reasons.items()}
        others = [change for change in changes if change.name not in refused]
        return refused if atomic or not others else refused | _move(intake, others, store, atomic=False)
    return {}


def _pull_commits(
    repo: Repository, store: BaseObjectStore, changes: list[RefChange], user: User
) -> list[tuple[Discussion, RefChange]]:
    """The pull requests whose refs move, as they are to tell of it."""
    told = []
    for change in changes:
        number = pull_number(change.name)
        if number is not None and change.new is not None:
            discussion = Discussions(repo).get(number)
            record_commit(discussion, store, change.new, user.name)
            told.append((discussion, change))
    return told


def _report(protocol: ReceivableProtocol, push: Push, unpacked: bytes, refused: dict[str, Objection]) -> None:
    lines = [b"unpack " + unpacked + b"\n"]
    for change in push.changes:
        no = refused.get(change.name)
        lines.append((f"ng {change.name} {no.reason}\n" if no else f"ok {change.name}\n").encode())
    report = b"".join(pkt_line(line) for line in [*lines, None])
    if b"side-band-64k" in push.capabilities:
        for remarks in dict.fromkeys(no.remarks for no in refused.values() if no.remarks):
            protocol.write_sideband(_REMARKS_BAND, f"{remarks}\n".encode("utf-8", "replace"))
        protocol.write_sideband(_DATA_BAND, report)
        protocol.write_pkt_line(None)
    else:
        protocol.write(report)
