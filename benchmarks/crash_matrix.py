"""Every accident at every step of every command that changes something: killed there, or the line to the Hub lost.

What a step is, and what must be so after the command was run once more, is told in `tests/accidents.py` and
`tests/crash_matrix.py`. Each accident takes two real processes; all of them take a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from benchmarks import disturbed


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="crash_matrix", description="Commands that are killed, and run again")
    parser.add_argument("--way", help="only this one, such as 'http'")
    parser.add_argument("--verb", help="only commands whose names begin so, such as 'rollback'")
    parser.add_argument("--every", type=int, default=1, help="try only one in so many accidents")
    parser.add_argument("--threads", type=int, default=2 * (os.cpu_count() or 1))
    chosen = parser.parse_args(arguments)
    with disturbed.modules():
        from crash_matrix import VERBS, WAYS, field_of, tally

        print(
            f"{'way':<16}{'command':<26}{'steps':>6}{'tried':>7}{'killed':>8}{'as wanted':>11}{'left over':>11}{'s':>7}"
        )
        tried = wrong = 0
        for way in [chosen.way] if chosen.way else WAYS:
            with (
                tempfile.TemporaryDirectory(prefix="hubver-crash-") as name,
                field_of(way, Path(name) / "field") as field,
            ):
                for verb in (verb for verb in VERBS if verb.startswith(chosen.verb or "")):
                    began = time.monotonic()
                    found = tally(field, verb, threads=chosen.threads, choose=lambda all_: all_[:: chosen.every])
                    tried, wrong = tried + found.tried, wrong + len(found.wrong)
                    print(
                        f"{way:<16}{verb:<26}{found.steps:>6}{found.tried:>7}{found.killed:>8}"
                        f"{found.tried - len(found.wrong):>11}{found.left:>11}{time.monotonic() - began:>7.0f}",
                        flush=True,
                    )
                    for fault in found.wrong[:5]:
                        print(f"    {fault}")
        print(f"{tried} accidents, {tried - wrong} as wanted")
