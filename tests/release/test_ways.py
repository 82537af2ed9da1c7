"""Refs move by what the Hub advertises, and what was begun is finished by whoever comes next."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from pydantic import SecretStr

from hubver.errors import BadToken, NotFound, NotGated, StaleRef
from hubver.hub.client import Hub
from hubver.hub.events import Promoted, Release, RollbackPoint, RolledBack
from hubver.hub.ledger import entries, state
from hubver.hub.transport.moves import LEDGER, Line, Move
from hubver.hub.transport.way import connect, move
from hubver.localhub.faults import Answer, Delay, Truncate
from hubver.release import promote, quarantine, rollback
from hubver.release.intent import Intent

NAMES = {
    "atomic git": "atomic git push",
    "git one by one": "git push, one ref at a time",
    "http": "HTTP, one ref at a time",
}


def released(repo, *tags: str) -> list[str]:
    shas = []
    for tag in tags:
        shas.append(repo.version(tag))
        repo.judge(shas[-1])
        promote(f"{repo.repo_id}@{tag}", settings=repo.settings)
    return shas


def test_the_way_is_what_the_hub_advertises(repo, request):
    way = connect(repo.hub, repo.repo_id)
    wanted = request.node.callspec.params["local_hub"]
    assert (way.name, way.in_steps) == (NAMES[wanted], wanted != "atomic git")


def test_branches_and_tags_are_made_moved_and_deleted(repo):
    one, two = repo.commit("one"), repo.commit("two")
    move(repo.hub, repo.repo_id, [Move("refs/heads/a/b", None, one), Move("refs/tags/t/1", None, one)])
    move(repo.hub, repo.repo_id, [Move("refs/heads/a/b", one, two)])
    refs = repo.refs()
    assert (refs.branches["a/b"], refs.tags["t/1"]) == (two, one)
    move(repo.hub, repo.repo_id, [Move("refs/heads/a/b", two, one)])  # backwards
    assert repo.refs().branches["a/b"] == one
    move(repo.hub, repo.repo_id, [Move("refs/heads/a/b", one, None), Move("refs/tags/t/1", one, None)])
    assert "a/b" not in repo.refs().branches
    assert "t/1" not in repo.refs().tags


@pytest.mark.parametrize("found", ["another commit", "nothing"])
def test_a_stale_ref_is_refused(repo, found):
    one, two = repo.commit("one"), repo.commit("two")
    if found == "another commit":
        move(repo.hub, repo.repo_id, [Move("refs/heads/x", None, two)])
    before = repo.refs()
    with pytest.raises(StaleRef):
        move(repo.hub, repo.repo_id, [Move("refs/heads/x", one, two if found == "nothing" else one)])
    assert repo.refs() == before


def test_a_token_that_may_only_read(repo, local_hub):
    reader = Hub(repo.hub.endpoint, SecretStr(local_hub.add_user("reader", write=False)))
    with pytest.raises(BadToken):
        connect(reader, repo.repo_id).carry_out(None, [Move("refs/heads/x", None, repo.refs().main)])
    assert "x" not in repo.refs().branches


def test_a_repository_that_is_not_there(repo):
    with pytest.raises(NotFound):
        connect(repo.hub, "acme/missing")


def test_a_line_holds_its_own_evidence_only(repo):
    sha = repo.version("v1.0.0")
    verdict = repo.judge(sha)
    promote(f"{repo.repo_id}@v1.0.0", settings=repo.settings)
    head = repo.refs().branches[LEDGER]
    assert {"event.json", "gate-report.md"} <= repo.hub.files(repo.repo_id, verdict).keys()
    held = {path for path in repo.hub.files(repo.repo_id, head) if not path.startswith(".git")}
    assert held == {"event.json"}
    newest = next(entries(repo.hub, repo.repo_id, repo.refs()))
    assert repo.hub.read(repo.repo_id, head, "event.json") == newest.event.to_bytes()


def begun(repo, new: str, old: str, *, in_steps: bool = True) -> Promoted:
    """Write the line of a promotion that moves nothing, as a process leaves it that is killed after its first step."""
    way = connect(repo.hub, repo.repo_id)
    at = datetime.now(timezone.utc)
    previous, release = Release(sha=old, version="v1.0.0"), Release(sha=new, version="v1.1.0")
    point = RollbackPoint(tag="rollback/1-v1.0.0", release=previous)
    event = Promoted(
        at=at,
        actor="acme",
        state=state(repo.hub, repo.repo_id, way.refs).promoted("production", release, point, at),
        channel="production",
        release=release,
        previous=previous,
        verdict=None,
        rollback_tag=point.tag,
        in_steps=in_steps,
    )
    way.carry_out(Line(event, way.refs.branches[LEDGER]), [])
    return event


@pytest.mark.parametrize("then", ["the same promotion", "another promotion", "a rollback"])
def test_what_was_begun_is_finished_by_whoever_comes_next(repo, then):
    (one,) = released(repo, "v1.0.0")
    two, three = repo.version("v1.1.0"), repo.version("v1.2.0")
    begun(repo, two, one)
    if then != "the same promotion":
        repo.judge(three, baseline=two)
    said: list[str] = []
    if then == "the same promotion":
        assert promote(f"{repo.repo_id}@v1.1.0", settings=repo.settings, progress=said.append).already
        wanted = two
    elif then == "another promotion":
        done = promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings, progress=said.append)
        assert (done.previous.sha, done.rollback_tag) == (two, "rollback/2-v1.1.0")
        wanted = three
    else:
        assert rollback(repo.repo_id, settings=repo.settings, progress=said.append).previous.sha == two
        wanted = one
    assert said[0] == "finishing what acme began: promote v1.1.0 → production (was v1.0.0)"
    refs = repo.refs()
    assert refs.branches["production"] == wanted
    assert refs.tags["rollback/1-v1.0.0"] == one


def test_a_change_that_was_made_at_once_is_never_finished_by_others(repo):
    """Where it stands in the ledger and not on the branch, somebody moved the branch: that is for people to decide."""
    (one,) = released(repo, "v1.0.0")
    two = repo.version("v1.1.0")
    begun(repo, two, one, in_steps=False)
    repo.judge(repo.version("v1.2.0"), baseline=one)
    said: list[str] = []
    done = promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings, progress=said.append)
    assert done.previous.sha == one
    assert not any("finishing" in line for line in said)


def test_a_rollback_that_was_killed_knows_itself_again(repo, tmp_path):
    settings = repo.settings.model_copy(update={"cache": tmp_path / "cache"})
    one, two, _three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    assert rollback(repo.repo_id, settings=settings).release.sha == two
    (last,) = [e.event for e in entries(repo.hub, repo.repo_id, repo.refs()) if isinstance(e.event, RolledBack)]
    Intent(settings, repo.repo_id).begin(last.at)  # as it was before the end was seen
    again = rollback(repo.repo_id, settings=settings)
    assert (again.already, again.release.sha) == (True, two)
    assert rollback(repo.repo_id, settings=settings).release.sha == one


def test_a_rollback_that_says_what_it_leaves_is_safe_to_repeat_anywhere(repo):
    _one, two, _three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    first = rollback(repo.repo_id, leaving="v1.2.0", settings=repo.settings)
    again = rollback(repo.repo_id, leaving="v1.2.0", settings=repo.settings)
    assert (first.already, again.already) == (False, True)
    assert repo.refs().branches["production"] == two
    with pytest.raises(StaleRef, match="something else is in it") as caught:
        rollback(repo.repo_id, leaving="v9.0.0", settings=repo.settings)
    assert (caught.value.expected, caught.value.found) == ("v9.0.0", "v1.1.0")


def test_what_is_left_can_be_quarantined_in_the_same_step(repo):
    one, two, three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    assert rollback(repo.repo_id, quarantine=True, settings=repo.settings).release.sha == two
    assert state(repo.hub, repo.repo_id, repo.refs()).is_quarantined(three)
    quarantine(f"{repo.repo_id}@v1.1.0", settings=repo.settings)
    assert repo.refs().branches["production"] == two  # a quarantine moves nothing
    assert rollback(repo.repo_id, settings=repo.settings).release.sha == one


def test_a_change_elsewhere_in_the_ledger_does_not_stop_a_promotion(repo):
    """Whatever is published or judged meanwhile: it goes after that."""
    released(repo, "v1.0.0")
    sha = repo.version("v1.1.0")
    repo.judge(sha)
    others = iter(range(2))

    def meanwhile(line: str) -> None:
        if line.startswith("moving") and next(others, None) is not None:
            repo.judge(sha)

    assert promote(f"{repo.repo_id}@v1.1.0", settings=repo.settings, progress=meanwhile).release.sha == sha


def test_a_channel_that_moves_meanwhile_stops_it(repo):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    sha = repo.version("v1.2.0")
    repo.judge(sha)

    def meanwhile(line: str) -> None:
        if line.startswith("moving"):
            rollback(repo.repo_id, settings=repo.settings)

    with pytest.raises(StaleRef):
        promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings, progress=meanwhile)
    assert repo.refs().branches["production"] == one != two


@pytest.mark.parametrize(("local_hub", "most"), [("atomic git", 4), ("git one by one", 12)], indirect=["local_hub"])
def test_how_many_requests_a_promotion_takes(repo, local_hub, most):
    released(repo, "v1.0.0")
    repo.judge(repo.version("v1.1.0"))
    local_hub.faults.add("*", "*", Delay(0), times=1000)
    promote(f"{repo.repo_id}@v1.1.0", settings=repo.settings)
    taken = 1000 - local_hub.faults.pending
    local_hub.faults.clear()
    assert 3 < taken <= most


def test_what_others_put_into_production_is_not_taken_for_promoted(repo):
    one, _two = released(repo, "v1.0.0", "v1.1.0")
    three = repo.version("v1.2.0")
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", repo.refs().branches["production"], three)])
    with pytest.raises(
        NotGated, match=r"v1\.2\.0 is in production, but hubver did not bring it there: the ledger says v1"
    ):
        promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings)
    assert rollback(repo.repo_id, settings=repo.settings).release.version == "v1.1.0"
    assert rollback(repo.repo_id, settings=repo.settings).release.sha == one


def test_what_is_left_and_where_it_goes_must_both_be_so(repo):
    """Somebody went back to v1.1.0 already; that is not what is asked for."""
    _one, two, _three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    rollback(repo.repo_id, settings=repo.settings)
    with pytest.raises(StaleRef, match="something else is in it"):
        rollback(repo.repo_id, leaving="v1.2.0", to="v1.0.0", settings=repo.settings)
    assert repo.refs().branches["production"] == two
    assert rollback(repo.repo_id, leaving="v1.2.0", to="v1.1.0", settings=repo.settings).already


def test_what_was_begun_is_not_finished_once_it_is_quarantined(repo):
    (one,) = released(repo, "v1.0.0")
    two = repo.version("v1.1.0")
    begun(repo, two, one)
    quarantine(f"{repo.repo_id}@v1.1.0", settings=repo.settings)
    repo.judge(repo.version("v1.2.0"), baseline=one)
    said: list[str] = []
    done = promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings, progress=said.append)
    assert done.previous.sha == one
    assert not any("finishing" in line for line in said)


@pytest.mark.parametrize("local_hub", ["atomic git", "git one by one"], indirect=True)
def test_an_answer_that_is_cut_in_the_middle_is_not_a_failure(repo, local_hub):
    (one,) = released(repo, "v1.0.0")
    repo.judge(repo.version("v1.1.0"))
    local_hub.faults.add("POST", "*/git-receive-pack", Truncate(3))
    done = promote(f"{repo.repo_id}@v1.1.0", settings=repo.settings)
    assert (done.release.version, done.previous.sha) == ("v1.1.0", one)
    assert repo.refs().branches["production"] == done.release.sha
    assert sum(title.startswith("promote v1.1.0") for title in repo.titles()) == 1


@pytest.mark.parametrize("local_hub", ["atomic git"], indirect=True)
def test_a_hub_that_fails_for_a_moment_has_git_all_the_same(repo, local_hub):
    local_hub.faults.add("GET", "*/info/refs", Answer(503))
    assert connect(repo.hub, repo.repo_id).name == "atomic git push"
