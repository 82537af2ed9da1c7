"""A ledger that somebody wrote to, or wrote anew: found by what contradicts it, and by what this machine saw before."""

from __future__ import annotations

import json

import pytest

from hubver.channels import status
from hubver.doctor import story, tags
from hubver.doctor.facts import Facts
from hubver.errors import NotGated
from hubver.hub import ledger
from hubver.hub.events import Event
from hubver.hub.transport.moves import LEDGER
from hubver.release import promote

LEDGER_REF = f"refs/heads/{LEDGER}"


def names(report) -> set[str]:
    return {one.name for one in report.problems}


def without(words: str):
    return lambda message: None if words in message.partition("\n")[0] else message


def test_a_dropped_event_is_missed_by_whoever_saw_it(patient, intruder):
    assert patient.doctor().findings == ()
    intruder.rewrite(without("verdict pass for v1.1.0"))
    report = patient.doctor()
    lost = next(one for one in report.problems if one.name == "ledger-rewritten")
    assert lost.fact == "The ledger was rewritten."
    assert "verdict pass for v1.1.0" in lost.expected
    assert "publish v1.1.0" in lost.found  # the last that both have
    assert f"{LEDGER}:{patient.repo.refs().branches[LEDGER]} " in lost.advice


def test_nothing_is_repaired_by_a_rewritten_ledger(patient, intruder):
    patient.doctor()
    intruder.rewrite(without("verdict pass for v1.1.0"))
    intruder.move("refs/tags/v1.0.0", None)
    before = patient.repo.refs()
    for asked in ({"repair": True}, {"restore": ["v1.0.0"]}, {"adopt": "production", "reason": "x"}):
        with pytest.raises(NotGated, match="Nothing is repaired by a ledger that cannot be believed") as caught:
            patient.doctor(**asked)
        assert "git push --force-with-lease=ledger:" in caught.value.hint
    assert patient.repo.refs() == before
    tag = next(one for one in patient.doctor().problems if one.subject == "v1.0.0")
    assert (tag.repair, tag.moves) == (None, ())


def test_what_the_advice_says_restores_the_ledger(patient, intruder):
    patient.doctor()
    intruder.fetch()
    intruder.git("branch", "copy", LEDGER_REF)
    intruder.rewrite(without("verdict pass for v1.1.0"))
    (found,) = [one for one in patient.doctor().problems if one.name == "ledger-rewritten"]
    command = found.advice.partition("git push ")[2].partition(". ")[0].split()
    remote = next(word for word in command if word.startswith("http"))
    intruder.git("push", "-q", *[intruder.remote if word == remote else word for word in command])
    assert patient.doctor().findings == ()


def test_who_knows_why_the_ledger_is_another_one_says_so(patient, intruder):
    patient.doctor()
    intruder.rewrite(without("verdict"))
    assert "ledger-rewritten" in names(patient.doctor())
    assert "ledger-rewritten" not in names(patient.doctor(forget=True))
    assert "ledger-rewritten" not in names(patient.doctor())


DROPPED = {
    "a publication": ("publish v1.1.0", {"tag-unexplained"}),
    "a verdict": ("verdict pass for v1.1.0", {"ledger-contradiction"}),
    "a promotion": ("promote v1.0.0", {"ledger-contradiction"}),
    "the newest promotion": ("promote v1.1.0", {"channel-moved", "tag-unexplained"}),
}


@pytest.mark.parametrize(("words", "wanted"), DROPPED.values(), ids=DROPPED.keys())
def test_a_dropped_event_is_missed_without_a_witness(patient, intruder, words, wanted):
    repo = patient.repo
    if words == "publish v1.1.0":  # one that nothing else names, with a record
        repo.hub.api.upload_file(path_or_fileobj=b"{}", path_in_repo="hubver.json", repo_id=repo.repo_id)
        patient.publish("v1.2.0")
        words = "publish v1.2.0"
    intruder.rewrite(without(words))
    assert names(patient.doctor()) == wanted


def test_a_tag_that_only_a_person_made_is_a_note(patient):
    patient.repo.version("v3.0.0")
    (found,) = patient.doctor().findings
    assert (found.name, found.subject, found.problem) == ("tag-unexplained", "v3.0.0", False)


def edited(message: str, of: str, **fields) -> str:
    title, _, body = message.partition("\n\n")
    if of not in title:
        return message
    event = json.loads(body)
    for name, value in fields.items():
        assert name in event
        event[name] = value
    return f"{title}\n\n{json.dumps(event)}"


def test_an_edited_event_contradicts_the_others(patient, intruder):
    intruder.rewrite(lambda message: edited(message, "verdict pass for v1.1.0", outcome="fail"))
    found = patient.doctor().problems
    assert {one.name for one in found} == {"ledger-contradiction"}
    assert any("promote v1.1.0" in one.fact for one in found)


