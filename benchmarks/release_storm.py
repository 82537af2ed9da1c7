"""Many processes that promote and roll back at once: what the ledger says against what each branch went through.

`moved` counts the positions that the channels' branches had; `apart` those that the newest line, at that moment, did not
name: readers saw them until the next look put them right.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks import disturbed


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="release_storm", description="Releases by many at once")
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--way", help="only this one, such as 'http'")
    chosen = parser.parse_args(arguments)
    print(f"{chosen.processes} processes, {chosen.changes} commands in all")
    with disturbed.modules():
        from crash_matrix import WAYS
        from histories import Repo
        from lanes import lanes
        from storm import CHANNELS, rage, settings_of

        from hubver.hub.client import Hub
        from hubver.localhub import LocalHub

        for way in [chosen.way] if chosen.way else WAYS:
            with (
                tempfile.TemporaryDirectory(prefix="hubver-crash-") as name,
                LocalHub(Path(name) / "hub", switches=WAYS[way]) as hub,
                lanes(Path(name), hub.environment()) as opened,
            ):
                settings = settings_of(hub)
                repo = Repo(Hub.of(settings), settings, "acme/storm")
                repo.hub.create_repo(repo.repo_id)
                began = time.monotonic()
                options = {"processes": chosen.processes, "changes": chosen.changes, "seed": chosen.seed}
                storm = rage(repo, opened, Path(name), hub.environment(), **options)
                told = Counter((event.channel, event.release.sha) for event in storm.changes)
                branches = repo.refs().branches
                print(
                    f"  {way:<16} acknowledged {len(storm.acknowledged)}, in the ledger {len(storm.changes)}"
                    f" (differing {sum(((told - Counter(storm.acknowledged)) + (Counter(storm.acknowledged) - told)).values())}),"
                    f" ended by code {dict(sorted(storm.codes.items()))}, {time.monotonic() - began:.0f} s"
                )
                moved = sum(len(storm.went_through(channel)) for channel in CHANNELS)
                same = all(storm.went_through(channel) == storm.told_of(channel) for channel in CHANNELS)
                last = all(branches[channel] == storm.told_of(channel)[-1] for channel in CHANNELS)
                print(
                    f"  {'':<16} moved {moved}, apart {len(storm.deviations())}, in the ledger's order: {same},"
                    f" at the end where the newest line says: {last}, contradictions {len(storm.contradictions())}"
                )
