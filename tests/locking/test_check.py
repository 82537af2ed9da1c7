"""`lock --check`: every pin that no longer holds is named, and none that does."""

from __future__ import annotations

import json

import pytest
from huggingface_hub import CommitOperationAdd
from raw_push import push_with_dulwich

from hubver.errors import HubUnreachable, NotFound
from hubver.hub import ledger
from hubver.hub.transport.git import commit_of
from hubver.hub.transport.moves import Line
from hubver.locking.check import check_lock
from hubver.release import quarantine
from hubver.settings import Settings


@pytest.fixture
def locked(application):
    application.lock("acme/router")
    return application


@pytest.fixture
def quiet_locked(quiet):
    quiet.lock("acme/router")
    return quiet


def test_what_was_locked_holds_in_five_requests(quiet_locked):
    locked = quiet_locked
    locked.counted.requests.clear()
    report = locked.check(current=True)
    assert (report.passed, [model.faults for model in report.models]) == (True, [()])
    assert len(locked.counted.requests) == 5, locked.counted.requests
    assert not any("safetensors" in path for path in locked.counted.requests)


def test_a_public_model_is_checked_without_a_token(quiet_locked):
    settings = quiet_locked.repo.settings.model_copy(update={"token": None})
    assert check_lock(quiet_locked.path, current=True, settings=settings).passed


def test_models_on_the_same_base_share_its_request(quiet_locked):
    locked = quiet_locked
    locked.lock("acme/other@v2.0.0")
    locked.counted.requests.clear()
    assert locked.check().passed
    assert len(locked.counted.requests) == 9, locked.counted.requests


def test_being_behind_is_a_note_and_fatal_where_that_is_asked_for(locked):
    second = locked.publish("v1.1.0", seed=1, production=True)
    for current in (False, True):
        report = locked.check(current=current)
        (model,) = report.models
        assert (report.passed, model.faults) == (not current, ())
        assert (model.moved.revision, model.moved.now.sha, model.moved.now.version) == ("production", second, "v1.1.0")
        assert str(model.moved).startswith(f"production is at v1.1.0 ({second[:8]}) now, locked is v1.0.0")


def test_a_channel_that_is_gone_is_said(locked):
    locked.repo.hub.api.delete_branch("acme/router", branch="production")
    (model,) = locked.check().models
    assert str(model.moved).startswith("production is gone, locked is v1.0.0")


def test_a_sha_never_falls_behind(application):
    sha = application.repo.refs().tags["v1.0.0"]
    application.lock(f"acme/router@{sha}")
    application.publish("v1.1.0", seed=1, production=True)
    assert application.check(current=True).passed


def moved_tag(locked):
    locked.put("LICENSE", b"mine", tag="v1.0.0")


def deleted_tag(locked):
    locked.move_tag("v1.0.0", None)


def rewritten_ledger(locked):
    locked.repo.hub.api.delete_branch("acme/router", branch="ledger")
    locked.repo.judge(locked.repo.refs().branches["production"])


def no_ledger(locked):
    locked.repo.hub.api.delete_branch("acme/router", branch="ledger")


def no_repository(locked):
    locked.repo.hub.api.delete_repo("acme/router")


def no_base(locked):
    locked.repo.hub.api.delete_repo("acme/base")


def edit(path: str, value: object):
    """An edit of the lock file itself, which stands for a Hub that answers otherwise than it did."""

    def change(locked):
        document = json.loads(locked.path.read_text())
        at, *steps = [document["models"]["acme/router"], *path.split(" ")]
        for step in steps[:-1]:
            at = at[step]
        if value is None:
            del at[steps[-1]]
        else:
            at[steps[-1]] = value
        locked.path.write_text(json.dumps(document))

    return change


WEIGHTS = "files adapter_model.safetensors"
ZEROS = "0" * 40


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (moved_tag, "tag v1.0.0: it has moved"),
        (deleted_tag, "tag v1.0.0: it is gone"),
        (rewritten_ledger, "ledger: it was rewritten"),
        (no_ledger, "ledger: it was rewritten"),
        (no_repository, "repository: it cannot be found"),
        (no_base, "base acme/base: it cannot be found"),
    ],
)
def test_what_became_of_a_repository_is_named(locked, spoil, fault):
    spoil(locked)
    (found,) = locked.faults()
    assert found.startswith(fault)
    assert not locked.check().passed


