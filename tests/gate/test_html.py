"""The HTML report: what it shows, what it can never do, and that it never leaves the machine."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from projects import REPO
from tools import needs

from hubver.errors import BadInput
from hubver.gate import policies
from hubver.gate.judge import judge
from hubver.gate.policies import Usage
from hubver.gate.report.appendix import Compared, Shown, worst
from hubver.gate.report.page import html
from hubver.gate.report.pictures import Scale, curves, interval_picture, limit_pictures, slice_plots
from hubver.gate.running.runner import How
from hubver.gate.verdict import (
    REPORT_HTML,
    REPORT_JSON,
    REPORT_MARKDOWN,
    Counts,
    Evidence,
    GatesCode,
    Subject,
    Verdict,
    count_gates,
)
from hubver.hub.client import Hub

CHROMIUM = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
GOOD = {f"e{index}": 1.0 for index in range(60)}
BAD = dict.fromkeys(GOOD, 0.0)
MIXED = {name: float(index % 3 > 0) for index, name in enumerate(GOOD)}
TIMES = Usage({f"e{index}": 1.0 + index / 100 for index in range(60)}, dict.fromkeys(GOOD, 30.0), 4_000)
GATES = (
    policies.floor("tickets", MIXED, 0.9, planned=500),
    policies.floor("tickets", MIXED, 0.65),
    policies.no_regression("tickets", MIXED, GOOD, 0.1),
    policies.worst_slice("tickets", {"a": GOOD, "b": BAD}, {"a": GOOD, "b": GOOD}, minimum=0.5, margin=0.1),
    policies.retained("facts", GOOD, MIXED, 0.1).model_copy(update={"tier": "advisory"}),
    policies.budget("speed", TIMES, TIMES, slower=1.5, throughput=0.5, larger=2.0),
    policies.alive("tickets", 1.5, n=8),
    policies.no_regression("tickets", GOOD, None, 0.1),
    policies.floor("nothing", {}, 0.5),
)
EVIL = "<img src=x onerror=alert(1)> {{ 7*7 }} </style><script>alert(2)</script>"


def verdict(*gates, **fields):
    found = count_gates(gates)
    counts = Counts(
        collected=len(gates),
        passed=found["pass"],
        failed=found["fail"],
        inconclusive=found["inconclusive"],
        not_applicable=found["not-applicable"],
    )
    stated = {
        "repo_id": "acme/router",
        "candidate": Subject(revision="v1.1.0", sha="a" * 40),
        "baseline": Subject(revision="v1.0.0", sha="b" * 40),
        "outcome": "fail",
        "gates": gates,
        "counts": counts,
        "gates_code": GatesCode(digest="c" * 64, commit="d" * 40, dirty=True),
        "engine": {"device": "cpu", "dtype": "float32"},
        "seeds": {"order_of_bets": 0},
        "hubver_version": "0.1",
        "created": "2026-01-02T03:04:05Z",
        "duration_seconds": 3.25,
    }
    return Verdict(**{**stated, **fields})


def example(**fields):
    stated = {"name": "abc", "prompt": "p", "expected": "x", "slice": "a", "candidate": "no", "other": "x"}
    return Shown(**{**stated, "score": 0.0, "before": 1.0, **fields})


def tags(page):
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda name, attributes: found.append((name, dict(attributes)))
    parser.feed(page)
    return found


def test_it_shows_each_gate_and_all_that_an_audit_asks_for():
    page = html(verdict(*GATES, problems=("a test was skipped",)))
    for word in ("Failed", "acme/router@", "v1.1.0", "v1.0.0 (bbbbbbbb)", "2 January 2026, 03:04 UTC"):
        assert word in page
    for word in ("a" * 40, "b" * 40, "c" * 64, "d" * 40 + ", with uncommitted changes", "float32", "3.2 s"):
        assert word in page
    assert "a test was skipped" in page
    assert page.count('<article class="gate ') == len(GATES)
    assert page.count("advisory: stops nothing") == 1
    assert "60 of 500" in page
    assert page.count(" = 20 decides") == sum(gate.evidence is not None for gate in GATES) == 4


def test_a_verdict_of_an_earlier_hubver_is_shown_too():
    old = json.loads(verdict(*GATES[:4]).to_bytes())
    known = {"gate", "policy", "task", "outcome", "reason", "value", "production", "threshold", "interval", "n"}
    del old["only"]
    for gate in old["gates"]:
        for field in gate.keys() - known:
            del gate[field]
    page = html(Verdict.from_bytes(json.dumps(old).encode()))
    assert page.count('<article class="gate ') == 4
    assert "decides</text>" not in page


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "error", "problems": ("the model broke",), "gates": (), "counts": Counts()},
        {"baseline": None, "repo_id": None, "candidate": Subject(revision="…/out")},
    ],
    ids=["no gates", "a folder, first release"],
)
def test_what_is_not_there_leaves_no_hole(fields):
    page = html(verdict(*GATES[:1], **fields))
    assert ">None" not in page.replace("None are shown", "")
    assert "@None" not in page
    assert "undefined" not in page.lower()


def test_nothing_from_a_run_becomes_markup():
    gate = GATES[0].model_copy(update={"task": EVIL, "gate": EVIL, "reason": EVIL})
    appendix = (Compared(EVIL, "production", 1, 1, 1, (example(prompt=EVIL, candidate=EVIL, slice=EVIL, name=EVIL),)),)
    page = html(verdict(gate, problems=(EVIL,), engine={EVIL: EVIL}), appendix)
    names = {name for name, _ in tags(page)}
    assert not names & {"script", "img", "iframe", "object", "form"}
    assert [
        value for _, attributes in tags(page) for name, value in attributes.items() if name in {"src", "style"}
    ] == []
    assert "&lt;script&gt;alert(2)" in page
    assert "{{ 7*7 }}" in page


def test_examples_stand_side_by_side():
    remembered = example(other=None, name="def")
    page = html(verdict(*GATES), (Compared("tickets", "production", 2, 9, 30, (example(), remembered)),))
    assert "9 became worse, 2 better, 30 stayed the same." in page
    assert "The worst 2 are shown." in page
    assert page.count("<h4>Production <span>1</span></h4>") == 2
    assert page.count("Not at hand: its score was kept from an earlier gate.") == 1


def test_the_worst_come_first_and_only_those_that_are_worse():
    candidate, production = {"a": 0.0, "b": 0.5, "c": 1.0, "d": 0.2}, {"a": 1.0, "b": 0.6, "c": 0.0, "d": 0.2}
    assert worst(candidate, production) == ("a", "b")
    assert worst(candidate, None, most=2) == ("a", "d")


@pytest.mark.parametrize(
    ("scale", "labels"),
    [
        (Scale(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (Scale(0.81, 0.93), ["0.825", "0.850", "0.875", "0.900", "0.925"]),
        (Scale(-0.06, 0.05, signed=True), ["\N{MINUS SIGN}0.050", "\N{MINUS SIGN}0.025", "0.000", "+0.025", "+0.050"]),
        (Scale(0.0, 4600.0), ["0", "1000", "2000", "3000", "4000"]),
    ],
)
def test_a_scale_is_labelled_with_round_numbers(scale, labels):
    assert [tick.label for tick in scale.ticks] == labels
    assert all(0.0 <= tick.at <= 100.0 for tick in scale.ticks)


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: f"{gate.policy} {gate.outcome}")
def test_a_picture_shows_what_was_decided(gate):
    rows = [row for row in [interval_picture(gate)] if row]
    rows += [row for plot in slice_plots(gate) for _, row in plot.rows] + [row for _, row in limit_pictures(gate)]
    for row in rows:
        assert 0.0 <= row.beyond.start <= row.beyond.end <= 100.0
        inside = row.beyond.start <= row.value.at <= row.beyond.end and row.value.at != row.threshold.at
        assert inside == (": fail" in row.words) or ": inconclusive" in row.words
        assert not row.interval or row.interval.start <= row.value.at <= row.interval.end


def test_curves_start_at_one_and_end_at_the_last_example():
    drawn = curves(Evidence(examples=(10, 20), support=(1.0, 2.0), against=(-1.0, -9.0)), 0.05)
    (start, zero), *_, (end, top) = [tuple(map(float, pair.split(","))) for pair in drawn.support.split()]
    assert (start, end) == (0.0, 100.0)
    assert zero > drawn.goal.at > top
    assert curves(None, 0.05) is None


@pytest.mark.slow
def test_it_asks_for_nothing_and_fits_every_screen(tmp_path):
    needs("chromium")
    from playwright.sync_api import sync_playwright

    path = tmp_path / REPORT_HTML
    appendix = (Compared("tickets", "production", 1, 1, 1, (example(prompt="long" * 200, candidate=EVIL),)),)
    path.write_text(html(verdict(*GATES), appendix))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        for width, scheme in ((320, "light"), (390, "dark"), (1080, "light")):
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
            asked, said = [], []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("console", lambda message, said=said: said.append(message.text))
            page.goto(path.as_uri())
            assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
            assert said == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("getComputedStyle(document.querySelector('h2')).fontWeight") == "600"
            page.close()
        browser.close()


TASKS = """
import os
from hubver.gate import Task
def short(prediction, expected):
    return float(sum(map(ord, prediction)) % 2)
