"""What the process that gates run in is given: what it needs to read, and nothing that it could write with.

Gates are code that others wrote, and a scorer may execute what a candidate answered. None of this holds back code that may
become another user, as on the runners that GitHub lends: there, nothing that somebody proposed may be executed at all.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
from typing import TYPE_CHECKING

from hubver.errors import BadToken, NotFound
from hubver.hub.client import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from hubver.settings import Settings

# What a job is, and where its runner takes outputs from; secrets, by the names that they have; and as for the project's own
# options, those that would leave gates out.
_NOT_FOR_GATES = re.compile(
    r"(?:GITHUB|ACTIONS|RUNNER|CI|GITLAB|HF_OIDC)_.*|(?:.*_)?(?:TOKEN|SECRET|PASSWORD)|PYTEST_ADDOPTS", re.IGNORECASE
)
# Of prctl, see its page in the manual of Linux.
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4


def token(settings: Settings) -> SecretStr | None:
    """What gates read with: `HF_READ_TOKEN`, else the token that is kept, else one for an hour if there must be one.

    Returns:
        None to read as nobody: where `HF_READ_TOKEN` is set to nothing, and where a job is trusted without a token and its
        model is public.

    Raises:
        BadToken, HubUnreachable, HubFailed: there is no token to read with.
    """
    if settings.read_token is not None:
        return settings.read_token if settings.read_token.get_secret_value() else None
    if settings.token is not None or settings.oidc is None or "/" not in settings.oidc.resource:
        return settings.token
    try:
        Hub(settings.endpoint).refs(settings.oidc.resource)
    except (NotFound, BadToken):
        return Hub.of(settings, settings.oidc.resource).token
    return None


def environment(settings: Settings, token: SecretStr | None) -> dict[str, str]:
    """This process's environment without what is not for gates."""
    kept = {name: value for name, value in os.environ.items() if not _NOT_FOR_GATES.fullmatch(name)}
    kept |= {"HF_ENDPOINT": settings.endpoint, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    # Read by CUDA when it starts; without it some of its sums are not repeatable.
    kept.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Where it is to read as nobody, it shall not find the token of `hf auth login` either.
    return kept | ({"HF_TOKEN_PATH": os.devnull} if token is None else {"HF_TOKEN": token.get_secret_value()})


@contextlib.contextmanager
def closed() -> Iterator[None]:
    """Keep processes of the same user from reading this one's environment and memory, where the token is; on Linux.

    It cannot close the shell that started this process: in a job, start hubver with `exec`.
    """
    if sys.platform != "linux":
        yield
        return
    kernel = ctypes.CDLL(None)
    before = kernel.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)
    kernel.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        yield
    finally:
        if before == 1:  # what a process may not be set to, it was not either
            kernel.prctl(_PR_SET_DUMPABLE, before, 0, 0, 0)
