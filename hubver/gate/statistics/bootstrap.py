"""The percentile bootstrap for one fixed n: what most people report, beside the interval that decides. Seeded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.gate.statistics.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 2000


def bootstrap_interval(values: Sequence[float], *, alpha: float, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The interval between the alpha and 1 - alpha quantiles of the means of resampled values.

    For paired differences this is the paired bootstrap. It is too narrow for few examples, says [0, 0] where all
    differences are 0, and does not hold if one stops as soon as one likes the result; so it decides nothing.

    Args:
        values: scores or differences, in a fixed order.
        alpha: the nominal probability of error of each end, in (0, 0.5).
        seed: of the resampling. Its bits are Philox's, which numpy keeps the same for ever, and sums are taken one by
            one: the same interval on every machine.
        resamples: how many.

    Raises:
        ValueError: no values, or alpha outside (0, 0.5).
    """
    import numpy as np

    if not values or not 0.0 < alpha < 0.5:
        raise ValueError("A bootstrap needs values, and alpha in (0, 0.5).")
    n = len(values)
    source, bits = np.asarray(values, dtype=np.float64), np.random.Philox(key=seed)
    size, half = np.uint64(n), np.uint64(32)
    totals = np.zeros(resamples)
    for _ in range(n):
        # The upper 32 bits as a fraction of n. Its bias is below n / 2**32.
        drawn = ((bits.random_raw(resamples) >> half) * size) >> half
        totals += source[drawn.astype(np.intp)]
    means = np.sort(totals) / n
    cut = int(alpha * resamples)
    return Interval(float(means[cut]), float(means[resamples - 1 - cut]))
