"""Tasks of a harness score, example by example, what the harness itself finds when it is run by hand."""

from __future__ import annotations

import contextlib
import io
import json
import math
import warnings

import pytest

from hubver.gate import lm_eval_task
from hubver.gate.engine import Engine, ModelSource
from hubver.settings import Settings

lm_eval = pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed")
pytestmark = pytest.mark.slow

SETTINGS = Settings(endpoint="http://127.0.0.1:9")
DOCUMENTS = [
    {
        "question": f"what {letter} {number}",
        "choices": ["yes it is", "no", "maybe"],
        "label": number % 3,
        "gold": letter,
        "queue": "ab"[number % 2],
    }
    for number, letter in enumerate("abcdefghabcdef")
]
HEAD = """
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
"""
TASKS = {
    "choices": """
task: choices
output_type: multiple_choice
doc_to_text: "q: {{question}} a:"
doc_to_choice: "{{choices}}"
doc_to_target: "{{label}}"
num_fewshot: 2
fewshot_split: test
metric_list: [{metric: acc}, {metric: acc_norm}, {metric: acc_mutual_info}]
""",
    "texts": """
task: texts
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{gold}}"
generation_kwargs: {until: ["e", "."], max_gen_toks: 12, do_sample: false}
filter_list:
  - {name: letter, filter: [{function: regex, regex_pattern: "(.)"}, {function: take_first}]}
  - {name: raw, filter: [{function: take_first}]}
metric_list: [{metric: exact_match}, {metric: quarter, aggregation: mean, higher_is_better: true}]
process_results: !function scoring.quarter
""",
    "documents": """
task: documents
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}}"
metric_list: [{metric: word_perplexity}, {metric: byte_perplexity}, {metric: bits_per_byte}]
""",
    "endings": """
task: endings
output_type: loglikelihood
doc_to_text: "{{question}}"
doc_to_target: " {{gold}}"
metric_list: [{metric: perplexity}, {metric: acc}]
""",
}
SCORING = """
def quarter(doc, results):
    return {"exact_match": float(results[0] == doc["gold"]), "quarter": (len(results[0]) % 5) / 4}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("harness")
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in DOCUMENTS))
    (folder / "yaml").mkdir()
    for name, text in TASKS.items():
        (folder / "yaml" / f"{name}.yaml").write_text(HEAD.format(rows=rows) + text)
    (folder / "yaml" / "scoring.py").write_text(SCORING)
    return folder


@pytest.fixture(scope="module")
def by_hand(folder, tiny):
    """What the harness logs of each document, by task, when it runs the same model itself."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        found = simple_evaluate(
            HFLM(pretrained=str(tiny.base), device="cpu", batch_size=4, dtype="float32"),
            tasks=list(TASKS),
            task_manager=TaskManager(include_path=str(folder / "yaml"), include_defaults=False),
            log_samples=True,
            bootstrap_iters=0,
        )
    return found["samples"]


@pytest.fixture(scope="module")
def model(tiny):
    return Engine().load(ModelSource("candidate", tiny.base))


def ours(model, folder, name, **options):
    """Our score of each document, in the order of the documents."""
    examples = lm_eval_task(name, include_path="yaml", **options).load(folder, SETTINGS)
    asked = [(key, request) for key, requests in examples.requests.items() for request in requests]
    answers = model.answer([request for _, request in asked])
    by_id: dict[str, tuple] = {}
    for (key, _), answer in zip(asked, answers, strict=True):
        by_id[key] = (*by_id.get(key, ()), answer)
    return list(examples.scores(by_id).values())


def likeliness(value):
    return math.exp(value[0] / value[1]) if isinstance(value, tuple | list) else math.exp(value)


@pytest.mark.parametrize(
    ("name", "metric", "filtered", "turned"),
    [
        ("choices", "acc", "none", float),
        ("choices", "acc_norm", "none", float),
        ("choices", "acc_mutual_info", "none", float),
        ("texts", "exact_match", "letter", float),
        ("texts", "quarter", "letter", float),
        ("texts", "quarter", "raw", float),
        ("documents", "word_perplexity", "none", likeliness),
        ("documents", "byte_perplexity", "none", likeliness),
        ("documents", "bits_per_byte", "none", likeliness),
        ("endings", "perplexity", "none", likeliness),
        ("endings", "acc", "none", float),
    ],
)
def test_each_document_scores_what_the_harness_finds(by_hand, model, folder, name, metric, filtered, turned):
    samples = [sample for sample in by_hand[name] if sample["filter"] == filtered]
    theirs = [turned(sample[metric]) for sample in sorted(samples, key=lambda sample: sample["doc_id"])]
    found = ours(model, folder, name, metric=metric, filter=filtered)
    assert len(found) == len(DOCUMENTS)
    if turned is float:
        assert found == theirs
    else:
        assert found == pytest.approx(theirs, rel=1e-5)
    if metric not in ("exact_match", "acc"):  # of a random model; a test in which all agree shows nothing
        assert len(set(theirs)) > 1
