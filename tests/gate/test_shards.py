from __future__ import annotations

import os
from datetime import datetime, timezone

import pytest

from hubver.errors import BadDocument, BadInput, HarnessFailed
from hubver.gate.asking.contenders import Contender
from hubver.gate.asking.measured import Measured
from hubver.gate.asking.requests import Continuation, Generation, Likelihood
from hubver.gate.hearing.case import Case
from hubver.gate.hearing.shards import CarriedAnswers, Part, Shard, written
from hubver.gate.running import outbox
from hubver.gate.verdict import Subject, TaskUsed
from hubver.pins import Pin
from hubver.settings import Settings

SHA, OTHER = "a" * 40, "b" * 40
CANDIDATE = Contender("candidate", Pin("acme/router", "v1.1.0", SHA))
GATES = "c" * 64
ASKED = {Generation(f"p{n}"): f"a{n}" for n in range(6)}
CHOICE = Likelihood("p", ("x", "y"))
CHOSEN = (Continuation(-0.5, 1, greedy=True), Continuation(-2.0, 1, greedy=False))


def case(tmp_path, sha=SHA):
    candidate = Contender("candidate", Pin("acme/router", "v1.1.0", sha))
    return Case(Settings(), candidate, None, tmp_path, datetime(2026, 1, 1, tzinfo=timezone.utc))


def shard(index=1, count=2, *, answers=None, **changes):
    stated = {
        "repo_id": "acme/router",
        "candidate": Subject(revision="v1.1.0", sha=SHA),
        "baseline": None,
        "gates_digest": GATES,
        "index": index,
        "count": count,
        "tasks": (TaskUsed(name="t", digest="d", n=6),),
        "engine": {"device": "cpu"},
        "answers": {"candidate": written(answers or {})},
    }
    return Shard.from_bytes(Shard(**{**stated, **changes}).to_bytes())


def halves():
    asked = list(ASKED.items())
    return [shard(1, answers=dict(asked[::2])), shard(2, answers={**dict(asked[1::2]), CHOICE: CHOSEN})]


def test_every_name_falls_to_one_shard():
    names = [f"n{n}" for n in range(10)]
    parts = [Part(index, 4).of(names) for index in range(1, 5)]
    assert sorted(name for part in parts for name in part) == sorted(names)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_shards_together_answer_what_each_was_asked():
    carried = CarriedAnswers(halves()[::-1])
    assert carried.answers(CANDIDATE, [*ASKED, CHOICE]) == [*ASKED.values(), CHOSEN]
    assert carried.settings() == {"device": "cpu"}


def test_what_no_shard_asked_is_not_made_up():
    with pytest.raises(HarnessFailed, match="lack 1 of 2 answers of candidate"):
        CarriedAnswers(halves()).answers(CANDIDATE, [Generation("p0"), Generation("new")])


def test_machines_that_differ_are_all_named():
    one, two = halves()
    other = two.model_copy(update={"engine": {"device": "cuda"}})
    assert CarriedAnswers([one, other]).settings() == {"device": "cpu / cuda"}


@pytest.mark.parametrize(
    ("shards", "message"),
    [
        ([], "no shards"),
        ([shard(1)], "1 of 2"),
        ([shard(1), shard(1)], "1, 1 of 2"),
        ([shard(1), shard(2, 3)], "count differs"),
        ([shard(1), shard(2, candidate=Subject(revision="v1.1.0", sha=OTHER))], "candidate differs"),
        ([shard(1), shard(2, baseline=Subject(revision="v1.0.0", sha=OTHER))], "baseline differs"),
        ([shard(1), shard(2, gates_digest="d" * 64)], "gates_digest differs"),
        ([shard(1), shard(2, tasks=(TaskUsed(name="t", digest="other", n=6),))], "other|different examples"),
    ],
    ids=["none", "missing", "twice", "count", "candidate", "baseline", "gates", "examples"],
)
def test_shards_that_do_not_belong_together_are_refused(shards, message):
    with pytest.raises(BadInput, match=message):
        CarriedAnswers(shards)


def test_shards_of_another_commit_or_other_gates_are_refused(tmp_path):
    carried = CarriedAnswers(halves())
    carried.check(case(tmp_path).commits, GATES)
    with pytest.raises(BadInput, match="other commits"):
        carried.check(case(tmp_path, OTHER).commits, GATES)
    with pytest.raises(BadInput, match="other gates"):
        carried.check(case(tmp_path).commits, "e" * 64)


def test_shards_of_another_whole_than_was_started_are_refused(tmp_path):
    commits = case(tmp_path).commits
    CarriedAnswers(halves()).check(commits, GATES, 2)
    forged = CarriedAnswers([shard(1, 1, answers=ASKED)])
    forged.check(commits, GATES)
    with pytest.raises(BadInput, match="not those that were started"):
        forged.check(commits, GATES, 2)


def in_a_folder(tmp_path, content: bytes):
    path = tmp_path / "answers" / "gate-shard-1-of-1.json"
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def test_a_count_that_no_machine_could_count_to_is_refused(tmp_path):
    path = in_a_folder(tmp_path, shard(1, 1).to_bytes().replace(b'"count": 1', b'"count": 1000000000000'))
    with pytest.raises(BadDocument, match="count: Input should be less than or equal to 256"):
        outbox.shards(path.parent)


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": {"device": "x" * 10_001}},
        {"engine": {"x" * 10_001: "cpu"}},
        {"measured": Measured(faults=("x" * 10_001,))},
        {"tasks": (TaskUsed(name="x" * 10_001, digest="d", n=6),)},
        {"repo_id": "x" * 10_001},
        {"of_a_newer_hubver": [["x" * 10_001]]},
        {"answers": {Generation("p"): "x" * 1_000_001}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_texts_that_hubver_never_writes_are_refused(changes):
    with pytest.raises(BadDocument, match="too long"):
        shard(**changes)


def test_an_answer_may_be_long():
    assert shard(answers={Generation("p"): "x" * 1_000_000}).answers


def test_only_files_of_their_own_are_read(tmp_path):
    real = tmp_path / "elsewhere.json"
    real.write_bytes(shard(1, 1).to_bytes())
    link = tmp_path / "answers" / "gate-shard-1-of-1.json"
    link.parent.mkdir()
    link.symlink_to(real)
    with pytest.raises(BadDocument, match="no file of its own"):
        outbox.shards(link.parent)
    link.unlink()
    os.mkfifo(link)
    with pytest.raises(BadDocument, match="no file of its own"):
        outbox.shards(link.parent)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = in_a_folder(tmp_path, b"")
    os.truncate(path, (256 << 20) + 1)  # takes no room
    with pytest.raises(BadDocument, match="too large"):
        outbox.shards(path.parent)


def test_more_files_than_shards_can_be_are_refused(tmp_path):
    for number in range(257):
        (tmp_path / f"gate-shard-{number}-of-257.json").touch()
    with pytest.raises(BadInput, match="There are 257 shards"):
        outbox.shards(tmp_path)


def test_an_answer_that_was_spoilt_is_named():
    one, two = halves()
    spoilt = {"candidate": dict.fromkeys(one.answers["candidate"], 7)}
    with pytest.raises(HarnessFailed, match="cannot be read"):
        CarriedAnswers([one.model_copy(update={"answers": spoilt}), two]).answers(CANDIDATE, list(ASKED))


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1 / 2", "1/257"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(BadInput, match="is no shard"):
        Part.parse(text)
