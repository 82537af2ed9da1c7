"""What a run has to judge: what its event asks for, or what waits for a verdict."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from job_files import heard, said

from hubver.channel_settings import ChannelSettings
from hubver.ci.candidates import find
from hubver.gates_folder import gates_digest
from hubver.hub import ledger
from hubver.hub.events import Published, Release, Unjudged
from hubver.hub.reading import Reader
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.release import promote, quarantine, rollback

if TYPE_CHECKING:
    from hubver.settings import Settings

REPO = "acme/router"


@pytest.fixture
def here(repo, tmp_path):
    """Settings with gates, so that verdicts can be by them."""
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "test_quality.py").write_text("def test_plain(): pass\n")
    return repo.settings.model_copy(update={"root": tmp_path})


def by(here: Settings, **stated) -> dict:
    return {"gates_digest": gates_digest(here.gates_directory), "tasks_digest": here.tasks_digest, **stated}


def proposed(repo, tag: str) -> str:
    """A candidate as `hubver push --pr` leaves it: a pull request, its tag, and a line in the ledger."""
    head = repo.commit(f"weights of {tag}", pull_request=True)
    number = max(repo.refs().pulls)
    assert repo.refs().pulls[number] == head
    move(repo.hub, repo.repo_id, [Move(f"refs/tags/{tag}", None, head)])
    ledger.append(
        repo.hub,
        repo.repo_id,
        lambda _refs, state: Published(
            at=datetime.now(timezone.utc),
            actor="acme",
            state=state,
            release=Release(sha=head, version=tag),
            run_id=tag,
            pull_request=number,
        ),
    )
    return head


def names(found) -> list[str]:
    return [str(one) for one in found.candidates]


def test_nothing_waits_in_an_empty_repository(repo, here):
    found = find(REPO, settings=here)
    assert (found.candidates, found.notes) == ((), ())


def test_open_pull_requests_and_the_newest_version_wait_the_oldest_first(repo, here):
    repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    repo.version("v1.1.0")
    newest = repo.version("v1.2.0")
    first, second = proposed(repo, "v1.3.0-rc.1"), proposed(repo, "v1.3.0-rc.2")
    found = find(REPO, settings=here)
    assert [(one.revision, one.version, one.pull_request) for one in found.candidates] == [
        (newest, "v1.2.0", None),
        (first, "v1.3.0-rc.1", 1),
        (second, "v1.3.0-rc.2", 2),
    ]
    assert found.notes == ()


def test_what_does_not_wait(repo, here):
    repo.version("v0.9.0")
    repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    repo.version("v1.1.0")
    promote(f"{REPO}@v1.1.0", override="second", settings=here)
    rollback(REPO, settings=here)  # v1.1.0 was there already
    assert names(find(REPO, settings=here)) == []
    repo.version("v1.2.0")
    quarantine(f"{REPO}@v1.2.0", settings=here)
    assert names(find(REPO, settings=here)) == []
    closed = proposed(repo, "v1.4.0-rc.1")
    repo.hub.api.change_discussion_status(REPO, 1, "closed")
    assert names(find(REPO, settings=here)) == []
    repo.hub.api.change_discussion_status(REPO, 1, "open")
    assert names(find(REPO, settings=here)) == ["v1.4.0-rc.1"]
    move(repo.hub, REPO, [Move("refs/tags/v1.4.0", None, repo.commit("another run"))])
    assert closed not in {one.revision for one in find(REPO, settings=here).candidates}


def test_what_a_stranger_proposes_is_judged_only_where_a_person_asks(repo, here, tmp_path):
    repo.commit("who knows", pull_request=True)
    head = repo.refs().pulls[1]
    swept = find(REPO, settings=here)
    assert swept.candidates == ()
    assert "judged only where a person asks for it: pull request #1" in swept.notes[0]
    event = tmp_path / "event.json"
    payload = {"action": "hubver-candidate", "client_payload": {"revision": "refs/pr/1"}}
    event.write_text(json.dumps(payload))
    github = here.github.model_copy(update={"event_name": "repository_dispatch", "event_path": event})
    dispatched = find(REPO, settings=here.model_copy(update={"github": github}))
    assert dispatched.candidates == ()
    assert "was not published by hubver" in dispatched.notes[0]
    by_hand = here.github.model_copy(update={"event_name": "workflow_dispatch"})
    for settings in (here, here.model_copy(update={"github": by_hand})):
        (found,) = find(REPO, revision="refs/pr/1", settings=settings).candidates
        assert (found.revision, found.version, found.pull_request) == (head, None, 1)


@pytest.mark.parametrize(
    ("stated", "waits"),
    [
        ({}, False),
        ({"outcome": "fail"}, False),
        ({"outcome": "inconclusive"}, False),
        ({"tasks_digest": None}, False),
        ({"gates_digest": "0" * 64}, True),
        ({"tasks_digest": "0" * 64}, True),
        ({"baseline": None}, True),
        ({"channel": "canary"}, True),
        ({"days": 31}, True),
    ],
    ids=str,
)
def test_what_was_judged_as_it_would_be_now_is_left_out(repo, here, stated, waits):
    if days := stated.get("days"):
        stated = {"at": datetime.now(timezone.utc) - timedelta(days=days)}
    repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    sha = repo.version("v1.1.0")
    repo.judge(sha, **by(here, **stated))
    found = find(REPO, settings=here)
    assert names(found) == (["v1.1.0"] if waits else [])
    if waits:
        assert found.notes == ()
    else:
        (note,) = found.notes
        outcome = stated.get("outcome", "pass")
        assert note.startswith(f"v1.1.0 was judged already, by these gates against what is there now: {outcome}.")
        assert ("promotion was lost" in note) == (outcome == "pass")
    assert names(find(REPO, again=True, settings=here)) == ["v1.1.0"]
    by_event = event_that_asks_for("v1.1.0", here)
    assert names(find(REPO, settings=by_event)) == (["v1.1.0"] if waits else [])


def test_an_event_brings_back_nothing_that_was_replaced_or_withdrawn(repo, here):
    for tag in ("v1.0.0", "v1.1.0"):
        repo.version(tag)
        promote(f"{REPO}@{tag}", override="first", settings=here)
    repo.version("v1.2.0")
    quarantine(f"{REPO}@v1.2.0", settings=here)
    proposed(repo, "v1.3.0-rc.1")
    proposed(repo, "v1.3.0-rc.2")
    repo.hub.api.change_discussion_status(REPO, 1, "closed")
    for revision in ("v1.0.0", "v1.2.0", "v1.3.0-rc.1", "refs/pr/1"):
        found = find(REPO, settings=event_that_asks_for(revision, here))
        assert names(found) == []
        assert "waits for no verdict, so no event has it judged" in found.notes[0]
        assert len(find(REPO, revision=revision, settings=here).candidates) == 1
    for revision in ("v1.3.0-rc.2", "refs/pr/2"):
        assert names(find(REPO, settings=event_that_asks_for(revision, here))) == ["v1.3.0-rc.2"]


def event_that_asks_for(revision: str, here: Settings) -> Settings:
    path = here.root / "event.json"
    path.write_text(json.dumps({"action": "hubver-candidate", "client_payload": {"revision": revision}}))
    github = here.github.model_copy(update={"event_name": "repository_dispatch", "event_path": path})
    return here.model_copy(update={"github": github})


def test_what_a_person_asks_for_is_judged_again(repo, here):
    repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    repo.judge(repo.version("v1.1.0"), **by(here))
    assert names(find(REPO, settings=here)) == []
    by_hand = here.model_copy(update={"github": here.github.model_copy(update={"event_name": "workflow_dispatch"})})
    for settings in (here, by_hand):
        assert names(find(REPO, revision="v1.1.0", settings=settings)) == ["v1.1.0"]


def broken(repo, sha: str, here: Settings, **stated) -> None:
    """What `hubver ci judge` leaves where a gate came to no verdict."""
    refs = repo.refs()
    stated = {"baseline": refs.branches.get("production"), "channel": "production", **by(here), **stated}
    baseline = stated.pop("baseline")
    ledger.append(
        repo.hub,
        repo.repo_id,
        lambda _refs, state: Unjudged(
            at=datetime.now(timezone.utc),
            actor="acme",
            state=state,
            candidate=Release(sha=sha),
            baseline=Release(sha=baseline) if baseline else None,
            reason="The gate was killed.",
            **stated,
        ),
    )


def test_what_comes_to_no_verdict_is_tried_three_times(repo, here):
    repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    sha = repo.version("v1.1.0")
    for waits in (True, True, False):
        assert names(find(REPO, settings=here)) == ["v1.1.0"]
        broken(repo, sha, here)
        found = find(REPO, settings=here)
        assert names(found) == (["v1.1.0"] if waits else [])
    assert found.notes[0].startswith("v1.1.0 came to no verdict 3 times")
    assert names(find(REPO, settings=event_that_asks_for("v1.1.0", here))) == []
    assert names(find(REPO, revision="v1.1.0", settings=here)) == ["v1.1.0"]
    repo.judge(sha, **by(here))
    assert "judged already, by these gates against what is there now: pass" in find(REPO, settings=here).notes[0]


@pytest.mark.parametrize(
    "stated",
    [{"gates_digest": "0" * 64}, {"tasks_digest": "0" * 64}, {"baseline": None}, {"channel": "canary"}],
    ids=lambda stated: next(iter(stated)),
)
def test_what_came_to_no_verdict_on_another_question_waits(repo, here, stated):
    repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    sha = repo.version("v1.1.0")
    for _ in range(3):
        broken(repo, sha, here, **stated)
    assert names(find(REPO, settings=here)) == ["v1.1.0"]


def test_a_verdict_against_an_earlier_production_is_none(repo, here):
    repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    one, two = proposed(repo, "v1.1.0-rc.1"), proposed(repo, "v1.2.0-rc.1")
    for sha in (one, two):
        repo.judge(sha, **by(here))
    assert names(find(REPO, settings=here)) == []
    promote(f"{REPO}@{one}", settings=here)
    assert names(find(REPO, settings=here)) == ["v1.2.0-rc.1"]


def test_what_is_in_production_is_not_judged(repo, here):
    repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    found = find(REPO, revision="v1.0.0", settings=here)
    assert (found.candidates, found.notes) == ((), ("v1.0.0 is in production already.",))


def test_the_newest_are_judged_where_too_many_wait(repo, here):
    for number in range(1, 5):
        proposed(repo, f"v1.0.0-rc.{number}")
    found = find(REPO, settings=here, limit=2)
    assert names(found) == ["v1.0.0-rc.3", "v1.0.0-rc.4"]
    assert found.notes == ("2 more wait, older than these; the next run finds them.",)


def test_each_channel_has_candidates_of_its_own(repo, here):
    rules = {"canary": ChannelSettings(gated=False), "live": ChannelSettings(gated=False)}
    here = here.model_copy(update={"channels": rules})
    repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    assert names(find(REPO, settings=here.on_channel("canary"))) == ["v1.0.0"]
    sha = repo.version("v1.1.0")
    for tag in ("v1.0.0", "v1.1.0"):
        promote(f"{REPO}@{tag}", to="canary", settings=here)
    rollback(REPO, channel="canary", settings=here)
    assert names(find(REPO, settings=here)) == ["v1.1.0"]
    assert names(find(REPO, settings=here.on_channel("canary"))) == []
    assert names(find(REPO, settings=here.on_channel("live"))) == ["v1.1.0"]
    repo.judge(sha, **by(here))
    assert names(find(REPO, settings=here)) == []
    assert names(find(REPO, settings=here.on_channel("live"))) == ["v1.1.0"]


def test_production_in_a_repository_of_its_own_is_what_is_compared_with(repo, here):
    repo.hub.create_repo("acme/live")
    rules = {"production": ChannelSettings(repo="acme/live")}
    here = here.model_copy(update={"channels": rules})
    first = repo.version("v1.0.0")
    promote(f"{REPO}@v1.0.0", override="first", settings=here)
    sha = repo.version("v1.1.0")
    assert names(find(REPO, settings=here)) == ["v1.1.0"]
    assert find(REPO, revision="v1.0.0", settings=here).notes == ("v1.0.0 is in production already.",)
    repo.judge(sha, **by(here), baseline=first)
    assert names(find(REPO, settings=here)) == []


def test_the_pull_requests_of_strangers_hide_none_of_ours(repo, here):
    candidate = proposed(repo, "v1.1.0-rc.1")
    for number in range(51):
        repo.hub.api.create_pull_request(REPO, title=f"Look at number {number}")
    found = find(REPO, settings=here)
    assert [one.revision for one in found.candidates] == [candidate]


def test_however_much_happened_it_takes_three_requests(repo, here, monkeypatch):
    repo.version("v1.0.0")
    proposed(repo, "v1.1.0-rc.1")
    for _ in range(3):
        repo.judge("a" * 40)
    seen, real = [], Reader._once
    monkeypatch.setattr(
        Reader, "_once", lambda self, path, *rest, **more: (seen.append(path), real(self, path, *rest, **more))[1]
    )
    assert len(find(REPO, settings=here).candidates) == 2
    assert len(seen) == 3


def test_the_step_sets_what_the_matrix_takes(repo, job):
    sha = repo.version("v1.0.0")
    job.event("schedule", {"schedule": "0 6 * * *"})
    assert job.step("candidates", REPO) == 0
    assert json.loads(job.outputs["candidates"]) == [{"revision": sha, "version": "v1.0.0", "pull_request": None}]
    assert f"- v1.0.0 (`{sha}`)" in job.summary
    assert job.step("candidates", REPO, "--json") == 0
    assert json.loads(job.said[0])["candidates"] == json.loads(job.outputs["candidates"])
    assert job.step("candidates", REPO, "--revision", "v1.0.0") == 0
    assert json.loads(job.outputs["candidates"])[0]["revision"] == sha


def test_a_step_that_finds_nothing_says_an_empty_list(repo, job):
    job.event("schedule")
    assert job.step("candidates", REPO) == 0
    assert job.outputs == {"candidates": "[]"}
    assert "None waits for a verdict." in job.summary


@pytest.mark.parametrize(
    ("payload", "code", "words"),
    [
        ({"action": "hubver-candidate", "client_payload": {"revision": "v1.0.0"}}, 0, ""),
        (
            {"action": "hubver-candidate", "client_payload": {"revision": "v1.0.0", "model": "acme/x"}},
            1,
            "another model",
        ),
        ({"action": "hubver-candidate", "client_payload": {"revision": "v1`id`"}}, 2, "no revision"),
        ({"action": "hubver-candidate", "client_payload": {"revision": "v9.9.9"}}, 2, "has no revision 'v9.9.9'"),
        ({"action": "other"}, 2, "of another type"),
        ("no JSON", 2, "cannot be read"),
        ("[" * 100_000, 2, "cannot be read"),
    ],
    ids=range(7),
)
def test_a_dispatched_event(repo, job, payload, code, words):
    repo.version("v1.0.0")
    job.event("repository_dispatch", payload)
    assert job.step("candidates", REPO) == code
    assert words in job.said[1]
    assert ("candidates" in job.outputs) == (code == 0)
    if code:
        assert words in said(job.said[1], "error")
        assert job.summary.startswith("### ⛔ acme/router was not searched")


def test_a_title_full_of_tricks_reaches_neither_the_log_nor_the_summary(repo, job):
    job.event("schedule")
    repo.hub.api.create_pull_request(
        REPO, title="::add-mask::x\n::set-output name=candidates::[]@all ${{ github.token }}"
    )
    assert job.step("candidates", REPO) == 0
    assert "add-mask" not in "".join(job.said) + job.summary
    assert [one.level for one in heard("".join(job.said))] == ["notice"]
    assert job.outputs == {"candidates": "[]"}