def test_a_file_that_says_something_else_than_its_commit(patient):
    head = patient.repo.refs().branches[LEDGER]
    newest = next(ledger.entries(patient.repo.hub, patient.repo.repo_id, patient.repo.refs()))
    other = newest.event.model_copy(update={"actor": "somebody else"})
    patient.repo.hub.api.upload_file(
        path_or_fileobj=newest.event.model_copy(update={"actor": "ann"}).to_bytes(),
        path_in_repo="event.json",
        repo_id=patient.repo.repo_id,
        revision=LEDGER,
        parent_commit=head,
        commit_message=newest.title,
        commit_description=other.to_bytes().decode(),
    )
    problems = patient.doctor().problems
    assert any("holds another event than its message says" in one.fact for one in problems)


@pytest.mark.parametrize("seen", [True, False], ids=["seen before", "never seen"])
def test_a_deleted_ledger(patient, intruder, seen):
    if seen:
        patient.doctor()
    intruder.move(LEDGER_REF, None)
    found = next(one for one in patient.doctor().problems if one.subject == LEDGER)
    assert found.name == ("ledger-rewritten" if seen else "ledger-missing")
    assert "export" in found.advice
    with pytest.raises(NotGated):
        patient.doctor(repair=True)


def test_a_ledger_that_began_anew(patient, intruder):
    patient.doctor()
    intruder.move(LEDGER_REF, None)
    patient.tell("v1.0.0", patient.released[0])
    found = next(one for one in patient.doctor().problems if one.name == "ledger-rewritten")
    assert found.fact == "The ledger was rewritten from its first event on."


def test_a_commit_of_a_stranger_is_noted(patient):
    repo = patient.repo
    patient.doctor()
    repo.hub.api.upload_file(path_or_fileobj=b"hello", path_in_repo="note.txt", repo_id=repo.repo_id, revision=LEDGER)
    report = patient.doctor()
    assert [(one.name, one.problem) for one in report.findings] == [("ledger-stranger", False)]
    assert "note.txt" in report.findings[0].fact
    patient.release("v1.2.0")
    assert patient.doctor().healthy


class FromTheFuture(Event):
    """An event as a later hubver may write it."""

    format: str = "hubver.event/2"


def test_an_event_that_cannot_be_read(patient):
    def event(_refs, state) -> FromTheFuture:
        at = next(iter(state.channels.values())).since
        return FromTheFuture(kind="promote", at=at, actor="ann", state=state)

    ledger.append(patient.repo.hub, patient.repo.repo_id, event)
    report = patient.doctor()
    assert names(report) == {"ledger-unreadable"}
    assert "pip install -U hubver" in report.problems[0].advice
    with pytest.raises(NotGated):
        patient.doctor(repair=True)


def test_other_commands_say_that_the_ledger_is_not_what_they_saw(patient, intruder):
    three = patient.publish("v1.2.0")
    assert status(patient.repo.repo_id, settings=patient.settings).warnings == ()
    intruder.rewrite(without("verdict pass for v1.1.0"))
    (warning,) = status(patient.repo.repo_id, settings=patient.settings).warnings
    assert "verdict pass for v1.1.0" in warning
    patient.repo.judge(three)
    said: list[str] = []
    promote(f"{patient.repo.repo_id}@v1.2.0", settings=patient.settings, progress=said.append)
    assert said[0] == f"careful: {warning}"


def test_what_was_seen_grows_with_the_ledger(patient, intruder):
    patient.doctor()
    patient.release("v1.2.0")
    patient.doctor()
    intruder.rewrite(without("promote v1.2.0"))
    (found,) = [one for one in patient.doctor().problems if one.name == "ledger-rewritten"]
    assert "promote v1.2.0" in found.expected


@pytest.mark.parametrize("state", ["no cache", "a file in the way", "something else in the file"])
def test_a_memory_that_cannot_be_kept_is_no_failure(patient, intruder, state):
    cache = patient.settings.cache
    if state == "no cache":
        patient.settings = patient.settings.model_copy(update={"cache": None})
    elif state == "a file in the way":
        cache.write_text("", encoding="utf-8")
    else:
        patient.doctor()
        (file,) = (cache / "ledgers").iterdir()
        file.write_bytes(b"\xff not ours\n")
    assert patient.doctor().findings == ()
    intruder.rewrite(without("verdict pass for v1.1.0"))
    assert "ledger-contradiction" in names(patient.doctor())


def test_of_a_ledger_that_is_longer_than_was_read_less_is_said(patient):
    repo = patient.repo
    newest = tuple(ledger.entries(repo.hub, repo.repo_id, repo.refs()))[:1]
    state = newest[0].event.state
    facts = Facts(repo.repo_id, "the Hub", repo.refs(), newest, False, state, None, None, ("production",))
    assert [(one.name, one.problem) for one in story.check(facts)] == [("ledger-long", False)]
    assert tags.doubts(facts, tags.said(facts)) == []  # what made the other tags may lie further back
