"""`make bench`: run every benchmark, or those named."""

from __future__ import annotations

import sys

from benchmarks import gate_errors, gate_speed, startup

BENCHMARKS = {"startup": startup.main, "gate_errors": gate_errors.main, "gate_speed": gate_speed.main}


def main() -> None:
    for name in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[name]()


main()
