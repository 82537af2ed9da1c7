"""The search for the first bad one among many, where some cannot be judged. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = Literal["good", "bad", "unknown"]


def search(count: int, ask: Callable[[int], Answer]) -> range:
    """The places that may hold the first bad one: one place, unless some before it could not be judged.

    Where all that come before the first bad one are good, and all after it are bad, it asks at most
    `ceil(log2(count - 1))` times if every answer is good or bad, never about the same place twice, and never more than
    `count - 2` times. Where they are mixed, it finds a bad one whose predecessor is good.

    Args:
        count: of places, at least 2: the first is known to be good, the last to be bad.
        ask: about one place between.

    Raises:
        ValueError: fewer than two places.
    """
    if count < 2:
        raise ValueError("A search needs a good place and a bad one.")
    good, bad = 0, count - 1
    unknown: set[int] = set()
    while untold := [place for place in range(good + 1, bad) if place not in unknown]:
        # The nearest to the middle that is not known to tell nothing.
        middle = min(untold, key=lambda place: (abs(2 * place - good - bad), place))
        answer = ask(middle)
        if answer == "good":
            good = middle
        elif answer == "bad":
            bad = middle
        else:
            unknown.add(middle)
    return range(good + 1, bad + 1)
