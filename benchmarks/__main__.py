"""`make bench`: run every benchmark, or those named."""

from __future__ import annotations

import sys

from benchmarks import startup

BENCHMARKS = {"startup": startup.main}


def main() -> None:
    for name in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[name]()


main()
