"""How often the gate is wrong, and how many examples it costs, against gates that people write themselves.

Every number is a share or mean over 10,000 simulated gates; the noise beside the tables is twice the greatest standard
error of a share. The simulation makes the bets of `hubver.gate.statistics` for all runs at once, and first checks on
some of them that it comes to the very same e-values, bit for bit.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from hubver.gate import statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    Draw = Callable[[np.random.Generator, int], np.ndarray]

RUNS, ALPHA, SEED, CHECKED = 10_000, 0.05, 20_260_101, 25
FIRST_LOOK = 64  # as the session does: then twice as many each time
PILOT, PATIENCE = 100, 100  # an advice of more than PATIENCE pilots is counted apart
_Z = NormalDist().inv_cdf(1 - ALPHA)


@dataclass(frozen=True)
class Case:
    """A distribution of paired differences, and the gate that is asked about them."""

    name: str
    margin: float
    planned: int
    draw: Draw

    @property
    def threshold(self) -> float:
        return (1.0 - self.margin) / 2.0


def pairs(lost: float, won: float) -> Draw:
    """Right or wrong: the candidate alone is wrong with probability `lost`, and alone is right with `won`."""

    def draw(generator: np.random.Generator, runs: int) -> np.ndarray:
        luck = generator.random(runs)
        return np.where(luck < lost, -1.0, np.where(luck < lost + won, 1.0, 0.0))

    return draw


def graded(mean: float, width: float) -> Draw:
    """Scores between 0 and 1, whose differences are triangular around the mean."""
    return lambda generator, runs: mean + width * (generator.random(runs) - generator.random(runs))


AT_THE_MARGIN = (
    Case("pairs, 10% lost 5% won", 0.05, 100, pairs(0.10, 0.05)),
    Case("pairs, 10% lost 5% won", 0.05, 500, pairs(0.10, 0.05)),
    Case("pairs, 30% lost 25% won", 0.05, 500, pairs(0.30, 0.25)),
    Case("pairs, 5% lost, none won", 0.05, 500, pairs(0.05, 0.0)),
    Case("graded, narrow", 0.05, 500, graded(-0.05, 0.1)),
    Case("graded, wide", 0.05, 500, graded(-0.05, 0.9)),
    Case("rare: 1% lost, none won", 0.01, 1500, pairs(0.01, 0.0)),
)
FINE = (
    Case("the same answers", 0.05, 500, pairs(0.0, 0.0)),
    Case("pairs, 2% lost 2% won", 0.05, 500, pairs(0.02, 0.02)),
    Case("pairs, 5% lost 5% won", 0.05, 1000, pairs(0.05, 0.05)),
    Case("pairs, 10% lost 10% won", 0.05, 1500, pairs(0.10, 0.10)),
    Case("pairs, 3% lost 8% won", 0.05, 500, pairs(0.03, 0.08)),
    Case("graded, wide", 0.05, 2000, graded(0.0, 0.9)),
)
WORSE = (
    Case("pairs, 15% lost 2% won", 0.05, 500, pairs(0.15, 0.02)),
    Case("pairs, 20% lost 5% won", 0.05, 500, pairs(0.20, 0.05)),
    Case("graded, wide, 0.15 lost", 0.05, 500, graded(-0.15, 0.8)),
)


class Table:
    """Many gates at once: the bets of `statistics.betting`, one example of each at a time."""

    def __init__(self, threshold: float, planned: np.ndarray) -> None:
        self.threshold = threshold
        self.budget = round(2.0 * math.log(1.0 / ALPHA), 9) / planned
        runs = len(planned)
        self.step = 0
        self.total, self.squares, self.variance = (np.full(runs, start) for start in (0.5, 0.25, 0.25))
        self.above = [np.full(runs, part) for part in (0.5, 0.25, 0.25)]
        self.below = [np.full(runs, part) for part in (0.5, 0.25, 0.25)]

    def see(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bet on one more example of each gate; the e-values for above and below."""
        bet = np.sqrt(self.budget / self.variance)
        e_above = self._bet(self.above, bet, values, self.threshold)
        e_below = self._bet(self.below, bet, 1.0 - values, 1.0 - self.threshold)
        self.step += 1
        self.total += values
        deviation = values - self.total / (self.step + 1)
        self.squares += deviation * deviation
        self.variance = self.squares / (self.step + 1)
        return e_above, e_below

    @staticmethod
    def _bet(capital: list[np.ndarray], bet: np.ndarray, values: np.ndarray, m: float) -> np.ndarray:
        cap, gain = 0.75 / m, values - m
        for gambler, speed in enumerate((1.0, 2.0, 4.0)):
            grown = capital[gambler] * (1.0 + np.minimum(speed * bet, cap) * gain)
            capital[gambler] = np.minimum(grown, 1e100)
        return capital[0] + capital[1] + capital[2]

    def keep(self, which: np.ndarray) -> None:
        """Go on with some of the gates."""
        self.budget = self.budget[which]
        self.total, self.squares, self.variance = self.total[which], self.squares[which], self.variance[which]
        self.above = [part[which] for part in self.above]
        self.below = [part[which] for part in self.below]


