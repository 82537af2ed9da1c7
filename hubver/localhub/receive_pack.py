"""Taking a git push: dulwich reads the pack, and the refs move here, by compare-and-swap and atomically where asked.

dulwich's own handler ignores the outcome of a failed compare-and-swap and moves the refs of an atomic push one by one,
so it may report success for a ref that did not move. The protocol is git's `pack-protocol` documentation.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, GitProtocolError, ObjectFormatException
from dulwich.objects import S_ISGITLINK, Commit, ObjectID
from dulwich.protocol import ReceivableProtocol, extract_capabilities, pkt_line

from hubver.localhub import trees
from hubver.localhub.access import may_write
from hubver.localhub.discussions import Discussions, pull_number
from hubver.localhub.pre_receive import Rule, objection
from hubver.localhub.pulls import record_commit
from hubver.localhub.refs import MAIN, RefChange, RefusedChanges
from hubver.localhub.repository import Repository, get_commit, peel, read_blob, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dulwich.object_store import BaseObjectStore

    from hubver.localhub.users import User

_CAPABILITIES = b"report-status delete-refs quiet ofs-delta side-band-64k object-format=sha1 agent=hubver-localhub"
_ATOMIC = b" atomic"
_DATA_BAND, _REMARKS_BAND = 1, 2
_DECLINED = "pre-receive hook declined"
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


@dataclass(frozen=True)
class Intake:
    """Who pushes, and to what.

    Args:
        repo: pushed to.
        user: who pushes.
        has_object: tells of a sha256 and a size whether there is such an LFS object for this user.
        atomic: whether atomic pushes are offered.
    """

    repo: Repository
    user: User
    has_object: Callable[[str, int], bool]
    atomic: bool


@dataclass(frozen=True)
class Objection:
    """Why a ref does not move: a reason for git's report, and remarks that git shows to people."""

    reason: str
    remarks: str = ""


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
            line, capabilities = extract_capabilities(line)
        words = line.rstrip(b"\n").split(b" ", 2)
        if len(words) != 3 or any(len(word) != 40 for word in words[:2]):
            raise GitProtocolError(f"Not a command: {line!r}")
        old, new = (None if word == b"0" * 40 else word.decode() for word in words[:2])
        changes.append(RefChange(words[2].decode(), old, new))
    return Push(changes, frozenset(capabilities)) if changes else None


def receive(intake: Intake, protocol: ReceivableProtocol) -> None:
    """Serve one push, and report to the client what became of each ref."""
    push = read_commands(protocol)
    if push is None:
        return
    with intake.repo.objects() as store:
        unpacked = b"ok"
        if any(change.new for change in push.changes):
            try:
                store.add_thin_pack(protocol.read, protocol.recv)  # type: ignore[attr-defined]
            except _BROKEN_PACK as error:
                unpacked = f"{type(error).__name__}: {error}".replace("\n", " ").encode()
        if unpacked == b"ok":
            outcome = _move_all(intake, store, push)
        else:
            outcome = {change.name: Objection("unpacker error") for change in push.changes}
    if b"report-status" in push.capabilities:
        _report(protocol, push, unpacked, outcome)


def _move_all(intake: Intake, store: BaseObjectStore, push: Push) -> dict[str, Objection]:
    """Move the refs, and answer for each that did not move why."""
    with intake.repo.lock:
        refused = {}
        for change in push.changes:
            reason = _objection(intake, store, change)
            if reason:
                refused[change.name] = reason
        if b"atomic" in push.capabilities:
            groups = [push.changes] if not refused else []
        else:
            groups = [[change] for change in push.changes if change.name not in refused]
        for group in groups:
            refused |= _move_together(intake, store, group)
        if refused and b"atomic" in push.capabilities:
            refused = {change.name: Objection("atomic push failed") for change in push.changes} | refused
        return refused


