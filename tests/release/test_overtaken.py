"""What others do between two steps of a change: it has happened once its line stands, and its branch follows the newest."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from hubver.errors import BadInput, HubFailed, NotGated, StaleRef
from hubver.hub import ledger
from hubver.hub.events import Promoted, Published, Release
from hubver.hub.transport.moves import Line, Move
from hubver.hub.transport.way import connect, move
from hubver.localhub.faults import Answer, Drop
from hubver.publish import push
from hubver.release import promote, quarantine, rollback
from hubver.release.intent import Intent

if TYPE_CHECKING:
    from collections.abc import Callable

one_ref_at_a_time = pytest.mark.parametrize("local_hub", ["git one by one", "http"], indirect=True)


@dataclass
class Meanwhile:
    """Others do something while a request waits to be served, or while its answer gets lost.

    Attributes:
        others: None for a Hub that fails.
        at: which of the requests that the rule is for.
    """

    others: Callable[[], object] | None
    at: int = 1
    lost: bool = False
    failed: list[BaseException] = field(default_factory=list)

    async def apply(self, app, scope, receive, send) -> None:
        self.at -= 1
        if self.at:
            await app(scope, receive, send)
            return
        if self.lost:
            await app(scope, receive, _nobody)
        if self.others is None:
            await Answer(500).apply(app, scope, receive, send)
            return
        await asyncio.to_thread(self._act)
        await (Drop().apply if self.lost else _serve)(app, scope, receive, send)

    def _act(self) -> None:
        try:
            self.others()
        except BaseException as error:
            self.failed.append(error)
            raise


async def _nobody(_message) -> None:
    pass


async def _serve(app, scope, receive, send) -> None:
    await app(scope, receive, send)


@pytest.fixture
def between(local_hub, request):
    """Let others act when the branch `production` is about to be moved, after the line."""

    def arrange(others) -> Meanwhile:
        by_git = request.node.callspec.params["local_hub"] != "http"
        effect = Meanwhile(others, at=2 if by_git else 1)
        path = "/acme/router.git/git-receive-pack" if by_git else "/api/models/acme/router/branch/production"
        local_hub.faults.add("POST", path, effect, times=effect.at)
        return effect

    return arrange


def released(repo, *tags: str) -> list[str]:
    shas = []
    for tag in tags:
        shas.append(repo.version(tag))
        repo.judge(shas[-1])
        promote(f"{repo.repo_id}@{tag}", settings=repo.settings)
    return shas


def newest(repo):
    return next(ledger.entries(repo.hub, repo.repo_id, repo.refs())).event


@one_ref_at_a_time
@pytest.mark.parametrize("then", ["a rollback", "another promotion", "the one before again"])
def test_a_promotion_that_others_finish_and_go_on_from_was_made_all_the_same(repo, between, then):
    (one,) = released(repo, "v1.0.0")
    two, three = repo.version("v1.1.0"), repo.version("v1.2.0")
    repo.judge(two)
    repo.judge(three, baseline=two)
    repo.judge(one, baseline=two)

    def others() -> None:
        if then == "a rollback":
            rollback(repo.repo_id, settings=repo.settings)
        else:
            promote(f"{repo.repo_id}@{'v1.2.0' if then.startswith('another') else 'v1.0.0'}", settings=repo.settings)

    effect = between(others)
    done = promote(f"{repo.repo_id}@v1.1.0", settings=repo.settings)
    assert effect.failed == []
    assert (done.release.sha, done.already) == (two, False)
    assert repo.titles()[1] == "promote v1.1.0 → production (was v1.0.0)"
    assert repo.refs().branches["production"] == newest(repo).release.sha == (three if "another" in then else one)


@one_ref_at_a_time
def test_a_rollback_that_others_finish_and_go_on_from_is_not_made_twice(repo, between):
    _one, two, three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    repo.judge(three, baseline=two)
    between(lambda: promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings))
    assert rollback(repo.repo_id, settings=repo.settings).release.sha == two
    assert [title.partition(" (")[0] for title in repo.titles()[:2]] == [
        "promote v1.2.0 → production",
        "rollback v1.2.0 → v1.1.0",
    ]
    assert repo.refs().branches["production"] == three


def a_candidate(repo) -> str:
    """v1.1.0-rc.1, judged, in a pull request."""
    released(repo, "v1.0.0")
    sha = repo.commit("weights of v1.1.0-rc.1", pull_request=True)
    move(repo.hub, repo.repo_id, [Move("refs/tags/v1.1.0-rc.1", None, sha)])
    repo.judge(sha)
    return sha


@one_ref_at_a_time
def test_a_version_that_a_line_has_just_given_is_not_proposed_to_another_run(repo, output, between):
    sha, pushed = a_candidate(repo), []
    effect = between(lambda: pushed.append(push(output, repo.repo_id, settings=repo.settings)))
    promote(f"{repo.repo_id}@v1.1.0-rc.1", settings=repo.settings)
    assert effect.failed == []
    assert pushed[0].version == "v1.2.0"
    tags = repo.refs().tags
    assert (tags["v1.1.0"], tags["v1.2.0"]) == (sha, pushed[0].sha)


@one_ref_at_a_time
def test_a_run_is_published_anew_whose_version_a_line_has_given_before_it_was_tagged(repo, output, between, local_hub):
    """The promotion is cut short after its line, so that its tag is not there either."""
    sha = a_candidate(repo)
    lines = []

    def others(line: str) -> None:
        lines.append(line)
        if line == "tagging v1.1.0":
            between(None)
            with pytest.raises(HubFailed):
                promote(f"{repo.repo_id}@v1.1.0-rc.1", settings=repo.settings)
            local_hub.faults.clear()

    published = push(output, repo.repo_id, settings=repo.settings, progress=others)
    assert [line for line in lines if line.startswith("tagging")] == ["tagging v1.1.0", "tagging v1.2.0"]
    assert repo.refs().tags.keys() == {"v1.0.0", "v1.1.0-rc.1", "v1.2.0"}
    promote(f"{repo.repo_id}@v1.1.0-rc.1", settings=repo.settings)
    tags = repo.refs().tags
    assert (tags["v1.1.0"], tags["v1.2.0"]) == (sha, published.sha)


@pytest.mark.parametrize("local_hub", ["git one by one"], indirect=True)
def test_a_version_that_a_push_has_told_of_and_not_tagged_yet_is_no_candidate_s(repo):
    a_candidate(repo)
    release = Release(sha=repo.commit("another run"), version="v1.1.0")

    def told(_refs, state) -> Published:
        return Published(at=datetime.now(timezone.utc), actor="acme", state=state, release=release, run_id="run-2")

    ledger.append(repo.hub, repo.repo_id, told)
    before = repo.refs()
    with pytest.raises(NotGated, match=r"v1\.1\.0-rc\.1 cannot become v1\.1\.0: another run has that version"):
        promote(f"{repo.repo_id}@v1.1.0-rc.1", settings=repo.settings)
    assert repo.refs() == before


@pytest.mark.parametrize("local_hub", ["git one by one"], indirect=True)
def test_a_branch_that_is_moved_by_hand_between_line_and_move_is_told_of(repo, between):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    sha = repo.version("v1.2.0")
    repo.judge(sha)
    between(lambda: move(repo.hub, repo.repo_id, [Move("refs/heads/production", two, one)]))
    with pytest.raises(StaleRef, match="has the change, but production was moved by other means") as caught:
        promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings)
    assert (caught.value.expected, caught.value.found) == ("v1.2.0", one[:8])


@pytest.mark.parametrize("verb", ["promote", "rollback"])
def test_an_answer_that_was_lost_while_others_went_on_is_found_out(repo, local_hub, verb):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    three = repo.version("v1.2.0")
    repo.judge(three)
    effect = Meanwhile(lambda: repo.judge(one, "fail"), lost=True)
    for path in ("/acme/router.git/git-receive-pack", "/api/models/acme/router/commit/ledger"):
        local_hub.faults.add("POST", path, effect)
    if verb == "promote":
        assert not promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings).already
    else:
        assert not rollback(repo.repo_id, settings=repo.settings).already
    assert effect.failed == []
    assert [title.split()[0] for title in repo.titles()[:3]] == ["verdict", verb, "verdict"]
    assert repo.refs().branches["production"] == (three if verb == "promote" else one)
    assert two != three


@pytest.mark.parametrize("local_hub", ["git one by one"], indirect=True)
def test_a_tag_that_is_missing_is_made_however_long_ago_its_line_was_written(repo):
    (one,) = released(repo, "v1.0.0")
    two = repo.version("v1.1.0")
    repo.judge(two)
    promote(f"{repo.repo_id}@v1.1.0", settings=repo.settings)
    # As a promotion leaves it that is killed before its last step.
    move(repo.hub, repo.repo_id, [Move("refs/tags/rollback/1-v1.0.0", one, None)])
    event = newest(repo)
    assert isinstance(event, Promoted)
    for _ in range(ledger.FIRST_PAGE + 1):
        way = connect(repo.hub, repo.repo_id)
        plain = {"kind": "note", "at": event.at, "actor": "acme", "state": event.state}
        way.carry_out(Line(ledger.Event(**plain), way.refs.branches["ledger"]), [])
    assert rollback(repo.repo_id, settings=repo.settings).release.sha == one
    assert repo.refs().tags["rollback/1-v1.0.0"] == one


@pytest.mark.parametrize("local_hub", ["atomic git"], indirect=True)
def test_a_quarantine_names_the_channel_that_others_moved_to_what_it_keeps_out(repo):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    assert quarantine(f"{repo.repo_id}@v1.1.0", settings=repo.settings).running_in == ("production",)
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", two, one)])
    assert quarantine(f"{repo.repo_id}@v1.0.0", settings=repo.settings).running_in == ("production",)


def test_to_stay_is_no_way_back(repo):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    repo.judge(one)
    promote(f"{repo.repo_id}@v1.0.0", settings=repo.settings)
    quarantine(f"{repo.repo_id}@v1.1.0", settings=repo.settings)
    before = repo.refs()
    with pytest.raises(BadInput, match="Every rollback point of production in acme/router is quarantined"):
        rollback(repo.repo_id, quarantine=True, settings=repo.settings)
    with pytest.raises(BadInput, match=r"v1\.0\.0 is in production in acme"):
        rollback(repo.repo_id, to="v1.0.0", settings=repo.settings)
    assert repo.refs() == before
    assert two == before.tags["rollback/2-v1.1.0"]


def test_a_rollback_that_is_repeated_to_quarantine_what_it_left_does_that(repo):
    _one, two = released(repo, "v1.0.0", "v1.1.0")
    assert not rollback(repo.repo_id, leaving="v1.1.0", settings=repo.settings).quarantined
    again = rollback(repo.repo_id, leaving="v1.1.0", quarantine=True, settings=repo.settings)
    assert (again.already, again.quarantined) == (True, True)
    assert ledger.state(repo.hub, repo.repo_id, repo.refs()).is_quarantined(two)
    assert rollback(repo.repo_id, leaving="v1.1.0", quarantine=True, settings=repo.settings).already
    assert repo.titles()[0] == "quarantine v1.1.0"


def test_a_promotion_that_others_make_at_the_same_time_is_there_already(repo):
    _one, _two = released(repo, "v1.0.0", "v1.1.0")
    sha = repo.version("v1.2.0")
    repo.judge(sha)

    def others(line: str) -> None:
        if line.startswith("moving"):
            promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings)

    assert promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings, progress=others).already
    assert [title.split()[0] for title in repo.titles()[:2]] == ["promote", "verdict"]


def test_a_rollback_whose_former_self_lands_after_it_was_killed_is_not_made_twice(repo, local_hub, tmp_path):
    """Killed with its question on the way, and run again before the Hub has taken that."""
    settings = repo.settings.model_copy(update={"cache": tmp_path / "cache"})
    _one, two, _three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")

    def former_self() -> None:
        rollback(repo.repo_id, settings=settings)
        Intent(settings, repo.repo_id).begin(newest(repo).at)  # whose end was not seen

    effect = Meanwhile(former_self)
    for path in ("/acme/router.git/git-receive-pack", "/api/models/acme/router/commit/ledger"):
        local_hub.faults.add("POST", path, effect)
    again = rollback(repo.repo_id, settings=settings)
    assert effect.failed == []
    assert (again.already, again.release.sha) == (True, two)
    assert [title.split()[0] for title in repo.titles()[:2]] == ["rollback", "promote"]
    assert repo.refs().branches["production"] == two