@pytest.mark.parametrize(
    ("spoil", "faults"),
    {
        "a commit that is gone": (
            edit("sha", ZEROS),
            ["commit: it cannot be found", "tag v1.0.0: it has moved"],
        ),
        "a base commit that is gone": (
            edit("base sha", ZEROS),
            ["base: the lock and the record disagree", "base acme/base: it cannot be found"],
        ),
        "other weights": (
            edit(f"{WEIGHTS} sha256", "0" * 64),
            [
                "adapter_model.safetensors: it is not the file that was locked",
                "adapter_model.safetensors: the lock and the record disagree",
            ],
        ),
        "another pointer": (edit(f"{WEIGHTS} blob", ZEROS), ["adapter_model.safetensors: it is not the file"]),
        "another size": (edit(f"{WEIGHTS} size", 3), ["adapter_model.safetensors: it is not as long"]),
        "a small file": (edit("files tokenizer.json blob", ZEROS), ["tokenizer.json: it is not the file"]),
        "a small file's content": (
            edit("files tokenizer.json sha256", "0" * 64),
            ["tokenizer.json: the lock and the record disagree"],
        ),
        "the card": (edit("files README.md blob", ZEROS), ["README.md: it is not the file"]),
        "a file too many": (edit("files README.md", None), ["README.md: it was not there"]),
        "a file too few": (
            edit("files model.py", {"blob": ZEROS, "sha256": None, "size": 1}),
            ["model.py: it is missing"],
        ),
        "another record": (edit("record_sha256", "0" * 64), ["record: it is not the one that was locked"]),
        "the base's files": (edit("base files config.json blob", ZEROS), ["base acme/base config.json: it is not"]),
    }.values(),
    ids=lambda value: "" if callable(value) else value[0].replace(": ", "-").replace(" ", "_")[:40],
)
def test_each_pin_that_does_not_hold_is_named(quiet_locked, spoil, faults):
    spoil(quiet_locked)
    report = quiet_locked.check()
    found = [str(fault) for model in report.models for fault in model.faults]
    assert [text[: len(start)] for text, start in zip(found, faults, strict=False)] == faults, found
    assert len(found) == len(faults), found
    assert not report.passed


def test_every_model_is_looked_at_however_bad_the_first_is(locked):
    locked.lock("acme/other@v2.0.0")
    locked.repo.hub.api.delete_repo("acme/other")
    moved_tag(locked)
    assert [len(model.faults) for model in locked.check().models] == [1, 1]


def grow(application, hub, count: int) -> None:
    """Append the ledger's newest event again and again, in one push."""
    repo = application.repo
    head, objects = repo.refs().branches["ledger"], []
    event = next(ledger.entries(repo.hub, repo.repo_id, repo.refs())).event
    moved = head
    for _ in range(count):
        objects += commit_of(Line(event, moved))
        moved = objects[-1].id.decode()
    move = {b"refs/heads/ledger": (head.encode(), moved.encode())}
    refused = push_with_dulwich(
        hub, repo.repo_id, move, atomic=True, objects=list({one.id: one for one in objects}.values())
    )
    assert not any((refused or {}).values())


@pytest.mark.parametrize(("events", "requests"), [(15, 5), (25, 6), (230, 7)])
def test_the_witness_is_found_under_many_events(locked, hub, events, requests):
    grow(locked, hub, events)
    locked.counted.requests.clear()
    assert locked.faults() == []
    assert len(locked.counted.requests) == requests, locked.counted.requests


def test_a_ledger_that_was_rewritten_is_found_under_many_events(locked, hub):
    rewritten_ledger(locked)
    grow(locked, hub, 30)
    (fault,) = locked.faults()
    assert fault.startswith("ledger: it was rewritten")


def test_what_was_quarantined_since_no_longer_holds(locked, hub):
    quarantine("acme/router@v1.0.0", reason="answers in verse", settings=locked.repo.settings)
    grow(locked, hub, 3)
    (fault,) = locked.faults()
    assert fault == "commit: v1.0.0 is quarantined (expected a revision that may be used, found quarantine)"
    quarantine("acme/router@v1.0.0", lift=True, settings=locked.repo.settings)
    assert locked.faults() == []


def test_an_event_that_cannot_be_read_is_a_fault(locked):
    """Nobody can tell then whether the commit is quarantined."""
    events = locked.repo.hub.files("acme/router", "ledger")
    assert "event.json" in events
    locked.repo.hub.api.create_commit(
        "acme/router",
        [CommitOperationAdd("note", b"x")],
        commit_message="promote",
        commit_description='{"format": "hubver.event/9", "kind": "promote"}',
        revision="ledger",
    )
    (fault,) = locked.faults()
    assert fault.startswith("ledger: its newest event cannot be read")


def test_what_a_stranger_wrote_to_the_ledger_disturbs_nobody(locked):
    locked.repo.hub.api.upload_file(path_or_fileobj=b"x", path_in_repo="note", repo_id="acme/router", revision="ledger")
    locked.counted.requests.clear()
    assert locked.faults() == []
    assert len(locked.counted.requests) == 5


def test_a_hub_that_does_not_answer_says_nothing_of_the_pins(quiet_locked):
    with pytest.raises(HubUnreachable):
        check_lock(quiet_locked.path, settings=Settings(endpoint="http://127.0.0.1:9"))


def test_there_must_be_a_lock_file(application):
    with pytest.raises(NotFound, match="There is no lock file"):
        application.check()
