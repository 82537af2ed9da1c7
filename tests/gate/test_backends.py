"""Tasks of a harness score, example by example, what the harness itself finds when it is run by hand."""

from __future__ import annotations

import contextlib
import io
import json
import math
import shutil
import warnings

import pytest

from hubver.errors import BadInput, NotFound
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
def talking(tiny, tmp_path_factory):
    """The same model with a chat template."""
    folder = tmp_path_factory.mktemp("talking") / "model"
    shutil.copytree(tiny.base, folder)
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}<{{ m.role }}>{{ m.content }} {% endfor %}{% if add_generation_prompt %}<a>{% endif %}"
    )
    return folder


@pytest.mark.parametrize(("name", "metric"), [("choices", "acc_norm"), ("texts", "quarter")])
def test_chats_score_what_the_harness_finds_too(talking, folder, name, metric):
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        found = simple_evaluate(
            HFLM(pretrained=str(talking), device="cpu", batch_size=4, dtype="float32"),
            tasks=[name],
            task_manager=TaskManager(include_path=str(folder / "yaml"), include_defaults=False),
            apply_chat_template=True,
            fewshot_as_multiturn=True,
            log_samples=True,
            bootstrap_iters=0,
        )
    samples = found["samples"][name]
    first = samples[0]["filter"]
    theirs = [s[metric] for s in sorted(samples, key=lambda s: s["doc_id"]) if s["filter"] == first]
    model = Engine().load(ModelSource("candidate", talking))
    assert ours(model, folder, name, metric=metric, chat=True) == theirs
    assert len(set(theirs)) > 1
    examples = lm_eval_task(name, include_path="yaml", chat=True).load(folder, SETTINGS)
    plain = lm_eval_task(name, include_path="yaml").load(folder, SETTINGS)
    assert examples.requests != plain.requests
    assert examples.digest != plain.digest
    assert examples.requests.keys() == plain.requests.keys()


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


MORE = {
    "corpus": """
task: corpus
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{gold}}"
generation_kwargs: {max_gen_toks: 4}
metric_list: [{metric: chrf}, {metric: ter}]
""",
    "drawn": """
task: drawn
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{gold}}"
repeats: 3
generation_kwargs: {max_gen_toks: 4, do_sample: true, temperature: 0.5, top_p: 0.9}
metric_list: [{metric: exact_match}]
""",
    "beams": """
task: beams
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{gold}}"
generation_kwargs: {max_gen_toks: 4, num_beams: 4}
metric_list: [{metric: exact_match}]
""",
}


@pytest.fixture(scope="module")
def more(folder):
    """The same folder, with tasks in it that the harness itself is not run on."""
    for name, text in MORE.items():
        (folder / "yaml" / f"{name}.yaml").write_text(HEAD.format(rows=folder / "rows.jsonl") + text)
    (folder / "yaml" / "family.yaml").write_text("group: family\ntask: [choices, texts]\n")
    return folder


def load(folder, name, **options):
    return lm_eval_task(name, include_path="yaml", **options).load(folder, SETTINGS)


def test_choices_of_one_document_are_one_request(folder):
    examples = load(folder, "choices", limit=4)
    assert len(examples.requests) == 4
    for request, alone in examples.requests.values():
        assert request.continuations == alone.continuations == (" yes it is", " no", " maybe")
        assert alone.prompt == ""  # what its mutual information is measured against
        assert request.prompt.count("q: what") == 3  # two examples before it


def test_slices_and_expected_answers_are_the_documents_own(folder):
    examples = load(folder, "texts", slice_by="queue")
    prompts = {name: request.prompt for name, (request,) in examples.requests.items()}
    by_question = {document["question"]: document for document in DOCUMENTS}
    assert examples.slices == {name: by_question[prompt]["queue"] for name, prompt in prompts.items()}
    assert examples.expected == {name: by_question[prompt]["gold"] for name, prompt in prompts.items()}


def test_draws_are_asked_as_often_as_the_task_says(more):
    for requests in load(more, "drawn").requests.values():
        assert [(item.draw, item.temperature, item.top_p) for item in requests] == [(n, 0.5, 0.9) for n in range(3)]


def test_scores_do_not_depend_on_what_is_scored_with_them(model, folder):
    examples = load(folder, "choices", metric="acc")
    names = list(examples.requests)
    answers = {name: tuple(model.answer(examples.requests[name])) for name in names}
    together = examples.scores(answers)
    assert {name: examples.scores({name: answers[name]})[name] for name in names} == together
    assert examples.scores({name: answers[name] for name in names[::-2]}) == {
        name: together[name] for name in names[::-2]
    }


def test_the_digest_is_of_what_is_asked_and_how_it_is_scored_not_of_where_it_lies(folder, tmp_path):
    plain = load(folder, "texts").digest
    assert load(folder, "texts").digest == plain
    options = [{"metric": "quarter"}, {"filter": "raw"}, {"limit": 3}, {"num_fewshot": 0}, {"slice_by": "queue"}]
    digests = [load(folder, "texts", **each).digest for each in options]
    assert digests.pop(3) == plain  # it is what the task says
    assert len({plain, *digests}) == 5
    moved = tmp_path / "moved"
    shutil.copytree(folder / "yaml", moved / "yaml")
    rows = tmp_path / "rows.jsonl"
    shutil.copy(folder / "rows.jsonl", rows)
    yaml = moved / "yaml" / "texts.yaml"
    yaml.write_text(yaml.read_text().replace(str(folder / "rows.jsonl"), str(rows)))
    assert load(moved, "texts").digest == plain
    scoring = moved / "yaml" / "scoring.py"
    scoring.write_text(scoring.read_text().replace("% 5", "% 3"))
    assert load(moved, "texts").digest != plain


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("gone", {}, BadInput, "knows no task 'gone'"),
        ("family", {}, BadInput, "a group of tasks"),
        ("choices", {"metric": "bleu"}, BadInput, "no metric 'bleu'.*acc, acc_norm"),
        ("choices", {"filter": "strict"}, BadInput, "no filter 'strict'"),
        ("choices", {"slice_by": "gone"}, BadInput, "no field 'gone'"),
        ("choices", {"include_path": "nowhere"}, NotFound, "no folder .*nowhere"),
        ("corpus", {"metric": "ter"}, BadInput, "better where it is lower"),
        ("beams", {}, BadInput, "num_beams"),
    ],
)
def test_what_cannot_be_asked_is_named(more, name, options, error, message):
    with pytest.raises(error, match=message):
        lm_eval_task(name, **{"include_path": "yaml", **options}).load(more, SETTINGS)


def test_a_metric_of_all_documents_together_is_refused_when_it_is_to_score_one(more):
    examples = load(more, "corpus", metric="chrf")
    with pytest.raises(BadInput, match="no number for one document"):
        examples.scores(dict.fromkeys(examples.requests, ("text",)))
