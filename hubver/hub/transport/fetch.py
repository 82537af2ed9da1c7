"""One branch with all its history, as the pack that git itself would fetch.

Source: git's pack protocol (gitprotocol-v2, `fetch`), spoken by dulwich.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hubver.errors import BadToken, HubFailed, HubUnreachable, HubverError, NotFound
from hubver.hub.answers import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dulwich.client import HttpGitClient

    from hubver.hub.client import Hub

_TIMEOUT_S = 60.0
_ADDRESS = re.compile(r"https?://\S+")


def fetch(hub: Hub, repo_id: str, branch: str, write: Callable[[bytes], int]) -> str | None:
    """Fetch a branch's commits with all that they hold, and nothing else.

    Args:
        write: gets the pack, piece by piece; raises errors of hubver only. Whether the pack is whole is for the caller to
            check: a connection may end early.

    Returns:
        The branch's head, which the pack leads to; None where there is no such branch, and nothing was written.

    Raises:
        BadToken, NotFound: the token may not read it.
        HubFailed, HubUnreachable: there is no git to be had, or it was cut short.
    """
    from dulwich.object_store import ObjectStoreGraphWalker

    ref = f"refs/heads/{branch}".encode()
    client = _client(hub, repo_id)
    head: bytes | None = None

    def wanted(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:  # noqa: ARG001  # dulwich's signature
        nonlocal head
        head = refs.get(ref)
        return [head] if head is not None else []

    nothing = ObjectStoreGraphWalker([], lambda _sha: [])  # what we have already, so that the pack is whole by itself
    try:
        client.fetch_pack(f"{repo_id}.git", wanted, nothing, write, ref_prefix=[ref])
    except HubverError:
        raise
    except Exception as error:  # dulwich lets the errors of its HTTP library through, which is not ours to import
        raise HubUnreachable(
            f"{hub.endpoint} did not send {branch} of {repo_id} by git.",
            found=_ADDRESS.sub("the Hub", reason(error)),  # a git address may carry credentials
            hint="Run the same command again.",
        ) from error
    finally:
        client.pool_manager.clear()  # dulwich leaves its connections open
    return head.decode() if head is not None else None


def _client(hub: Hub, repo_id: str) -> HttpGitClient:
    from dulwich.client import HttpGitClient

    class Client(HttpGitClient):
        def _http_request(self, url: str, headers: Any = None, data: Any = None, *_raise_for_status: bool) -> Any:
            response, read = super()._http_request(url, headers, data, raise_for_status=False)
            if response.status != 200:
                response.close()
                raise _refusal(hub, repo_id, response.status)
            return response, read

    token = hub.token.get_secret_value() if hub.token else None
    return Client(
        hub.endpoint + "/",
        username="hubver" if token else None,  # the Hub takes any user name; the token is the password
        password=token,
        timeout=_TIMEOUT_S,
        quiet=True,
        thin_packs=False,
    )


def _refusal(hub: Hub, repo_id: str, status: int) -> HubverError:
    if status in (401, 403):
        return BadToken(f"{hub.endpoint} does not let this token read {repo_id} by git.")
    if status == 404:
        return NotFound(f"{repo_id} does not exist on {hub.endpoint}, or cannot be read by git there.")
    return HubFailed(
        f"{hub.endpoint} failed to send {repo_id} by git.", found=f"status {status}", hint="Run the same command again."
    )
