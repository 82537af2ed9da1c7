from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import EvalResult, ModelCard

from hubver.card import NOTES_BEGIN, NOTES_END, render
from hubver.diff import Change
from hubver.gate.verdict import Verdict
from hubver.record.schema import Checkpoint, DataSource, Gap, Link, Metric, RunRecord

EXAMPLES = Path(__file__).resolve().parent.parent / "model_cards"
NASTY = "a | b `c` [d](http://x)\r\n---\r\nlicense: mit\n<script>*e*</script>\n# f\x00"


@pytest.fixture
def record() -> RunRecord:
    return example()


def example() -> RunRecord:
    return RunRecord.from_bytes((EXAMPLES / "example.hubver.json").read_bytes())


def card(record, **other) -> str:
    return render(record, **{"changes": (), "verdict": None, "previous": None, **other}).decode()


def metadata(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def verdict() -> Verdict:
    gate = {
        "gate": "test_quality",
        "policy": "floor",
        "task": "router",
        "outcome": "pass",
        "reason": "0.98 | above 0.9",
        "value": 0.98,
        "n": 300,
    }
    return Verdict.model_validate(
        {
            "repo_id": "example-org/ticket-router",
            "candidate": {"revision": "v1.2.0", "sha": "a" * 40},
            "baseline": {"revision": "v1.1.0", "sha": "b" * 40},
            "outcome": "pass",
            "gates": [gate],
            "counts": {"collected": 1, "passed": 1},
            "gates_code": {"digest": "c" * 64},
            "hubver_version": "0",
            "created": "2026-01-01T00:00:00Z",
            "duration_seconds": 1,
        }
    )


def test_the_example_is_what_the_template_makes_of_its_record(record):
    assert (EXAMPLES / "example.md").read_text(encoding="utf-8") == card(record)


def test_the_example_record_is_in_canonical_form(record):
    assert (EXAMPLES / "example.hubver.json").read_bytes() == record.to_bytes()


def test_the_hub_client_reads_the_metadata(record):
    data = ModelCard(card(record, verdict=verdict())).data
    assert data.base_model == "example-org/tiny-base"
    assert data.get("base_model_relation") == "adapter"
    assert (data.library_name, data.pipeline_tag) == ("peft", "text-generation")
    assert data.datasets == ["example-org/tickets"]
    assert data.license is None
    found = {(result.dataset_name, result.metric_type): result for result in data.eval_results}
    assert all(isinstance(result, EvalResult) for result in found.values())
    assert found["router", "exact_match"].metric_value == 0.987
    assert found["router", "floor"].metric_name == "test_quality"


def test_every_code_block_is_python_and_names_this_very_version(record):
    blocks = re.findall(r"```python\n(.*?)```", card(record), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        ast.parse(block)
        assert '"example-org/ticket-router"' in block
        assert '"v1.2.0"' in block


def test_a_full_model_is_loaded_as_one(record):
    full = record.model_copy(update={"weights": record.weights.model_copy(update={"kind": "full", "lora": None})})
    text = card(full)
    assert "AutoModelForCausalLM" in text
    assert "AutoPeftModel" not in text
    assert metadata(text)["base_model_relation"] == "finetune"
    assert metadata(text)["library_name"] == "transformers"


def test_a_base_without_a_name_is_not_given_one(record):
    text = card(record.model_copy(update={"base_model": record.base_model.model_copy(update={"id": None})}))
    assert "base_model" not in metadata(text)
    assert "base_model_relation" not in metadata(text)


def test_the_verdict_and_the_changes_are_shown(record):
    changes = (Change("training", "learning_rate", 0.005, 0.001, "learning_rate 0.005 → 0.001"),)
    text = card(record, changes=changes, verdict=verdict())
    assert "- **training**\n  - learning\\_rate 0.005 → 0.001" in text
    assert "The gate's verdict: **pass**, against v1.1.0." in text
    assert "| test\\_quality | router | pass | 0.98 | unknown | 300 | 0.98 \\| above 0.9 |" in text


def test_no_value_of_a_record_can_break_the_card(record):
    nasty = record.model_copy(
        update={
            "message": NASTY,
            "data": (DataSource(name=NASTY, role="train", split=NASTY, rows=3, content_sha256="a" * 64),),
            "metrics": (Metric(name=NASTY, value=0.5, task=NASTY),),
            "gaps": (Gap(field=NASTY, reason=NASTY),),
            "base_model": record.base_model.model_copy(update={"id": NASTY}),
            "training": record.training.model_copy(
                update={
                    "arguments": {NASTY: NASTY},
                    "trainer_class": NASTY,
                    "framework": NASTY,
                    "links": (Link(kind=NASTY, url=NASTY),),
                    "checkpoint": Checkpoint(of_run=NASTY, step=1),
                }
            ),
            "environment": record.environment.model_copy(update={"os": NASTY}),
            "code": record.code.model_copy(update={"remote": NASTY, "entry_point": NASTY, "argv": (NASTY,)}),
        }
    )
    plain, text = card(record), card(nasty, changes=(Change("data", "x", None, None, NASTY),))
    assert set(metadata(text)) - {"datasets"} == set(metadata(plain)) - {"datasets"}
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("---")] == ["---", "---"]
    prose = re.sub(r"(`+).*?\1", "", text.split("---\n", 2)[2])
    assert "<script" not in re.sub(r"\\.", "", prose)
    assert "](" not in re.sub(r"\\.", "", prose)
    assert [line for line in lines if line.startswith("# ")] == ["# example-org/ticket-router v1.2.0"]
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1
    assert "\x00" not in text


def test_what_people_wrote_is_carried_over(record):
    written = card(record).replace("What is it for, and what not?", "For tickets in **English** only.")
    written = written.replace("library_name: peft", "license: apache-2.0\nlanguage:\n- en\nlibrary_name: mine")
    written = written.replace("- hubver\n", "- hubver\n- support\n")
    text = card(record, previous=written.encode())
    assert "For tickets in **English** only." in text
    data = metadata(text)
    assert (data["license"], data["language"], data["library_name"]) == ("apache-2.0", ["en"], "peft")
    assert data["tags"] == ["hubver", "support", "lora", "trl"]


def test_rendering_again_changes_nothing(record):
    once = render(record, changes=(), verdict=None, previous=None)
    assert render(record, changes=(), verdict=None, previous=once) == once


def test_a_card_that_no_hubver_wrote_becomes_the_free_section(record):
    foreign = b"---\nlicense: mit\n---\n# My model\n\nIt routes tickets --- mostly.\n"
    text = card(record, previous=foreign)
    assert metadata(text)["license"] == "mit"
    notes = text.split(NOTES_BEGIN)[1].split(NOTES_END)[0]
    assert notes.strip() == "# My model\n\nIt routes tickets --- mostly."


def test_a_free_section_that_was_taken_out_does_not_fill_with_the_old_card(record):
    without = re.sub(f"{NOTES_BEGIN}.*{NOTES_END}", "", card(record), flags=re.DOTALL)
    assert card(record, previous=without.encode()) == card(record)


@pytest.mark.parametrize(
    "previous",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"---\n: [broken\n---\ntext", id="no YAML"),
        pytest.param(b"---\n- a list\n---\ntext", id="no mapping"),
        pytest.param(b"---\nlicense: mit\n", id="never closed"),
        pytest.param(b"\xff\xfe\x00", id="not UTF-8"),
        pytest.param(b"---\na: &a [*a]\n---\n", id="cyclic"),
        pytest.param(b"---\ntags: 7\npipeline_tag:\n---\n", id="odd types"),
    ],
)
def test_a_broken_card_does_not_stop_the_next(record, previous):
    assert metadata(card(record, previous=previous))["base_model"] == "example-org/tiny-base"


