"""Several refs of a Hub repository, moved together by one git push, each from the value that was read.

The HTTP API can move a branch but cannot compare first; git can. A push names the old and the new commit of every ref,
and a server that offers `atomic` takes all of them or none. Nothing is cloned: the few new objects (a ledger commit)
are built in memory, and the commits that refs move to are on the server already.

Source: git's pack protocol (gitprotocol-pack, "Reference Update Request"), spoken by dulwich.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.errors import BadToken, HubFailed, HubUnreachable, HubverError, NotFound, StaleRef
from hubver.hub.answers import reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dulwich.client import HttpGitClient
    from dulwich.objects import ShaFile

    from hubver.hub.client import Hub

_TIMEOUT_S = 60.0
_ADDRESS = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Move:
    """One ref on its way.

    Attributes:
        ref: the whole name, such as `refs/heads/production`.
        old: the sha it must have now; None if it must not exist.
        new: the sha it shall have.
    """

    ref: str
    old: str | None
    new: str


def move(hub: Hub, repo_id: str, moves: Sequence[Move], objects: Sequence[ShaFile] = ()) -> None:
    """Move refs by compare-and-swap: all of them, or none.

    Where the server does not offer `atomic`, the refs are moved one after the other in the given order, so that the
    first can serve as the lock.

    Args:
        objects: new git objects that the moves need.

    Raises:
        StaleRef: a ref is not where it was expected. Nothing moved, or with a server that is not atomic, nothing from
            that ref on.
        BadToken: the token may not push.
        HubUnreachable: the answer was lost and the refs, read again, have not moved.
    """
    hub.need_token()
    try:
        _push(hub, repo_id, moves, objects)
    except HubFailed:
        # A lost answer is not a failure: look before saying so.
        if not _arrived(hub, repo_id, moves):
            raise


def _push(hub: Hub, repo_id: str, moves: Sequence[Move], objects: Sequence[ShaFile]) -> None:
    from dulwich.errors import GitProtocolError, HangupException, SendPackError

    try:
        try:
            _send(hub, repo_id, moves, objects, atomic=True)
        except GitProtocolError as error:
            # Raised by dulwich before anything is sent.
            if "does not support atomic" not in str(error):
                raise
            for one in moves:
                _send(hub, repo_id, [one], objects, atomic=False)
    except SendPackError as error:
        raise HubFailed(f"{hub.endpoint} refused the push to {repo_id}.", found=_words(error)) from error
    except (HangupException, GitProtocolError) as error:
        raise HubUnreachable(
            f"{hub.endpoint} did not answer a push to {repo_id}.",
            found=_words(error),
            hint="Run the same command again: it goes on where it stopped.",
        ) from error


def _send(hub: Hub, repo_id: str, moves: Sequence[Move], objects: Sequence[ShaFile], *, atomic: bool) -> None:
    from dulwich.pack import pack_objects_to_data

    def update(refs: dict[Any, Any]) -> dict[Any, Any]:
        # dulwich calls this with what the server advertises, and sends that as the old values: so this comparison and
        # the server's own, made under its lock, are with the same thing.
        for one in moves:
            now = refs.get(one.ref.encode())
            if now != (one.old.encode() if one.old else None):
                raise _stale(repo_id, one, now.decode() if now else None)
        return {one.ref.encode(): one.new.encode() for one in moves}

    client = _client(hub, repo_id)
    try:
        result = client.send_pack(
            f"{repo_id}.git", update, lambda *_args, **_kwargs: pack_objects_to_data(list(objects)), atomic=atomic
        )
    finally:
        client.pool_manager.clear()  # dulwich leaves its connections open
    for ref, refusal in (result.ref_status or {}).items():
        if refusal is not None:
            raise StaleRef(
                f"{ref.decode()} in {repo_id} was not moved: {refusal}.",
                hint="Somebody else may have moved it at the same time. Look with `hubver status`, then try again.",
            )


def _client(hub: Hub, repo_id: str) -> HttpGitClient:
    """A git client that answers a refusal with our errors, and closes its connection, which dulwich leaves open."""
    from dulwich.client import HttpGitClient

    class Client(HttpGitClient):
        def _http_request(self, url: str, headers: Any = None, data: Any = None, *_raise_for_status: bool) -> Any:
            response, read = super()._http_request(url, headers, data, raise_for_status=False)
            if response.status != 200:
                response.close()
                raise _refusal(hub, repo_id, response.status)
            return response, read

    return Client(
        hub.endpoint + "/",
        username="hubver",  # the Hub takes any user name; the token is the password
        password=hub.token.get_secret_value() if hub.token else "",
        timeout=_TIMEOUT_S,
        quiet=True,
    )


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


def _arrived(hub: Hub, repo_id: str, moves: Sequence[Move]) -> bool:
    """Whether every ref is where the moves wanted it: a lost answer is not a failure."""
    try:
        refs = hub.refs(repo_id)
    except HubFailed:
        return False
    everywhere = {f"refs/heads/{name}": sha for name, sha in refs.branches.items()}
    everywhere |= {f"refs/tags/{name}": sha for name, sha in refs.tags.items()}
    return all(everywhere.get(one.ref) == one.new for one in moves)


def _stale(repo_id: str, one: Move, now: str | None) -> StaleRef:
    name = one.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return StaleRef(
        f"{name} in {repo_id} moved while this was under way; nothing was changed.",
        expected=one.old[:8] if one.old else "no such ref",
        found=now[:8] if now else "no such ref",
        hint="Look with `hubver status`, then run the command again.",
    )


def _words(error: BaseException) -> str:
    """Why a push failed, without its address: a git address may carry credentials, so it is never shown."""
    return _ADDRESS.sub("the Hub", reason(error))
