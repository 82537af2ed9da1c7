from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import pytest

from hubver.errors import BadInput, MissingPackage
from hubver.gate import (
    Task,
    batched,
    bleu,
    chrf,
    exact_match,
    json_fields,
    json_match,
    json_valid,
    metric,
    normalised_match,
    regex,
    rouge,
    token_f1,
)
from hubver.gate.asking.examples import BadScore
from hubver.gate.scorers import identity
from hubver.settings import Settings

SETTINGS = Settings(endpoint="http://127.0.0.1:9")


def half(prediction, expected):
    return 0.5


def scored(scorer, prediction, expected):
    examples = Task("t", [{"prompt": "p", "completion": expected}], scorer=scorer).load(Path(), SETTINGS)
    (name,) = examples.requests
    return examples.scores({name: (prediction,)})[name]


@pytest.mark.parametrize(
    ("scorer", "prediction", "expected", "value"),
    [
        (exact_match, " yes\n", "yes", 1.0),
        (exact_match, "Yes", "yes", 0.0),
        (normalised_match, "  YES \n please", "yes Please", 1.0),
        (normalised_match, "\uff21", "a", 1.0),
        (normalised_match, "yes", "no", 0.0),
        (json_valid, '{"a": 1}', "", 1.0),
        (json_valid, '{"a": 1} and more', "", 0.0),
        (json_valid, '{"a": NaN}', "", 0.0),
        (json_valid, "", "", 0.0),
        (json_match("a"), '{"a": 1, "b": 2}', '{"a": 1, "b": 3}', 1.0),
        (json_match("a", "b"), '{"a": 1, "b": 2}', '{"a": 1, "b": 3}', 0.0),
        (json_match(), '{"b": 3, "a": 1}', '{"a": 1, "b": 3}', 1.0),
        (json_match(), '{"b": 3, "a": 1, "c": 0}', '{"a": 1, "b": 3}', 0.0),
        (json_match("a"), "nonsense", '{"a": 1}', 0.0),
        (json_match("a"), "[1]", '{"a": 1}', 0.0),
        (json_match("a"), '{"a": true}', '{"a": 1}', 0.0),
        (json_match("a"), '{"a": {"b": [1.0]}}', '{"a": {"b": [1]}}', 1.0),
        (json_match(), "{}", "{}", 1.0),
        (json_fields("a", "b"), '{"a": 1, "b": 2}', '{"a": 1, "b": 3}', 0.5),
        (json_fields("a", "b"), '{"a": 1}', '{"a": 1, "b": null}', 0.5),
        (json_fields(), '{"a": 1, "b": 2, "c": 3}', '{"a": 1, "b": 3}', 1 / 3),
        (json_fields(), "[]", '{"a": 1}', 0.0),
        (token_f1, "The cat sat.", "a cat sat", 1.0),
        (token_f1, "cat cat dog", "cat dog dog", 2 / 3),
        (token_f1, "cat", "dog", 0.0),
        (token_f1, "the", "", 1.0),
        (token_f1, "cat", "the", 0.0),
        (regex("[0-9]+ EUR"), "it is 12 EUR.", "", 1.0),
        (regex("[0-9]+ EUR"), "it is 12 USD.", "", 0.0),
        (regex("[0-9]+", "fullmatch"), " 12\n", "", 1.0),
        (regex("[0-9]+", "fullmatch"), "12a", "", 0.0),
        (regex("#### ([0-9]+)", "extract"), "so #### 12, or #### 13", "12", 1.0),
        (regex("#### ([0-9]+)", "extract"), "so #### 12", "13", 0.0),
        (regex("#### ([0-9]+)", "extract"), "so 12", "12", 0.0),
        (regex("a(b)?", "extract"), "a", "", 1.0),
        (regex("[0-9]+", "extract"), "it is 12", " 12 ", 1.0),
        (lambda prediction, expected: True, "", "", 1.0),
    ],
)
def test_scorers(scorer, prediction, expected, value):
    assert scored(scorer, prediction, expected) == pytest.approx(value)


def broken(prediction, expected):
    raise KeyError("gone")


