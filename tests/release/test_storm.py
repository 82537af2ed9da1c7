"""Many processes promote and roll back at once: the ledger's order explains every position that a channel ever had.

A small one of `python -m benchmarks release_storm`.
"""

from __future__ import annotations

from collections import Counter

from lanes import lanes
from storm import CHANNELS, rage, settings_of

from hubver.hub.client import Hub


def test_the_ledger_explains_every_position(repo, local_hub, tmp_path, request):
    repo.settings = settings_of(local_hub)
    repo.hub = Hub.of(repo.settings)
    with lanes(tmp_path, local_hub.environment()) as opened:
        storm = rage(repo, opened, tmp_path, local_hub.environment(), processes=6, changes=24, seed=7)
    assert storm.codes.keys() <= {0, 1, 2}, storm.outputs  # done, refused, nowhere to go back to
    # What was acknowledged is in the ledger, and nothing else.
    assert Counter(storm.acknowledged) == Counter((event.channel, event.release.sha) for event in storm.changes)
    assert len(storm.acknowledged) > 0
    assert [one for one in storm.contradictions() if one.is_tampering] == []
    branches = repo.refs().branches
    for channel in CHANNELS:
        told, went = storm.told_of(channel), storm.went_through(channel)
        assert branches[channel] == told[-1]
        assert set(went) <= set(told)
        if request.node.callspec.params["local_hub"] != "http":  # which compares nothing when it moves a branch
            assert went == told
    if request.node.callspec.params["local_hub"] == "atomic git":
        assert storm.deviations() == []
        assert storm.contradictions() == []
        moves = [group for group in storm.moved if any(f"refs/heads/{channel}" in group for channel in CHANNELS)]
        assert all("refs/heads/ledger" in group for group in moves)
