"""What a gate may be asked. Pure, so that it is refused before the minutes that scoring takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hubver.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(*, alpha: float, floor: float | None = None, margin: float | None = None) -> None:
    """Refuse a question that no number of examples could decide.

    Raises:
        BadInput: alpha, floor or margin is not in (0, 1). A floor of 0 would pass anything, and one of 1 nothing ever;
            a margin of 0 could not be shown with any number of equal examples, and with one of 1 anything passes.
    """
    for what, value in (("floor", floor), ("margin", margin), ("alpha", alpha)):
        if value is not None and not 0.0 < value < 1.0:
            article = "An" if what == "alpha" else "A"
            raise BadInput(
                f"{article} {what} of {value:g} cannot be decided.",
                expected="a number between 0 and 1, neither of them",
            )


def check_slices(task: str, *, alpha: float, floor: float | None, margin: float | None) -> None:
    """The same for a worst-slice gate, which needs a floor, a margin or both.

    Raises:
        BadInput: there is neither, or see `check`.
    """
    if floor is None and margin is None:
        raise BadInput(f"The worst-slice gate of {task!r} checks nothing.", expected="a floor, a margin or both")
    check(alpha=alpha, floor=floor, margin=margin)


def check_budget(task: str, *, alpha: float, limits: Mapping[str, float | None]) -> None:
    """The same for a budget, which needs at least one limit.

    Raises:
        BadInput: there is none, one is not a finite number above 0, or see `check`.
    """
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if not given:
        raise BadInput(f"The budget of {task!r} limits nothing.", expected=f"one of {', '.join(limits)}")
    for name, limit in given.items():
        if not (math.isfinite(limit) and limit > 0.0):
            raise BadInput(f"A budget's {name} of {limit:g} cannot be met.", expected="a finite number above 0")
    check(alpha=alpha)
