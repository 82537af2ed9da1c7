"""What others move behind hubver's back is found and put right on each Hub: with atomic pushes, one by one, without git."""

from __future__ import annotations

import pytest
from release.conftest import WAYS

from hubver.channels import status
from hubver.hub.events import Promoted, Release, RollbackPoint
from hubver.hub.ledger import state
from hubver.hub.transport.moves import LEDGER, Line
from hubver.hub.transport.way import connect
from hubver.release import promote, quarantine, rollback

NAMES = {
    "atomic git": "atomic git push",
    "git one by one": "git push, one ref at a time",
    "http": "HTTP, one ref at a time",
}
PRODUCTION = "refs/heads/production"


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_healthy_repository_has_nothing_to_find(patient, way):
    repo_id, settings = patient.repo.repo_id, patient.settings
    one, two = patient.released
    patient.release("v1.2.0")
    promote(f"{repo_id}@v1.1.0", to="canary", settings=settings)
    patient.repo.judge(two, baseline="staging", channel="staging")
    promote(f"{repo_id}@v1.1.0", to="staging", settings=settings)
    rollback(repo_id, quarantine=True, settings=settings)
    rollback(repo_id, settings=settings)
    patient.repo.judge(two)
    promote(f"{repo_id}@v1.1.0", settings=settings)
    quarantine(f"{repo_id}@{one}", settings=settings)
    quarantine(f"{repo_id}@{one}", lift=True, settings=settings)
    before = patient.repo.refs()
    report = patient.doctor(repair=True)
    assert (report.findings, report.repaired, report.healthy, report.whole) == ((), (), True, True)
    assert (report.access.way, report.access.token, report.access.account) == (NAMES[way], "write", "acme")
    assert patient.repo.refs() == before


@pytest.mark.parametrize("to", ["the release before", "nowhere"])
def test_a_moved_channel_is_moved_back(patient, intruder, to):
    one, two = patient.released
    target = one if to == "the release before" else None
    intruder.move(PRODUCTION, target)
    (found,) = patient.doctor(repair=True).problems  # where it shall be is for people to decide
    assert (found.name, found.subject) == ("channel-missing" if target is None else "channel-moved", "production")
    assert found.expected == f"v1.1.0 ({two[:8]})"
    wanted = {
        "the release before": f"v1.0.0 ({one[:8]}), which was there before",
        "nowhere": "no such branch",
    }
    assert found.found == wanted[to]
    assert patient.repo.refs().branches.get("production") == target
    report = patient.doctor(restore=["production"])
    assert report.findings == ()
    assert report.repaired[-1] == "moving production back to v1.1.0"
    assert patient.repo.refs().branches["production"] == two
    assert patient.repo.titles()[0].endswith("→ v1.1.0: it had been moved by other means")
    before = patient.repo.refs()
    assert patient.problems(restore=["production"]) == []
    assert patient.repo.refs() == before
    assert rollback(patient.repo.repo_id, settings=patient.settings).release.sha == one


def test_the_ledger_follows_a_moved_channel(patient, intruder):
    one, _two = patient.released
    patient.release("v1.2.0")
    theirs = patient.repo.commit("a fix at night")
    intruder.move(PRODUCTION, theirs)
    assert [found.found for found in patient.doctor().problems] == [
        f"{theirs[:8]}, which the ledger has never had there"
    ]
    report = patient.doctor(adopt="production", reason="a fix at night, see hf_aTokenThatMustNeverTravel0123456789")
    assert report.findings == ()
    assert report.repaired[-1] == f"accepting {theirs[:8]} in production"
    assert patient.repo.titles()[0] == f"adopt {theirs[:8]} in production (the ledger said v1.2.0)"
    assert "hf_aToken" not in str(patient.repo.hub.commits(patient.repo.repo_id, LEDGER, limit=1))
    assert status(patient.repo.repo_id, settings=patient.settings).warnings == ()
    before = patient.repo.refs()
    assert patient.problems(adopt="production", reason="again") == []
    assert patient.repo.refs() == before
    assert rollback(patient.repo.repo_id, settings=patient.settings).release.version == "v1.1.0"
    assert rollback(patient.repo.repo_id, settings=patient.settings).release.sha == one
    assert patient.doctor().findings == ()