@pytest.mark.parametrize(
    ("scorer", "message"),
    [
        (lambda prediction, expected: float("nan"), "gave nan"),
        (lambda prediction, expected: None, "gave None"),
        (lambda prediction, expected: 1.01, "gave 1.01"),
        (lambda prediction, expected: -1, "gave -1"),
        (lambda prediction, expected: "1", "gave '1'"),
        (lambda prediction, expected: [1.0], "no number"),
        (broken, "broken raised KeyError"),
        (json_match("a"), "raised ValueError"),
    ],
)
def test_a_scorer_that_gives_no_score_is_named(scorer, message):
    with pytest.raises(BadScore, match=message):
        scored(scorer, "x", "not json")


def test_scorers_are_told_apart_by_source_and_parameters():
    first, second = (lambda prediction, expected: 1.0), (lambda prediction, expected: 0.5)
    found = [identity(scorer) for scorer in (exact_match, first, json_match("a"), json_match("b"), partial(half))]
    assert len({json.dumps(item, sort_keys=True) for item in found}) == len(found)
    assert identity(json_match("a")) == identity(json_match("a"))
    assert identity(second)["name"] == identity(first)["name"]


def closure(weight):
    def scorer(prediction, expected):
        return weight

    return scorer


class Weighted:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, prediction, expected):
        return self.weight

    def method(self, prediction, expected):
        return self.weight


def defaulted(prediction, expected, *, weight=0.5):
    return weight


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (closure(0.5), closure(0.25)),
        (Weighted(0.5), Weighted(0.25)),
        (Weighted(0.5).method, Weighted(0.25).method),
        (partial(defaulted, weight=0.5), partial(defaulted, weight=0.25)),
        (regex("a"), regex("b")),
        (regex("a"), regex("a", "fullmatch")),
        (rouge("1"), rouge("2")),
        (rouge("L"), rouge("L", stemmer=True)),
        (bleu(), bleu(lowercase=True)),
        (chrf(), chrf(word_order=2)),
        (batched(closure(0.5)), batched(closure(0.25))),
        (batched(half), half),
    ],
)
def test_parameters_tell_scorers_apart(one, other):
    assert identity(one) != identity(other)


MODULE = """
import re
from functools import partial
LIMIT = {limit}
WORDS = {{"one", "two", "three", "four", "{word}"}}
PATTERN = re.compile("{pattern}")
def helper(text): return len(text) > {length} and text not in WORDS and PATTERN.search(text)
def scorer(prediction, expected): return float(helper(prediction) and len(expected) > LIMIT)
class Kept:
    def __init__(self): self.limit = LIMIT
    def __call__(self, prediction, expected): return scorer(prediction, expected)
"""


def identities(folder, **values):
    """Of the scorers of a module, as another process finds them."""
    (folder / "mine.py").write_text(MODULE.format(**values))
    code = (
        "import json, mine; from functools import partial; from hubver.gate.scorers import identity;"
        "print(json.dumps([identity(mine.scorer), identity(mine.Kept()), identity(partial(mine.scorer))]))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_scorer_is_the_same_in_every_process_until_something_of_its_module_changes(tmp_path):
    plain = {"limit": 3, "length": 5, "word": "five", "pattern": "a"}
    first = identities(tmp_path, **plain)
    assert all(identities(tmp_path, **plain) == first for _ in range(3))
    for changed in ({"limit": 4}, {"length": 6}, {"word": "six"}, {"pattern": "b"}):
        others = identities(tmp_path, **{**plain, **changed})
        assert all(one != other for one, other in zip(others, first, strict=True)), changed


@pytest.mark.parametrize(("pattern", "mode"), [("(", "search"), ("a", "match")])
def test_patterns_that_are_none_are_refused_at_once(pattern, mode):
    with pytest.raises(BadInput):
        regex(pattern, mode)


def test_a_batch_scorer_sees_all_predictions_at_once():
    calls = []

    @batched
    def lengths(predictions, expected):
        calls.append(list(zip(predictions, expected, strict=True)))
        return [len(text) / 10 for text in predictions]

    rows = [{"prompt": f"p{index}", "completion": f"c{index}"} for index in range(3)]
    examples = Task("t", rows, scorer=lengths).load(Path(), SETTINGS)
    answers = {name: ("x" * number,) for number, name in enumerate(examples.requests)}
    assert examples.scores(answers) == {name: len(text) / 10 for name, (text,) in answers.items()}
    assert calls == [[(text, examples.expected[name]) for name, (text,) in answers.items()]]


def test_a_batch_scorer_that_loses_some_is_named():
    with pytest.raises(BadScore, match="2 scores for 1 predictions"):
        scored(batched(lambda predictions, expected: [0.5, 0.5]), "a", "b")


@pytest.mark.parametrize(
    ("scorer", "reference"),
    [
        (rouge("1"), lambda p, e: _rouge("rouge1", p, e)),
        (rouge("2"), lambda p, e: _rouge("rouge2", p, e)),
        (rouge("L"), lambda p, e: _rouge("rougeL", p, e)),
        (bleu(), lambda p, e: _sacrebleu().sentence_bleu(p, [e]).score / 100),
        (chrf(), lambda p, e: _sacrebleu().sentence_chrf(p, [e]).score / 100),
        (chrf(word_order=2), lambda p, e: _sacrebleu().sentence_chrf(p, [e], word_order=2).score / 100),
    ],
    ids=["rouge1", "rouge2", "rougeL", "bleu", "chrf", "chrf++"],
)
@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        ("the parcel is late", "the parcel is late"),
        ("the parcel was very late today", "the parcel is late"),
        ("a dog", "the parcel is late"),
        ("", "the parcel is late"),
    ],
)
def test_overlap_is_what_the_libraries_say(scorer, reference, prediction, expected):
    found = scored(scorer, prediction, expected)
    assert found == pytest.approx(reference(prediction, expected))
    assert found == 1.0 or prediction != expected