@dataclass(frozen=True)
class Walked:
    """When each run first had enough evidence (0 for never), and what other gates make of the same examples."""

    passed: np.ndarray
    failed: np.ndarray
    naive: np.ndarray
    normal: np.ndarray


def walk(case: Case, generator: np.random.Generator) -> Walked:
    """All runs of a case, to the last planned example."""
    table = Table(case.threshold, np.full(RUNS, case.planned))
    passed, failed, normal = np.zeros(RUNS, int), np.zeros(RUNS, int), np.zeros(RUNS, bool)
    total, squares = np.zeros(RUNS), np.zeros(RUNS)
    seen, paths, look = [], [], FIRST_LOOK
    for step in range(1, case.planned + 1):
        differences = case.draw(generator, RUNS)
        values = (differences + 1.0) / 2.0
        above, below = table.see(values)
        passed[(above >= 1.0 / ALPHA) & (passed == 0)] = step
        failed[(below >= 1.0 / ALPHA) & (failed == 0)] = step
        seen.append(values[:CHECKED])
        paths.append((above[:CHECKED], below[:CHECKED]))
        total += differences
        squares += differences * differences
        if step in {look, case.planned}:
            look *= 2
            mean = total / step
            error = np.sqrt(np.maximum(squares / step - mean * mean, 0.0) / step)
            normal |= mean - _Z * error >= -case.margin
    check(case, np.array(seen), np.array(paths))
    return Walked(passed, failed, total >= 0.0, normal)


def check(case: Case, values: np.ndarray, paths: np.ndarray) -> None:
    """The first runs come to the same e-values as the implementation that decides, to the last bit."""
    for run in range(CHECKED):
        found = statistics.evidence(
            [float(value) for value in values[:, run]], case.threshold, alpha=ALPHA, planned=case.planned
        )
        same = np.array_equal(found.above, paths[:, 0, run]) and np.array_equal(found.below, paths[:, 1, run])
        assert same, f"{case.name}: run {run} differs from the implementation"


def stopped(decided: np.ndarray, planned: int) -> float:
    """How many examples were looked at on average, by a session that looks at 64, 128, 256, ..."""
    looks = [FIRST_LOOK * 2**power for power in range(20) if FIRST_LOOK * 2**power < planned]
    last = np.where(decided == 0, planned, decided)
    return float(np.mean([next((look for look in looks if look >= at), planned) for at in last.tolist()]))


def wrong_passes(generator: np.random.Generator) -> None:
    print(f"\nA true regression exactly at the margin: how often it passes (asked for: at most {ALPHA:g})")
    print(f"  {'paired differences':<26}{'margin':>7}{'n':>6}  {'hubver, at':>11}{'normal, at':>12}{'new mean':>10}")
    print(f"  {'':<26}{'':>7}{'':>6}  {'any time':>11}{'each look':>12}{'>= old':>10}")
    for case in AT_THE_MARGIN:
        found = walk(case, generator)
        print(
            f"  {case.name:<26}{case.margin:>7g}{case.planned:>6}  {(found.passed > 0).mean():>11.4f}"
            f"{found.normal.mean():>12.4f}{found.naive.mean():>10.4f}"
        )
        failed = (found.failed > 0).mean()
        assert failed <= ALPHA + 3 * math.sqrt(ALPHA / RUNS), f"{case.name} fails in {failed}"