def _move_together(intake: Intake, store: BaseObjectStore, changes: list[RefChange]) -> dict[str, Objection]:
    try:
        intake.repo.move(changes, store)
    except RefusedChanges as error:
        return {name: Objection(reason) for name, reason in error.reasons.items()}
    _note_pull_commits(intake.repo, store, changes, intake.user)
    return {}


def _objection(intake: Intake, store: BaseObjectStore, change: RefChange) -> Objection | None:
    """Say why a ref may not be moved like this, whatever it stands at."""
    repo, pull = intake.repo, pull_number(change.name)
    if not change.name.startswith(("refs/heads/", "refs/tags/")) and pull is None:
        return Objection("only branches, tags and pull requests can be pushed")
    if change.new is None and (change.name == MAIN or pull is not None):
        return Objection("main and pull requests cannot be deleted by a push")
    known = {value.target for value in repo.refs.read().values()}
    if pull is not None and change.name not in repo.refs.read():
        return Objection(f"there is no pull request {pull}")
    own = pull is not None and Discussions(repo).get(pull).author == intake.user.name
    if not own and not may_write(repo, intake.user):
        return Objection(_DECLINED, "You may only push to pull requests of your own, not to this repo.")
    if change.new is None or change.new in known:
        return None
    return _bad_objects(intake, store, change, known)


def _bad_objects(intake: Intake, store: BaseObjectStore, change: RefChange, known: set[str]) -> Objection | None:
    """Look through what a push brings: all of it must be there, and nothing that may not be committed."""
    refused: dict[Rule, list[str]] = {}
    try:
        target = peel(store, str(change.new)) if change.name.startswith("refs/tags/") else str(change.new)
        if not isinstance(store[ObjectID(target.encode())], Commit):
            return Objection("a ref must lead to a commit")
        for entry in _new_files(store, target, {peel(store, oid) for oid in known}):
            content = b"" if entry.is_folder or S_ISGITLINK(entry.mode) else read_blob(store, entry.oid)
            rule = objection(entry.path, entry.mode, content, intake.has_object)
            if rule:
                refused.setdefault(rule, []).append(entry.path)
    except KeyError:
        return Objection("missing necessary objects")
    for rule, paths in refused.items():
        return Objection(_DECLINED, rule.text(paths, change.name))
    return None


def _new_files(store: BaseObjectStore, target: str, known: set[str]) -> Iterator[trees.Entry]:
    """Every file and folder in the history of `target` that no `known` commit next to it has.

    Raises:
        KeyError: while iterating, if a commit or a tree of it is not in the store.
    """
    old = _history(store, known, set())
    new = _history(store, {target}, old)
    edges = {parent.decode() for oid in new for parent in get_commit(store, oid).parents} & old
    seen = {entry.oid for oid in edges for entry in trees.walk(store, tree_of(store, oid))}
    todo = [trees.Entry("", trees.FOLDER_MODE, tree_of(store, oid)) for oid in new]
    while todo:
        entry = todo.pop()
        if entry.oid in seen:
            continue
        seen.add(entry.oid)
        if entry.is_folder:
            todo += trees.walk(store, entry.oid, entry.path, recursive=False)
        if entry.path:
            yield entry


def _history(store: BaseObjectStore, tips: set[str], stop: set[str]) -> set[str]:
    """The commits reachable from `tips` without going through `stop`."""
    found: set[str] = set()
    todo = list(tips)
    while todo:
        oid = todo.pop()
        if oid in found or oid in stop:
            continue
        found.add(oid)
        commit = store[ObjectID(oid.encode())]
        if isinstance(commit, Commit):
            todo += [parent.decode() for parent in commit.parents]
    return found


def _note_pull_commits(repo: Repository, store: BaseObjectStore, changes: list[RefChange], user: User) -> None:
    discussions = Discussions(repo)
    for change in changes:
        number = pull_number(change.name)
        if number is not None and change.new is not None:
            discussion = discussions.get(number)
            record_commit(discussion, store, change.new, user.name)
            discussions.save(discussion)


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
