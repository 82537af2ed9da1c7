from __future__ import annotations

import json
import math
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubver.cli.main import run
from hubver.errors import BadInput
from hubver.gate.bisect import answer, between, bisect
from hubver.gate.bisect_search import search
from hubver.gate.verdict import Counts, GateResult, GatesCode, Subject, Verdict
from hubver.hub.contents import Refs, Upload
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move

EXAMPLE = Path(__file__).resolve().parents[2] / "model_cards" / "example.hubver.json"


def asked_about(answers):
    """A way to ask about known answers, and what was asked."""
    asked = []

    def ask(place):
        asked.append(place)
        return answers[place]

    return ask, asked


@given(st.integers(2, 400).flatmap(lambda count: st.tuples(st.just(count), st.integers(1, count - 1))))
def test_the_first_bad_one_is_found_in_log2_of_them(case):
    count, first = case
    ask, asked = asked_about(["good"] * first + ["bad"] * (count - first))
    assert search(count, ask) == range(first, first + 1)
    assert len(asked) <= math.ceil(math.log2(count - 1))


@given(st.data())
def test_what_cannot_be_judged_widens_the_answer_and_no_more(data):
    first = data.draw(st.integers(1, 30))
    answers = ["good"] * first + ["bad"] * data.draw(st.integers(1, 30))
    for place in data.draw(st.sets(st.integers(0, len(answers) - 1))) - {0, len(answers) - 1}:
        answers[place] = "unknown"
    ask, asked = asked_about(answers)
    suspects = search(len(answers), ask)
    assert first in suspects
    assert answers[suspects[0] - 1] == "good"
    assert answers[suspects[-1]] == "bad"
    assert all(answers[place] == "unknown" for place in suspects[:-1])
    assert len(asked) == len(set(asked)) <= len(answers) - 2


@given(st.lists(st.sampled_from(["good", "bad", "unknown"]), max_size=40))
def test_a_mixed_history_gives_a_bad_one_after_a_good_one(middle):
    answers = ["good", *middle, "bad"]
    suspects = search(len(answers), asked_about(answers)[0])
    assert (answers[suspects[0] - 1], answers[suspects[-1]]) == ("good", "bad")


def test_a_search_needs_two_ends():
    with pytest.raises(ValueError, match="a good place and a bad one"):
        search(1, lambda _: "good")


def refs(*tags, **same):
    shas = {tag: sha256(tag.encode()).hexdigest()[:40] for tag in tags}
    return Refs({}, {**shas, **{tag: shas[other] for tag, other in same.items()}}, {})


def test_versions_are_final_ascending_and_each_commit_once():
    found = refs("v1.10.0", "v1.2.0", "v1.9.0", "v1.3.0-rc.1", "v1.3.0", "v2.0.0", "v1.1.0", "rollback/1-x", "latest")
    assert between(found, "v1.2.0", "1.10.0") == ("v1.2.0", "v1.3.0", "v1.9.0", "v1.10.0")
    again = Refs({}, {**found.tags, "v1.9.1": found.tags["v1.9.0"]}, {})
    assert between(again, "v1.2.0", "v1.10.0") == ("v1.2.0", "v1.3.0", "v1.9.0", "v1.10.0")


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("v1.2.0", "v1.1.0", "does not come before"),
        ("v1.1.0", "v1.1.0", "does not come before"),
        ("v1.0.0", "v1.2.0", r"no version v1\.0\.0"),
        ("main", "v1.2.0", "is not a version"),
    ],
)
def test_ends_that_make_no_search_are_refused(good, bad, said):
    with pytest.raises(BadInput, match=said):
        between(refs("v1.1.0", "v1.2.0"), good, bad)


def verdict(*outcomes, problems=(), **counts):
    gates = tuple(
        GateResult(policy="floor", task="t", outcome=outcome, reason=f"because {outcome}", tier="advisory")
        for outcome in outcomes
    )
    return Verdict(
        repo_id="acme/router",
        candidate=Subject(revision="v1.0.0"),
        baseline=None,
        outcome="fail",
        gates=gates,
        problems=problems,
        counts=Counts(**{"collected": 1, **counts}),
        gates_code=GatesCode(digest="c" * 64),
        hubver_version="0.1",
        created="2026-01-01T00:00:00Z",
        duration_seconds=1.0,
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (verdict("pass"), "good"),
        (verdict("pass", "fail"), "bad"),
        (verdict("inconclusive", "fail"), "bad"),
        (verdict("pass", "inconclusive"), "unknown"),
        (verdict("pass", "not-applicable"), "good"),
        (verdict("not-applicable"), "unknown"),
        (verdict("pass", problems=("The adapter changes nothing.",)), "bad"),
        (verdict("pass", problems=("assert",), tests_failed=1), "bad"),
        (verdict(problems=("No test asked the gate, so nothing was judged.",)), "good"),
        (verdict(problems=("assert",), tests_failed=1), "bad"),
        (verdict(problems=("skipped",), skipped=1), "unknown"),
    ],
)
def test_what_a_verdict_says_of_a_version(found, expected):
    assert answer(found, "test_x")[0] == expected


