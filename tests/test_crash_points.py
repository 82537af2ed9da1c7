"""A command that is killed, or loses the line, at any of its steps: run again, it leaves what one undisturbed run leaves.

A sample of `python -m benchmarks crash_matrix`, which tries every step.
"""

from __future__ import annotations

import re

import pytest
from accidents import FILE, QUESTION
from crash_matrix import VERBS, WAYS, Point, field_of, points, tally

_WRITE = re.compile(r"POST \S*(commit/|git-receive-pack|/merge|/status|/branch/|/tag/|repos/create)|more of it")
# One of so many, beginning with another one for each command; and each command on one or two of the three ways.
_EVERY = 40


def sample(found: list[Point], place: int) -> list[Point]:
    """Some of the accidents that happen while something changes."""
    telling = [p for p in found if _WRITE.match(p.what) or p.kind == FILE]
    return telling[place % _EVERY :: _EVERY] or telling[:1]


@pytest.mark.parametrize("way", WAYS)
def test_run_again_it_leaves_what_one_run_leaves(way, tmp_path):
    with field_of(way, tmp_path / "field") as field:
        for place, name in enumerate(VERBS, list(WAYS).index(way)):
            if place % 2:
                continue
            found = tally(field, name, threads=2, choose=lambda all_, at=5 * place: sample(all_, at))
            assert found.tried > 0
            assert found.wrong == [], name


def test_every_boundary_is_a_point():
    """Requests are points before and after, and lost with and without their answers; files are points to be killed at."""
    steps = [(FILE, "open a"), (QUESTION, "POST /x"), ("sent", "POST /x"), (QUESTION, "more of it")]
    steps += [("sent", "more of it"), ("answer", "POST /x")]
    found = [(p.accident.step, p.accident.killed, p.accident.cut) for p in points(steps)]
    assert found == [
        (1, True, False),
        (2, True, False),
        (2, False, False),
        (2, False, True),
        (4, True, False),
        (5, True, False),
        (6, True, False),
        (6, False, False),
        (6, False, True),
    ]
