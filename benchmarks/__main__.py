"""`make bench`: run every benchmark, or those named; `make bench ARGS="throughput --size 256M"` gives options to one."""

from __future__ import annotations

import sys
from itertools import takewhile

from benchmarks import (
    crash_matrix,
    diff_weights,
    gate_errors,
    gate_speed,
    listings,
    push_folder,
    release_storm,
    releases,
    startup,
    throughput,
    training,
)

BENCHMARKS = {
    "crash_matrix": crash_matrix.main,
    "diff_weights": diff_weights.main,
    "startup": startup.main,
    "gate_errors": gate_errors.main,
    "gate_speed": gate_speed.main,
    "listings": listings.main,
    "push_folder": push_folder.main,
    "release_storm": release_storm.main,
    "releases": releases.main,
    "throughput": throughput.main,
    "training": training.main,
}


def main() -> None:
    names = list(takewhile(lambda word: not word.startswith("-"), sys.argv[1:]))
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        BENCHMARKS[name](sys.argv[1 + len(names) :])


main()