def test_what_was_only_seen_at_the_push_is_not_said_of_the_training(record):
    assert "## Where it was trained" in card(record)
    seen_late = [Gap(field=field, reason="captured at push, not at training") for field in ("code", "environment")]
    text = card(record.model_copy(update={"gaps": (*record.gaps, *seen_late)}))
    assert "Where it was trained was not recorded; this is the machine that published it." in text
    assert "## Where it was trained" not in text
    assert ", as it was when the run was published\n" in text


def trained(record, **parts):
    return record.model_copy(update={"training": record.training.model_copy(update=parts)})


def test_the_tool_that_ran_the_trainer_is_named(record):
    packages = {**record.environment.packages, "axolotl": "0.18.0"}
    record = record.model_copy(update={"environment": record.environment.model_copy(update={"packages": packages})})
    text = card(trained(record, framework="axolotl", configuration={"base_model": "x"}))
    assert "| run by | axolotl 0.18.0, whose configuration is in `hubver.json` |\n" in text
    assert metadata(text)["tags"] == ["hubver", "lora", "trl", "axolotl"]
    text = card(trained(record, framework="llamafactory"))
    assert "| run by | llamafactory |\n" in text
    assert metadata(text)["tags"][-1] == "llama-factory"
    assert metadata(card(trained(record, framework="trl")))["tags"] == ["hubver", "lora", "trl"]


