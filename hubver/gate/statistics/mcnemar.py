"""McNemar's exact test for two models that were each right or wrong on the same examples. For one fixed n."""

from __future__ import annotations


def mcnemar(won: int, lost: int) -> float:
    """The two-sided p-value of "won and lost are equally likely", among the examples where the two differ.

    It is beside the anytime-valid decision, for readers who know it; it holds only if one looks once.

    Args:
        won: examples that only the candidate had right.
        lost: examples that only the other had right.

    Raises:
        ValueError: a negative count.
    """
    if won < 0 or lost < 0:
        raise ValueError("Counts are not negative.")
    n, fewer = won + lost, min(won, lost)
    # Whole numbers up to the one division, which rounds correctly however large they are.
    term = tail = 1
    for k in range(fewer):
        term = term * (n - k) // (k + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << n))