def test_deleted_tags_are_made_again(patient, intruder):
    one, _two = patient.released
    for tag in ("v1.0.0", "rollback/1-v1.0.0"):
        intruder.move(f"refs/tags/{tag}", None)
    found = patient.doctor().problems
    repairs = [("tag-missing", tag, f"tag {one[:8]} as {tag} again") for tag in ("rollback/1-v1.0.0", "v1.0.0")]
    assert [(each.name, each.subject, each.repair) for each in found] == repairs
    assert not {"v1.0.0", "rollback/1-v1.0.0"} & patient.repo.refs().tags.keys()
    report = patient.doctor(repair=True)
    assert (report.findings, report.repaired) == ((), tuple(repair for _, _, repair in repairs))
    tags = patient.repo.refs().tags
    assert (tags["v1.0.0"], tags["rollback/1-v1.0.0"]) == (one, one)


def test_moved_tags_are_put_back_only_by_name(patient, intruder):
    one, two = patient.released
    for tag in ("v1.0.0", "rollback/1-v1.0.0"):
        intruder.move(f"refs/tags/{tag}", two)
    report = patient.doctor(repair=True)
    assert [(found.name, found.subject) for found in report.problems] == [
        ("tag-moved", "rollback/1-v1.0.0"),
        ("tag-moved", "v1.0.0"),
    ]
    assert "--restore v1.0.0" in report.problems[1].advice
    assert patient.repo.refs().tags["v1.0.0"] == two
    assert patient.problems(restore=["v1.0.0"]) == [("tag-moved", "rollback/1-v1.0.0")]
    assert patient.doctor(restore=["rollback/1-v1.0.0"]).findings == ()
    tags = patient.repo.refs().tags
    assert (tags["v1.0.0"], tags["rollback/1-v1.0.0"]) == (one, one)


def begun(patient, new: str, old: str) -> None:
    """Write the line of a promotion that moves nothing, as a process leaves it that is killed after its first step."""
    repo = patient.repo
    way = connect(repo.hub, repo.repo_id)
    before = state(repo.hub, repo.repo_id, way.refs)
    at = before.channels["production"].since
    previous, release = Release(sha=old, version="v1.1.0"), Release(sha=new, version="v1.2.0")
    point = RollbackPoint(tag="rollback/2-v1.1.0", release=previous)
    event = Promoted(
        at=at,
        actor="ann",
        state=before.promoted("production", release, point, at),
        channel="production",
        release=release,
        previous=previous,
        verdict=None,
        rollback_tag=point.tag,
        in_steps=True,
    )
    way.carry_out(Line(event, way.refs.branches[LEDGER]), [])


def test_a_half_done_promotion_is_finished(patient):
    _one, two = patient.released
    three = patient.publish("v1.2.0")
    begun(patient, three, two)
    (found,) = patient.doctor().findings
    assert (found.name, found.subject) == ("half-done", "production")
    assert "ann is half done: promote v1.2.0 → production (was v1.1.0)" in found.fact
    assert patient.repo.refs().branches["production"] == two
    report = patient.doctor(repair=True)
    assert report.findings == ()
    assert report.repaired == ("finishing what ann began: promote v1.2.0 → production (was v1.1.0)",)
    refs = patient.repo.refs()
    assert (refs.branches["production"], refs.tags["rollback/2-v1.1.0"]) == (three, two)


def test_the_ledger_was_cut_short(patient, intruder):
    assert patient.doctor().findings == ()
    seen = patient.repo.hub.commits(patient.repo.repo_id, LEDGER, limit=2)
    intruder.move(f"refs/heads/{LEDGER}", seen[1].sha)
    lost = next(one for one in patient.doctor().problems if one.name == "ledger-rewritten")
    assert lost.fact == "The ledger was cut short."
    assert f"({seen[1].sha[:8]})" in lost.found
    assert f"{seen[0].sha}:refs/heads/ledger" in lost.advice