@pytest.mark.parametrize(
    ("best", "words"), [(True, "`run-1`, the best until then by the trainer's own measure."), (False, "`run-1`.")]
)
def test_a_checkpoint_is_called_one(record, best, words):
    text = card(trained(record, checkpoint=Checkpoint(of_run="run-1", step=1500, epoch=0.5, best=best)))
    assert f"\nIt is the checkpoint at step 1,500 (epoch 0.5) of the run {words}\n" in text
    assert "It is the checkpoint" not in card(record)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://wandb.ai/acme/x/runs/1?nw=a_b", "[wandb](https://wandb.ai/acme/x/runs/1?nw=a_b)"),
        (None, "wandb"),
        ("javascript:alert(1)", "wandb"),
        ("https://x/a) [b](http://y", "wandb"),
        ("https://x/\n# f", "wandb"),
    ],
)
def test_the_pages_that_follow_a_run_are_linked(record, url, shown):
    text = card(trained(record, links=(Link(kind="wandb", url=url), Link(kind="mlflow", id="7"))))
    assert f"- followed by: {shown}, mlflow\n- everything else" in text


def test_the_command_can_be_typed_again(record):
    code = record.code.model_copy(update={"entry_point": "train.py", "argv": ("--name", "two words", "$HOME")})
    assert "- command: `train.py --name 'two words' '$HOME'`\n" in card(record.model_copy(update={"code": code}))


def test_arguments_of_which_not_all_are_known_are_not_called_all_that_differ(record):
    assert "\nArguments that differ from their defaults:\n\n- " in card(record)
    gap = Gap(field="training.arguments", reason="only those that the trainer's own card lists")
    assert "\nArguments that are known:\n\n- " in card(record.model_copy(update={"gaps": (gap,)}))


def test_an_unknown_time_has_no_unit(record):
    resources = record.training.resources.model_copy(update={"wall_seconds": None})
    training = record.training.model_copy(update={"resources": resources})
    assert "| wall time | unknown |\n" in card(record.model_copy(update={"training": training}))


def test_an_adapter_without_a_base_on_the_hub_promises_no_loading_that_cannot_work(record):
    base = record.base_model.model_copy(update={"id": None, "sha": None})
    text = card(record.model_copy(update={"base_model": base}))
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    ast.parse(code)
    assert 'PeftModel.from_pretrained(base, "example-org/ticket-router", revision="v1.2.0")' in code
    assert "AutoPeftModel" not in text
    assert "hubver.load" not in text


if __name__ == "__main__":
    (EXAMPLES / "example.md").write_text(card(example()), encoding="utf-8")
