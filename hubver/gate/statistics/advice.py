"""How many examples would decide what is open."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# How many standard deviations of luck the advised number has room for. 1.2816 would decide nine times in ten if capital
# were normal; it is skewed, and `benchmarks/gate_errors.py` shows that this suffices.
_LUCK = 1.9
# A part of the prior variance 1/4, as if it were this many examples: forty right answers do not prove that all are.
_PRIOR = 0.05
# A bet may cost at most this part of the capital, which bounds the speed of even the surest win.
_CAP = 0.75
_HOPELESS = 1000.0


def examples_needed(values: Sequence[float], threshold: float, *, alpha: float) -> int | None:
    """How many more examples would decide, at least nine times in ten, if the truth is about what was seen.

    The patient gambler of `betting`, who has half of the capital and plans for n, ends at a logarithm of about
    sqrt(2 n log(1/alpha)) gap / deviation - log(1/alpha) - log(2), plus noise with a deviation of sqrt(2 log(1/alpha)).
    That must be log(1/alpha). Where the deviation is next to nothing, the cap on bets decides instead.

    Args:
        values: scores in [0, 1] that left it open; paired differences are moved there, and the threshold with them.
        threshold: what their mean is held against, in (0, 1).
        alpha: the probability of error in each direction.

    Returns:
        None where the mean lies so close to the threshold that no realistic number (a thousand times as many) would do.
    """
    n = len(values)
    average = math.fsum(values) / n
    gap = abs(average - threshold)
    if gap <= 0.0:
        return None
    variance = math.fsum((value - average) ** 2 for value in values) / n + _PRIOR / n
    goal = math.log(1.0 / alpha)
    deviation = math.sqrt(2.0 * goal)
    noise = ((2.0 * goal + math.log(2.0)) / deviation + _LUCK) ** 2 * variance / gap**2
    # The most that one example can win: c (x - m) / m on the way up, and mirrored on the way down.
    speed = _CAP * gap / (threshold if average > threshold else 1.0 - threshold)
    total = noise + (goal + math.log(2.0)) / speed
    return None if total > _HOPELESS * n else max(1, math.ceil(total) - n)