def test_a_test_that_is_not_there_is_no_answer():
    with pytest.raises(BadInput, match="No test is called 'test_x'"):
        answer(verdict(collected=0), "test_x")


# No model is loaded, so each version takes no longer than pytest.
GATES = """
import pytest
def test_no_worse(candidate, production):
    assert production.revision == "v1.3.0"
    if candidate.revision in {UNKNOWN}:
        pytest.skip("too few examples")
    assert int(candidate.revision.split(".")[1]) < 5
def test_never(candidate): raise RuntimeError("never to be run")
"""


@pytest.fixture
def versions(repo, tmp_path, monkeypatch, local_hub):
    """v1.1.0 to v1.6.0, of which v1.5.0 is the first bad one, with records that differ in one thing."""
    record = json.loads(EXAMPLE.read_text())
    for minor in range(1, 7):
        record["training"]["seeds"] = {"seed": 7 if minor < 5 else 11}
        data = json.dumps({**record, "version": f"v1.{minor}.0"}).encode()
        head = repo.refs().branches["main"]
        upload = Upload("hubver.json", data, sha256(data).hexdigest())
        sha, _ = repo.hub.commit(repo.repo_id, [upload], title="t", description="", parent=head)
        move(repo.hub, repo.repo_id, [Move(f"refs/tags/v1.{minor}.0", None, sha)])
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "gates").mkdir()
    monkeypatch.chdir(tmp_path)

    def write(*unknown):
        (tmp_path / "gates" / "test_quality.py").write_text(GATES.replace("{UNKNOWN}", repr(unknown)))
        return tmp_path / "gates"

    return write


def test_the_first_bad_version_is_found_and_what_changed_in_it(repo, versions, capsys):
    versions()
    before = repo.refs()
    capsys.readouterr()
    arguments = ["bisect", repo.repo_id, "--good", "v1.3.0", "--bad", "v1.6.0", "--gate", "test_no_worse"]
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    assert "v1.5.0 is the first bad version; v1.4.0 before it is good." in out
    assert "seed 7 → 11" in out
    judged = [line.split()[0] for line in out.splitlines() if line.startswith("v1.") and "first bad" not in line]
    assert judged == ["v1.3.0", "v1.6.0", "v1.4.0", "v1.5.0"]
    assert "v1.4.0 is good" in err
    assert repo.refs() == before


def test_versions_that_cannot_be_judged_are_named(repo, versions):
    gates, steps = versions("v1.4.0"), []
    settings = repo.settings.model_copy(update={"root": gates.parent})
    found = bisect(
        repo.repo_id, good="v1.3.0", bad="v1.5.0", gate="test_no_worse", settings=settings, told=steps.append
    )
    assert (found.first_bad, found.suspects, found.before) == (None, ("v1.4.0", "v1.5.0"), "v1.3.0")
    assert [(step.version, step.answer) for step in steps[2:]] == [("v1.4.0", "unknown")]
    assert "too few examples" in steps[2].reason
    assert found.changes is None


@pytest.mark.parametrize(
    ("ends", "gate", "said"),
    [
        ({"good": "v1.3.0", "bad": "v1.4.0"}, "test_no_worse", r"v1\.4\.0 is good by this gate, so it is no bad end"),
        ({"good": "v1.1.0", "bad": "v1.6.0"}, "test_no_worse", r"v1\.1\.0 is bad by this gate, so it is no good end"),
        ({"good": "v1.3.0", "bad": "v1.6.0"}, "test_other", "No test is called 'test_other'"),
    ],
    ids=["bad is good", "good is bad", "no such test"],
)
def test_ends_are_judged_first(repo, versions, ends, gate, said):
    settings = repo.settings.model_copy(update={"root": versions().parent})
    with pytest.raises(BadInput, match=said):
        bisect(repo.repo_id, **ends, gate=gate, settings=settings)