ROWS = [{"prompt": f"a confidential question {index}", "completion": "a confidential answer"} for index in range(30)]
TASK = Task("tickets", rows=ROWS, scorer=short, max_new_tokens=4)
def test_floor(gate):
    gate.floor(TASK, 0.97)
def test_no_regression(gate):
    gate.no_regression(TASK, margin=0.5)
"""


@pytest.mark.slow
def test_examples_stay_on_this_machine(project, in_this_process):
    project.write(TASKS)
    found = judge(f"{REPO}@v1.1.0", gates=project.gates, out=project.out, settings=project.settings)
    page = (project.out / REPORT_HTML).read_text()
    assert "a confidential question" in page
    assert "a confidential answer" in page
    assert "<h4>Candidate <span>0</span></h4>" in page
    hub = Hub.of(project.settings)
    kept = project.api.list_repo_files(REPO, revision=found.ledger_commit)
    assert REPORT_HTML not in kept
    assert {REPORT_JSON, REPORT_MARKDOWN} <= set(kept)
    assert not [name for name in kept if b"confidential" in hub.read(REPO, found.ledger_commit, name)]


@pytest.mark.slow
def test_junit_gets_the_results_as_properties(pytester, tiny):
    pytester.mkdir("gates").joinpath("test_quality.py").write_text(TASKS)
    arguments = ["gates", "--candidate", str(tiny.adapter("one", seed=1)), "--junitxml", "junit.xml"]
    pytester.runpytest_inprocess(*arguments, "-p", "no:cacheprovider", "-W", "error", "--rootdir", ".")
    cases = ET.parse(pytester.path / "junit.xml").iter("testcase")
    found = {
        case.get("name"): {item.get("name"): item.get("value") for item in case.iter("property")} for case in cases
    }
    assert found["test_floor"]["gate.floor.tickets.outcome"] == "fail"
    assert float(found["test_floor"]["gate.floor.tickets.threshold"]) == 0.97
    assert found["test_no_regression"]["gate.no_regression.tickets.outcome"] == "not-applicable"
    assert not [name for name in found["test_no_regression"] if ".floor." in name]


@pytest.mark.slow
def test_one_test_alone_promotes_nothing(pytester, tiny):
    pytester.mkdir("gates").joinpath("test_quality.py").write_text(TASKS)
    one, two = tiny.adapter("one", seed=1), tiny.adapter("two", seed=2)
    arguments = ["gates", "--candidate", str(one), "--production", str(two), "--gate-report", "out"]
    options = ["--gate-only", "test_no_regression", "-p", "no:cacheprovider", "-W", "error", "--rootdir", "."]
    assert pytester.runpytest_inprocess(*arguments, *options).ret in {0, 1}
    found = Verdict.from_bytes((pytester.path / "out" / REPORT_JSON).read_bytes())
    assert {gate.gate.rpartition("::")[2] for gate in found.gates} == {"test_no_regression"}
    assert found.only == "test_no_regression"
    assert not found.passed
    assert "lets nothing into production" in (pytester.path / "out" / REPORT_HTML).read_text()


def test_the_ledger_takes_no_verdict_of_one_test(repo, tmp_path):
    repo.version("v1.0.0")
    before = repo.refs().branches
    with pytest.raises(BadInput, match="'test_floor' alone"):
        judge("acme/router@v1.0.0", gates=tmp_path, how=How(only="test_floor"), settings=repo.settings)
    assert repo.refs().branches == before
