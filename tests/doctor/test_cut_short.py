"""A repair that loses the network at any of its writes: the same command again ends as if nothing had happened."""

from __future__ import annotations

from contextlib import suppress

import pytest

from hubver.errors import HubFailed
from hubver.localhub import Drop

ASKED = {"repair": True, "restore": ["production", "v1.0.0"]}
WRITES = {
    "the ledger's line": ("http", "POST", "*/commit/ledger"),
    "the branch's move": ("http", "POST", "*/branch/production"),
    "a moved tag's end": ("http", "DELETE", "*/tag/v1.0.0"),
    "a moved tag's beginning": ("http", "POST", "*/tag/*"),
    "a push": ("atomic git", "POST", "*/git-receive-pack"),
    "one of several pushes": ("git one by one", "POST", "*/git-receive-pack"),
}


@pytest.fixture(params=WRITES)
def write(request) -> tuple[str, str, str]:
    return WRITES[request.param]


@pytest.fixture
def way(write) -> str:
    return write[0]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_repair_that_is_cut_short_is_ended_by_the_next(patient, intruder, local_hub, write, when):
    one, two = patient.released
    intruder.move("refs/heads/production", patient.repo.commit("theirs"))
    intruder.move("refs/tags/v1.0.0", two)
    intruder.move("refs/tags/rollback/1-v1.0.0", None)
    local_hub.faults.add(write[1], write[2], Drop(when))
    with suppress(HubFailed):
        patient.doctor(**ASKED)
    local_hub.faults.clear()
    report = patient.doctor(**ASKED)
    assert report.findings == ()
    refs = patient.repo.refs()
    assert (refs.branches["production"], refs.tags["v1.0.0"], refs.tags["rollback/1-v1.0.0"]) == (two, one, one)
    assert sum("moved by other means" in title for title in patient.repo.titles()) == 1