def _rouge(name, prediction, expected):
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer([name])
    return scorer.score(expected, prediction)[name].fmeasure


def _sacrebleu():
    return pytest.importorskip("sacrebleu")


def test_the_libraries_version_is_part_of_who_a_scorer_is():
    pytest.importorskip("sacrebleu")
    from importlib.metadata import version

    assert identity(bleu())["sacrebleu"] == version("sacrebleu")


def test_a_missing_library_is_named_before_any_model_is_asked():
    class Lacking:
        libraries = ("no-such-package",)

        def __call__(self, prediction, expected):
            return 1.0

    with pytest.raises(MissingPackage, match="no-such-package"):
        Task("t", [{"prompt": "p", "completion": "c"}], scorer=Lacking()).load(Path(), SETTINGS)


METRIC = """
import datasets
import evaluate

class Overlap(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        return evaluate.MetricInfo(description="", citation="", inputs_description="",
                                   features=datasets.Features({{"predictions": text, "references": text}}))
    def _compute(self, predictions, references, weight=1.0):
        shared = sum(len(set(p) & set(r)) / max(1, len(set(r))) for p, r in zip(predictions, references))
        return {{"overlap": {factor} * weight * shared / len(predictions){more}}}
"""


@pytest.fixture
def overlap(tmp_path):
    """Makes the module of a metric, in a folder."""

    def make(factor=100, more=""):
        folder = tmp_path / "overlap"
        folder.mkdir(exist_ok=True)
        (folder / "overlap.py").write_text(METRIC.format(factor=factor, more=more))
        return folder

    return make


@functools.cache
def evaluate():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("evaluate")


@pytest.mark.slow
def test_metrics_of_evaluate_score_one_example_at_a_time(overlap):
    loaded = evaluate().load(str(overlap()))
    rows = [{"prompt": f"p{text}", "completion": text} for text in ("abc", "abd", "xyz")]
    for source in (loaded, overlap()):
        examples = Task("t", rows, scorer=metric(source, scale=100)).load(Path(), SETTINGS)
        found = examples.scores(dict.fromkeys(examples.requests, ("abc",)))
        assert [found[name] for name in sorted(found, key=examples.expected.get)] == pytest.approx([1, 2 / 3, 0])
    assert scored(metric(loaded, scale=100, weight=0.5), "abc", "abc") == pytest.approx(0.5)
    with pytest.raises(BadScore, match="Metric"):
        scored(metric(loaded), "abc", "abc")
    assert identity(metric(loaded, scale=100)) != identity(metric(loaded, scale=200))
    changed = metric(overlap(factor=99), scale=100)
    assert identity(changed)["name"] != identity(metric(loaded, scale=100))["name"]
    both = metric(overlap(more=', "other": 1.0'), scale=100)
    with pytest.raises(BadScore, match="gives overlap, other: name one"):
        scored(both, "abc", "abc")
    assert scored(metric(both.module, key="other"), "abc", "abc") == 1.0


@pytest.mark.parametrize("source", ["rouge", "acme/metric", 3])
def test_a_metric_that_is_not_on_this_machine_is_refused(source):
    with pytest.raises(BadInput, match="metric"):
        metric(source)
