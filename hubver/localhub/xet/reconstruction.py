"""Telling a client how to put a file together: which chunks of which xorbs, and where to fetch them.

https://huggingface.co/docs/xet/download-protocol
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hubver.localhub.xet.shards import Term
    from hubver.localhub.xet.store import XetFile
    from hubver.localhub.xet.xorbs import Layout

Span = tuple[int, int]
"""Chunks or bytes [start, end)."""

_RANGES_IN_ADDRESS = 64


@dataclass(frozen=True)
class Plan:
    """How to put a file, or a part of it, together.

    Args:
        skip: bytes of the first term that come before the part.
        terms: that cover the part, in order.
        chunks: to be fetched from each xorb, in order and apart from each other.
    """

    skip: int
    terms: tuple[Term, ...]
    chunks: dict[str, list[Span]]


def plan(file: XetFile, layout_of: Callable[[str], Layout], start: int, end: int) -> Plan:
    """Choose the chunks that hold the bytes [start, end) of a file."""
    skip = term_end = 0
    terms: list[Term] = []
    for term in file.terms:
        term_start, term_end = term_end, term_end + term.size
        if term_end <= start or term_start >= end:
            continue
        bounds = layout_of(term.xorb).unpacked
        origin = term_start - bounds[term.start]
        first = bisect_right(bounds, max(start, term_start) - origin) - 1
        last = bisect_left(bounds, min(end, term_end) - origin)
        if not terms:
            skip = start - origin - bounds[first]
        terms.append(replace(term, start=first, end=last, size=bounds[last] - bounds[first]))
    spans = defaultdict(list)
    for term in terms:
        spans[term.xorb].append((term.start, term.end))
    return Plan(skip, tuple(terms), {xorb: _merged(found) for xorb, found in spans.items()})


def _merged(spans: list[Span]) -> list[Span]:
    """Sort, and join what overlaps or touches."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


@dataclass(frozen=True)
class Source:
    """Where a plan's bytes are.

    Args:
        layout_of: a xorb's layout.
        address: a signed address for byte ranges of a xorb.
    """

    layout_of: Callable[[str], Layout]
    address: Callable[[str, list[Span]], str]


def as_version_1(found: Plan, source: Source) -> dict[str, Any]:
    """The answer of `/v1/reconstructions`: an address for each run of chunks."""

    def fetch(xorb: str, span: Span) -> dict[str, Any]:
        place = _bytes_of(source.layout_of(xorb), span)
        return {"range": _span(span), "url": source.address(xorb, [place]), "url_range": _inclusive(place)}

    fetches = {xorb: [fetch(xorb, span) for span in spans] for xorb, spans in found.chunks.items()}
    return {**_common(found), "fetch_info": fetches}


def as_version_2(found: Plan, source: Source) -> dict[str, Any]:
    """The answer of `/v2/reconstructions`: an address for many runs of chunks of a xorb."""

    def fetch(xorb: str, spans: list[Span]) -> dict[str, Any]:
        places = [_bytes_of(source.layout_of(xorb), span) for span in spans]
        ranges = [{"chunks": _span(s), "bytes": _inclusive(p)} for s, p in zip(spans, places, strict=True)]
        return {"url": source.address(xorb, places), "ranges": ranges}

    fetches = {xorb: [fetch(xorb, part) for part in _parts(spans)] for xorb, spans in found.chunks.items()}
    return {**_common(found), "xorbs": fetches}


def _parts(spans: list[Span]) -> Iterator[list[Span]]:
    for start in range(0, len(spans), _RANGES_IN_ADDRESS):
        yield spans[start : start + _RANGES_IN_ADDRESS]


def _common(found: Plan) -> dict[str, Any]:
    terms = [{"hash": t.xorb, "unpacked_length": t.size, "range": _span((t.start, t.end))} for t in found.terms]
    return {"offset_into_first_range": found.skip, "terms": terms}


def _bytes_of(layout: Layout, span: Span) -> Span:
    return layout.packed[span[0]], layout.packed[span[1]]


def _span(span: Span) -> dict[str, int]:
    return {"start": span[0], "end": span[1]}


def _inclusive(span: Span) -> dict[str, int]:
    return {"start": span[0], "end": span[1] - 1}
