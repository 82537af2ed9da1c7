"""Several refs of a Hub repository, moved together by one git push, each from the value that was read.

The HTTP API can move a branch but cannot compare first; git can. A push names the old and the new commit of every ref,
and a server that offers `atomic` takes all of them or none. Nothing is cloned: the few new objects (a ledger commit)
are built in memory, and the commits that refs move to are on the server already. What the server advertises before a
push are its refs, so one request both reads them and says what it can do.

Source: git's pack protocol (gitprotocol-pack, "Reference Discovery" and "Reference Update Request"), spoken by dulwich.
"""

from __future__ import annotations

import re
from io import BufferedReader
from typing import TYPE_CHECKING, Any

from hubver.errors import BadToken, HubFailed, HubUnreachable, HubverError, NotFound, StaleRef
from hubver.hub.answers import reason
from hubver.hub.contents import Refs
from hubver.hub.transport.moves import BRANCHES, LEDGER, LEDGER_REF, LOOK_BACK, Move, arrived, one_line, stale
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dulwich.client import HttpGitClient
    from dulwich.objects import ShaFile

    from hubver.hub.client import Hub
    from hubver.hub.transport.moves import Line

_TIMEOUT_S = 60.0
_PIECE = 1 << 16
_ADDRESS = re.compile(r"https?://\S+")
_DELETED = b"0" * 40


