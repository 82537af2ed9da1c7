"""The bodies of requests on their way to the disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from hubver.localhub.errors import HubError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

_PIECE = 2**20


async def drain(request: Request, take: Callable[[Any], object], *, most: int | None = None) -> None:
    """Hand the body to `take` on worker threads, in pieces of about 1 MiB; the next comes in while one is taken.

    Args:
        request: whose body it is.
        take: called with one piece after the other, which is its own to keep.
        most: bytes that the body may have; None for any number.

    Raises:
        HubError: 413 if it has more; what `take` has got by then is no more than that.
    """
    size = 0
    taking: asyncio.Future[object] | None = None
    try:
        async for piece in _pieces(request):
            size += len(piece)
            if most is not None and size > most:
                raise HubError(413, f"The body may have {most} bytes at most")
            if taking:
                await taking
            taking = asyncio.ensure_future(run_in_threadpool(take, piece))
        if taking:
            await taking
    finally:
        if taking and not taking.done():
            # The thread still uses what the caller will close.
            await asyncio.wait([taking])


async def _pieces(request: Request) -> AsyncIterator[bytearray]:
    gathered = bytearray()
    async for chunk in request.stream():
        gathered += chunk
        if len(gathered) >= _PIECE:
            yield gathered
            gathered = bytearray()
    if gathered:
        yield gathered
