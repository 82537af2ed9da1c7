"""Tensors in pieces of work: neighbours in one read, several reads at a time, never more than a few pieces in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from hubver.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hubver.diff.weights.files import ByteFile, Stored


_T = TypeVar("_T")
# Large enough that a request's own cost vanishes, small enough that some of them fit into any memory.
PIECE = 16 << 20
_AT_ONCE = 4
# Reading across a smaller gap costs less than another request.
_GAP = 64 << 10


def read(tensors: Iterable[Stored]) -> dict[str, memoryview]:
    """The bytes of some tensors, by name; neighbours in a file come in one read.

    Raises:
        BadInput: a file ends before its tensors do.
    """
    found: dict[str, memoryview] = {}
    span: list[Stored] = []
    for tensor in sorted(tensors, key=lambda item: (item.file.name, item.start)):
        near = span and span[-1].file is tensor.file and 0 <= tensor.start - span[-1].end <= _GAP
        if span and not near:
            found |= _read_span(span)
            span = []
        span.append(tensor)
    return found | _read_span(span) if span else found


def _read_span(span: Sequence[Stored]) -> dict[str, memoryview]:
    start, end = span[0].start, span[-1].end
    data = _bytes(span[0].file, start, end)
    return {tensor.name: data[tensor.start - start : tensor.end - start] for tensor in span}


def part(tensor: Stored, start: int, end: int) -> memoryview:
    """The bytes of a tensor from one place in it up to another.

    Raises:
        BadInput: the file ends before.
    """
    return _bytes(tensor.file, tensor.start + start, tensor.start + end)


def _bytes(file: ByteFile, start: int, end: int) -> memoryview:
    data = file.read(start, end) if end > start else memoryview(b"")
    if len(data) != end - start:
        raise BadInput(f"{file.name} ended while it was read.", hint="Wait until it is written, then run it again.")
    return data


def pieces(items: Iterable[_T], size: Callable[[_T], int]) -> Iterator[list[_T]]:
    """Cut items, in order, into pieces of about `PIECE` bytes."""
    piece: list[_T] = []
    total = 0
    for item in items:
        if piece and total + size(item) > PIECE:
            yield piece
            piece, total = [], 0
        piece.append(item)
        total += size(item)
    if piece:
        yield piece


def spread(work: Callable[[_T], object], items: Sequence[_T], done: Callable[[_T], None]) -> None:
    """Do a piece of work for each item, some at a time; the first failure ends the rest.

    Args:
        work: called in threads.
        done: told of each item when it is done, in order, in this thread.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="weights") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for item, future in zip(items, futures, strict=True):
                future.result()
                done(item)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