class GitPush:
    """Moves refs by git pushes; made by `connect`.

    Attributes:
        refs: what the server advertised. A tag with a message stands there as itself, not as its commit, and a server
            may leave pull requests out.
        in_steps: whether it moves one ref after another, because it does not offer `atomic`.
        moved: branches that this moved, and where to, where that was not together with the line that says so: it may have
            been on top of moves by others, which led back to where it was compared with.
    """

    def __init__(self, hub: Hub, repo_id: str) -> None:
        """Read the refs, in one request that only a token that may push is let to make.

        Raises:
            BadToken: the token may not push.
            NotFound: there is no git here, or no such repository.
            HubFailed, HubUnreachable: no answer, or none that git knows.
        """
        hub.need_token()
        self._hub, self._repo_id = hub, repo_id
        self._seen, self._capabilities = _discover(hub, repo_id)
        self.refs = _refs(self._seen)
        self.in_steps = b"atomic" not in self._capabilities
        self.moved: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The way, in words."""
        return "git push, one ref at a time" if self.in_steps else "atomic git push"

    def carry_out(self, line: Line | None, moves: Sequence[Move]) -> str | None:
        """Move refs by compare-and-swap with what was read: all of them, or none.

        Where the server does not offer `atomic` they go one after the other, the ledger's line first, as the lock; then
        a ref that is where it should be already is passed over.

        Args:
            line: the line in the ledger that says so; None to write none.

        Returns:
            The ledger commit, if there is a line.

        Raises:
            StaleRef: a ref is not where it was read. Nothing moved, or nothing from that ref on.
            BadToken: the token may not push.
            HubFailed, HubUnreachable: the answer was lost and the refs, read again, have not moved.
        """
        objects: tuple[ShaFile, ...] = ()
        sha: str | None = None
        if line is not None:
            objects = commit_of(line)
            sha = objects[-1].id.decode()
            moves = [Move(LEDGER_REF, line.parent, sha), *moves]
        if not moves:
            return sha
        if not self.in_steps:
            self._settle(moves, objects)
            return sha
        there = {name.decode(): value.decode() for name, value in self._seen.items()}
        for one in moves:
            if there.get(one.ref) != one.new:
                self._settle([one], objects if one.ref == LEDGER_REF else ())
                if one.new is not None and one.ref != LEDGER_REF and one.ref.startswith(BRANCHES):
                    self.moved[one.ref.removeprefix(BRANCHES)] = one.new
        return sha

    def _settle(self, moves: Sequence[Move], objects: Sequence[ShaFile]) -> None:
        try:
            self._push(moves, objects)
        except HubFailed:
            # A lost answer is not a failure: look before saying so.
            if not self._arrived(moves):
                raise
        except StaleRef:
            # Where refs move one after another, somebody else may have finished this very change.
            if not (self.in_steps and moves[0].ref != LEDGER_REF and self._arrived(moves)):
                raise
        for one in moves:
            if one.new is None:
                self._seen.pop(one.ref.encode(), None)
            else:
                self._seen[one.ref.encode()] = one.new.encode()

    def _arrived(self, moves: Sequence[Move]) -> bool:
        hub, repo_id = self._hub, self._repo_id
        try:
            refs = hub.refs(repo_id)
            if arrived(refs, moves):
                return True
            # Others may have gone on since. What moved together with a line is told by the line.
            line = next((one.new for one in moves if one.ref == LEDGER_REF), None)
            head = refs.branches.get(LEDGER)
            newest = hub.commits(repo_id, head, limit=LOOK_BACK) if line and head else ()
            return any(commit.sha == line for commit in newest)
        except HubFailed:
            return False

    def _push(self, moves: Sequence[Move], objects: Sequence[ShaFile]) -> None:
        from dulwich.errors import GitProtocolError, HangupException, SendPackError

        hub, repo_id = self._hub, self._repo_id
        try:
            result = self._send(moves, objects)
        except SendPackError as error:
            raise HubFailed(f"{hub.endpoint} refused the push to {repo_id}.", found=_words(error)) from error
        except (HangupException, GitProtocolError) as error:
            raise HubUnreachable(
                f"{hub.endpoint} did not answer a push to {repo_id}.",
                found=_words(error),
                hint="Run the same command again: it goes on where it stopped.",
            ) from error
        refused = {ref.decode(): str(why) for ref, why in (result.ref_status or {}).items() if why is not None}
        if refused:
            # Where one of several is refused, so are the others, and of these a server says nothing but that.
            ref = max(refused, key=lambda name: ("declined" in refused[name], "atomic" not in refused[name]))
            raise self._refused(ref, redact(refused[ref]))

    def _refused(self, ref: str, refusal: str) -> HubverError:
        """Why a ref was not moved: the Hub would not have it, from this token or from anybody; or somebody was faster.

        Raises:
            BadToken: it may not write.
        """
        hub, repo_id = self._hub, self._repo_id
        if "declined" in refusal:  # by a hook, git's word for a server's own rules
            hub.need_write(repo_id)
            return HubFailed(f"{hub.endpoint} refused to move {ref} in {repo_id}.", found=refusal)
        return StaleRef(
            f"{ref} in {repo_id} was not moved: {refusal}.",
            hint=f"Somebody else may have moved it. Look with `hubver status {repo_id}`, then try again.",
        )

    def _send(self, moves: Sequence[Move], objects: Sequence[ShaFile]) -> Any:
        from dulwich.pack import pack_objects_to_data

        def update(refs: dict[Any, Any]) -> dict[Any, Any]:
            # dulwich sends what it read as the old values, so this comparison and the server's own, made under its
            # lock, are with the same thing.
            for one in moves:
                now = refs.get(one.ref.encode())
                if now != (one.old.encode() if one.old else None):
                    raise stale(self._repo_id, one, now.decode() if now else None)
            return {one.ref.encode(): one.new.encode() if one.new else _DELETED for one in moves}

        # Against the refs that the caller decided by: were they read anew, a move in between would go unnoticed.
        client = _client(self._hub, self._repo_id, (self._seen, self._capabilities))
        try:
            return client.send_pack(
                f"{self._repo_id}.git",
                update,
                lambda *_args, **_kwargs: pack_objects_to_data(list(objects)),
                atomic=not self.in_steps,
            )
        finally:
            client.pool_manager.clear()  # dulwich leaves its connections open


def commit_of(line: Line) -> tuple[ShaFile, ...]:
    """The git objects of a ledger line; the last is the commit."""
    from dulwich.objects import Blob, Commit, Tree

    tree = Tree()
    objects: list[ShaFile] = []
    for name, content in sorted(line.files.items()):
        blob = Blob.from_string(content)
        objects.append(blob)
        tree.add(name.encode(), 0o100644, blob.id)
    event = line.event
    commit = Commit()
    commit.tree = tree.id
    commit.parents = [line.parent.encode()] if line.parent else []  # type: ignore[list-item]
    commit.author = commit.committer = f"{one_line(event.actor)} <{one_line(event.actor)}@hubver>".encode()
    commit.author_time = commit.commit_time = int(event.at.timestamp())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = f"{line.title}\n\n".encode() + event.to_bytes()
    return (*objects, tree, commit)


def _discover(hub: Hub, repo_id: str) -> tuple[dict[bytes, bytes], set[bytes]]:
    """The refs that the server advertises before a push, and what it can do."""
    from dulwich.errors import GitProtocolError, HangupException

    client = _client(hub, repo_id)
    try:
        seen, capabilities, *_ = client._discover_references(  # noqa: SLF001  # its public face asks as a reader
            b"git-receive-pack", f"{hub.endpoint}/{repo_id}.git/"
        )
    except (HangupException, GitProtocolError, AssertionError, ValueError) as error:
        raise HubUnreachable(f"{hub.endpoint} does not speak git for {repo_id}.", found=_words(error)) from error
    finally:
        client.pool_manager.clear()
    if client.dumb:
        raise HubFailed(f"{hub.endpoint} does not speak git for {repo_id}.")
    return {name: value for name, value in seen.items() if value and name != b"capabilities^{}"}, capabilities


def _client(hub: Hub, repo_id: str, known: tuple[dict[bytes, bytes], set[bytes]] | None = None) -> HttpGitClient:
    """A git client that answers a refusal with our errors.

    Args:
        known: refs and capabilities, where they have been read before.
    """
    from dulwich.client import HttpGitClient
    from dulwich.errors import GitProtocolError

    class Client(HttpGitClient):
        def _http_request(self, url: str, headers: Any = None, data: Any = None, *_raise_for_status: bool) -> Any:
            response, _read = super()._http_request(url, headers, data, raise_for_status=False)
            if response.status != 200:
                response.close()
                raise _refusal(hub, repo_id, response.status)
            # dulwich reads a few bytes at a time, twice for each ref, and its own reads are slow.
            pieces = BufferedReader(response, _PIECE)  # type: ignore[type-var]  # it is an IOBase

            def read(size: int = -1) -> bytes:
                try:
                    return pieces.read(size)
                except Exception as error:
                    # Whatever its HTTP library raises in the middle of an answer: the answer is lost.
                    raise GitProtocolError(str(error)) from error

            return response, read

        def _discover_references(self, service: bytes, base_url: str, *args: Any, **kwargs: Any) -> Any:
            if known is None:
                return super()._discover_references(service, base_url, *args, **kwargs)
            self.dumb, self.protocol_version = False, 0
            return dict(known[0]), known[1], base_url, {}, {}

    return Client(
        hub.endpoint + "/",
        username="hubver",  # the Hub takes any user name; the token is the password
        password=hub.token.get_secret_value() if hub.token else "",
        timeout=_TIMEOUT_S,
        quiet=True,
    )


def _refs(seen: dict[bytes, bytes]) -> Refs:
    groups: dict[str, dict[str, str]] = {"refs/heads/": {}, "refs/tags/": {}, "refs/pr/": {}}
    for name, value in seen.items():
        for prefix, group in groups.items():
            if name.startswith(prefix.encode()):
                group[name.decode(errors="replace")[len(prefix) :]] = value.decode()
    pulls = {int(number): sha for number, sha in groups["refs/pr/"].items() if number.isdecimal()}
    return Refs(branches=groups["refs/heads/"], tags=groups["refs/tags/"], pulls=pulls)


def _refusal(hub: Hub, repo_id: str, status: int) -> HubverError:
    if status in (401, 403):
        return BadToken(
            f"{hub.endpoint} does not let this token push to {repo_id}.",
            hint="Use a token with write access to the repository.",
        )
    if status == 404:
        return NotFound(f"{repo_id} does not exist on {hub.endpoint}, or this token may not push to it.")
    return HubFailed(
        f"{hub.endpoint} failed on a push to {repo_id}.",
        found=f"status {status}",
        hint="Run the same command again: it goes on where it stopped.",
    )


def _words(error: BaseException) -> str:
    """Why a push failed, without its address: a git address may carry credentials, so it is never shown."""
    return _ADDRESS.sub("the Hub", reason(error))