def examples(generator: np.random.Generator) -> None:
    print("\nNo regression beyond the margin: how often it passes, and after how many examples (mean)")
    header = f"  {'paired differences':<26}{'n':>6}{'passes':>9}{'fails':>8}{'looked at':>11}{'z-test, 90%':>13}"
    print(f"{header}{'new < old':>11}")
    for case in FINE:
        _line(case, walk(case, generator), generator, good=True)
    print("\nWorse than the margin: how often it fails, and after how many examples (mean)")
    print(f"  {'paired differences':<26}{'n':>6}{'fails':>9}{'passes':>8}{'looked at':>11}{'z-test, 90%':>13}")
    for case in WORSE:
        _line(case, walk(case, generator), generator, good=False)


def _line(case: Case, found: Walked, generator: np.random.Generator, *, good: bool) -> None:
    right, wrong = (found.passed, found.failed) if good else (found.failed, found.passed)
    sample = case.draw(generator, 200_000)
    needed = math.ceil(((_Z + 1.2816) * sample.std() / abs(sample.mean() + case.margin)) ** 2)
    compared = f"{needed:,}" if needed else "-"
    print(
        f"  {case.name:<26}{case.planned:>6}{(right > 0).mean():>9.3f}{(wrong > 0).mean():>8.4f}"
        f"{stopped(right, case.planned):>11.0f}{compared:>13}" + (f"{1.0 - found.naive.mean():>11.3f}" if good else "")
    )


def advice(generator: np.random.Generator) -> None:
    print(f"\nUndecided after {PILOT} examples: what comes of the number that it then advises (asked for: 0.9 decided)")
    print(f"  {'paired differences':<26}{'undecided':>10}{'advised':>9}{'decided':>9}{'none or > 100x':>15}")
    for case in (*FINE, *WORSE):
        values = np.stack([(case.draw(generator, RUNS) + 1.0) / 2.0 for _ in range(PILOT)])
        table = Table(case.threshold, np.full(RUNS, PILOT))
        most = np.zeros(RUNS)
        for column in values:
            most = np.maximum(most, np.maximum(*table.see(column)))
        undecided = np.flatnonzero(most < 1.0 / ALPHA)
        if not len(undecided):
            print(f"  {case.name:<26}{0.0:>10.3f}")
            continue
        more = [statistics.examples_needed(values[:, run].tolist(), case.threshold, alpha=ALPHA) for run in undecided]
        usable = [PILOT + number if number is not None else 0 for number in more]
        kept = np.array([0 < number <= PATIENCE * PILOT for number in usable], bool)
        total = np.array(usable)[kept]
        decided = follow(case, generator, values[:, undecided[kept]], total)
        print(
            f"  {case.name:<26}{len(undecided) / RUNS:>10.3f}{np.median(total):>9.0f}{decided:>9.3f}"
            f"{1.0 - kept.mean():>15.3f}"
        )


def follow(case: Case, generator: np.random.Generator, pilot: np.ndarray, planned: np.ndarray) -> float:
    """The share of gates that is decided when each goes on from its pilot to the number it was advised."""
    table, runs, decided, step = Table(case.threshold, planned), len(planned), 0, 0
    while len(planned):
        values = pilot[step] if step < PILOT else (case.draw(generator, len(planned)) + 1.0) / 2.0
        above, below = table.see(values)
        step += 1
        done = np.maximum(above, below) >= 1.0 / ALPHA
        decided += int(done.sum())
        going = ~done & (planned > step)
        if not going.all():
            table.keep(going)
            planned, pilot = planned[going], pilot[:, going]
    return decided / runs


def main(_arguments: list[str]) -> None:
    began = time.perf_counter()
    generator = np.random.Generator(np.random.PCG64(SEED))
    noise = 2 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)
    print(
        f"{RUNS:,} runs each; noise (two standard errors): {noise:.4f} at {ALPHA:g}, {1 / math.sqrt(RUNS):.3f} at 0.5"
    )
    wrong_passes(generator)
    examples(generator)
    advice(generator)
    print(f"\n{time.perf_counter() - began:.0f} s")
