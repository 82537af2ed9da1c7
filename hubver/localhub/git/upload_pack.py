"""Serving clones and fetches by git's protocol version 2, which the Hub speaks and every git since 2.26 asks for.

dulwich serves version 0 alone, and leaves contents out of a clone without giving them out one by one afterwards, so
partial clones need this. The protocol is git's `gitprotocol-v2` documentation.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dulwich.errors import GitProtocolError, HangupException
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import ObjectID
from dulwich.pack import write_pack_from_container

from hubver.localhub.git.selection import Filter, History, Want, objects_between
from hubver.localhub.git.shallow import Boundary, Deepening, boundary
from hubver.localhub.repos.refs import MAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from dulwich.object_store import BaseObjectStore
    from dulwich.protocol import ReceivableProtocol
    from typing_extensions import Buffer

    from hubver.localhub.repos.refs import RefValue
    from hubver.localhub.repos.repository import Repository

_CAPABILITIES = ("version 2", "agent=hubver-localhub", "ls-refs=unborn", "fetch=shallow filter", "object-format=sha1")
_DELIMITER = b"0001"
_DATA_BAND = 1
_BAND_SIZE = 65515
_FAST = 1  # zlib's level: the pack is made anew for each fetch, and the way to the client is short


def advertise(protocol: ReceivableProtocol) -> None:
    """Send what this server can do; refs come when they are asked for."""
    for capability in _CAPABILITIES:
        protocol.write_pkt_line(f"{capability}\n".encode())
    protocol.write_pkt_line(None)


def serve(repo: Repository, protocol: ReceivableProtocol, *, any_object: bool) -> None:
    """Serve one command.

    Args:
        repo: asked for.
        protocol: holds the request and takes the answer.
        any_object: whether files and trees may be fetched by their ids, as partial clones need.

    Raises:
        GitProtocolError: the request is no command of this protocol.
        HangupException: the request is empty.
    """
    command = _read_section(protocol)
    arguments = _read_section(protocol)
    if command[0] == "command=ls-refs":
        _list_refs(repo, protocol, arguments)
    elif command[0] == "command=fetch":
        with repo.objects() as store:
            _Fetch(repo, store, protocol, any_object=any_object).serve(arguments)
    else:
        raise GitProtocolError(f"unknown {command[0]!r}")


def _read_section(protocol: ReceivableProtocol) -> list[str]:
    """Read lines up to a delimiter, the end of the request, or nothing."""
    lines = []
    try:
        while (line := protocol.read_pkt_line()) is not None:
            lines.append(line.decode("utf-8", "surrogateescape").rstrip("\n"))
    except HangupException:
        if lines:
            raise GitProtocolError("the request has no end") from None
    return lines or [""]


def _list_refs(repo: Repository, protocol: ReceivableProtocol, arguments: list[str]) -> None:
    prefixes = tuple(line.partition(" ")[2] for line in arguments if line.startswith("ref-prefix "))
    refs = repo.refs.read()
    shown: dict[str, RefValue] = {**({"HEAD": refs[MAIN]} if MAIN in refs else {}), **refs}
    if MAIN not in refs and "unborn" in arguments:
        protocol.write_pkt_line(f"unborn HEAD symref-target:{MAIN}\n".encode())
    for name, value in shown.items():
        if prefixes and not name.startswith(prefixes):
            continue
        line = f"{value.target} {name}"
        if name == "HEAD" and "symrefs" in arguments:
            line += f" symref-target:{MAIN}"
        if value.commit != value.target and "peel" in arguments:
            line += f" peeled:{value.commit}"
        protocol.write_pkt_line(f"{line}\n".encode())
    protocol.write_pkt_line(None)


@dataclass
class Request:
    """What a client asks for in one request of a fetch.

    Args:
        wants: ids asked for.
        haves: ids that the client says it has.
        shallow: commits where its history ends.
        deepening: how much history it asks for.
        leave_out: what it does not want of that.
        options: what else it said, such as `done`.
    """

    wants: list[ObjectID] = field(default_factory=list)
    haves: list[ObjectID] = field(default_factory=list)
    shallow: set[ObjectID] = field(default_factory=set)
    deepening: Deepening = field(default_factory=Deepening)
    leave_out: Filter = field(default_factory=Filter)
    options: set[str] = field(default_factory=set)


def read_request(lines: list[str], resolve: Callable[[str], ObjectID]) -> Request:
    """Read the arguments of `fetch`.

    Args:
        lines: of the request.
        resolve: answers the commit of a ref's name, or raises KeyError.

    Raises:
        ValueError: an argument is malformed.
        KeyError: a ref is not there.
    """
    asked = Request()
    for line in lines:
        word, _, value = line.partition(" ")
        if word in {"want", "have", "shallow"}:
            if len(value) != 40:
                raise ValueError(f"not an object id: {value!r}")
            oid = ObjectID(value.encode())
            {"want": asked.wants.append, "have": asked.haves.append, "shallow": asked.shallow.add}[word](oid)
        elif word == "deepen":
            asked.deepening = replace(asked.deepening, depth=_positive(value))
        elif word == "deepen-relative":
            asked.deepening = replace(asked.deepening, relative=True)
        elif word == "deepen-since":
            asked.deepening = replace(asked.deepening, since=_positive(value))
        elif word == "deepen-not":
            asked.deepening = replace(asked.deepening, excluded=asked.deepening.excluded | {resolve(value)})
        elif word == "filter":
            asked.leave_out = Filter.parse(value)
        else:
            asked.options.add(word)
    return asked


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ValueError(f"not a number from 1: {text!r}")
    return int(text)


class _Fetch:
    """One request of a fetch and its answer."""

    def __init__(
        self, repo: Repository, store: BaseObjectStore, protocol: ReceivableProtocol, *, any_object: bool
    ) -> None:
        self._refs = repo.refs.read()
        self._store = store
        self._protocol = protocol
        self._any_object = any_object
        self._history = History(store)

    def serve(self, lines: list[str]) -> None:
        try:
            asked = read_request(lines, self._resolve)
            want = Want.of(self._store, asked.wants)
            asked.shallow = {oid for oid in asked.shallow if oid in self._store}
            border = boundary(self._history, want.commits, frozenset(asked.shallow), asked.deepening)
        except (ValueError, KeyError) as error:
            reason = f"not our ref {error.args[0].decode()}" if isinstance(error, KeyError) else str(error)
            self._protocol.write_pkt_line(f"ERR upload-pack: {reason}\n".encode("utf-8", "replace"))
            return
        if not self._any_object and not self._advertised(asked):
            # What the Hub was seen to do: an answer without a pack, on which git gives up.
            self._protocol.write_pkt_line(None)
            return
        common = [oid for oid in asked.haves if oid in self._store]
        if "done" not in asked.options and not self._acknowledge(common, want):
            return
        if asked.deepening:
            self._tell(border)
        self._send(asked, want, border, common)

    def _resolve(self, name: str) -> ObjectID:
        for candidate in (name, f"refs/heads/{name}", f"refs/tags/{name}"):
            if candidate in self._refs:
                return ObjectID(self._refs[candidate].commit.encode())
        raise KeyError(name.encode("utf-8", "replace"))

    def _advertised(self, asked: Request) -> bool:
        known = {value.target.encode() for value in self._refs.values()}
        return all(oid in known for oid in asked.wants)

    def _acknowledge(self, common: list[ObjectID], want: Want) -> bool:
        """Tell which of its commits are known here, and whether that is enough to send a pack at once."""
        self._protocol.write_pkt_line(b"acknowledgments\n")
        for oid in common:
            self._protocol.write_pkt_line(b"ACK " + oid + b"\n")
        if not common:
            self._protocol.write_pkt_line(b"NAK\n")
        ready = bool(common) and self._history.all_lead_to(want.commits, common)
        if ready:
            self._protocol.write_pkt_line(b"ready\n")
            self._protocol.write(_DELIMITER)
        else:
            self._protocol.write_pkt_line(None)
        return ready

    def _tell(self, border: Boundary) -> None:
        self._protocol.write_pkt_line(b"shallow-info\n")
        for word, oids in ((b"shallow ", border.new), (b"unshallow ", border.gone)):
            for oid in sorted(oids):
                self._protocol.write_pkt_line(word + oid + b"\n")
        self._protocol.write(_DELIMITER)

    def _send(self, asked: Request, want: Want, border: Boundary, common: list[ObjectID]) -> None:
        history = self._history
        has = history.reach(Want.of(self._store, common).commits, ends=asked.shallow)
        tips = [*want.commits, *(parent for oid in border.gone for parent in history.commit(oid).parents)]
        commits = history.reach(tips, stop=has, ends=border.ends)
        chosen = dict.fromkeys(objects_between(history, has, commits, want, asked.leave_out))
        if "include-tag" in asked.options:
            chosen |= dict.fromkeys(self._tags_of(commits))
        self._protocol.write_pkt_line(b"packfile\n")
        with io.BufferedWriter(_SideBand(self._protocol), _BAND_SIZE) as band:
            write_pack_from_container(
                band.write,
                self._store,  # type: ignore[arg-type]  # a store of packs, as `Repository.open` has it
                [(oid, None) for oid in chosen],
                DEFAULT_OBJECT_FORMAT,
                compression_level=_FAST,
            )
        self._protocol.write_pkt_line(None)

    def _tags_of(self, commits: set[ObjectID]) -> list[ObjectID]:
        """The annotated tags of commits that are sent: they come along, so that no second fetch is needed."""
        annotated = [value for value in self._refs.values() if value.target != value.commit]
        tags = [ObjectID(value.target.encode()) for value in annotated if value.commit.encode() in commits]
        return [oid for oid in Want.of(self._store, tags).others if oid not in commits]


class _SideBand(io.RawIOBase):
    """The part of an answer that holds the pack."""

    def __init__(self, protocol: ReceivableProtocol) -> None:
        super().__init__()
        self._protocol = protocol

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        piece = bytes(data)
        self._protocol.write_sideband(_DATA_BAND, piece)
        return len(piece)
