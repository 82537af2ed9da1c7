from __future__ import annotations

import json
from importlib.metadata import version

import pytest
from training_tools import (
    axolotl_card,
    llamafactory_command,
    llamafactory_log,
    llamafactory_run,
    transformers_card,
    unsloth_adapter,
)

from hubver.record import draft, gaps
from hubver.record.frameworks import bounded
from hubver.record.schema import RunRecord

pytestmark = pytest.mark.slow

AXOLOTL = """\
base_model: acme/base
revision_of_model: {revision}
datasets:
  - path: teknium/GPT4-LLM-Cleaned
    type: alpaca
    split: train
    revision: {revision}
  - path: tatsu-lab/alpaca
    name: plain
    type: alpaca
  - path: /home/me/private/rows.jsonl
    type: alpaca
test_datasets:
  - path: acme/held-out
    type: alpaca
learning_rate: 2e-4   # axolotl makes a number of it
wandb_project:
hub_token: hf_aTokenThatMustNeverTravel0123456789
special_tokens:
  pad_token: "<|end_of_text|>"
# a comment of mine
""".format(revision="a" * 40)


def fields(record: RunRecord) -> dict[str, str]:
    return {gap.field: gap.reason for gap in record.gaps}


def test_a_plain_script_with_trl(folder_of, complete):
    record = complete(folder_of()).record
    training = record.training
    assert (training.framework, training.configuration) == ("trl", None)
    assert (record.base_model.id, training.steps, training.epochs) == ("acme/base", 2, 1.0)
    assert training.resources.wall_seconds > 0
    assert training.resources.flops > 0
    assert {name: record.environment.packages[name] for name in ("peft", "trl")} == {
        "peft": version("peft"),
        "trl": version("trl"),
    }
    assert {metric.name for metric in record.metrics} >= {"eval_loss"}
    assert {"data", "training.arguments", "training.seeds.seed"} <= fields(record).keys()
    assert gaps.open_of(record, ["metrics", "training.log_history", "base_model.id"]) == ()


def test_the_arguments_that_a_trainer_lists_in_its_card_are_the_run_s(trained, folder_of, complete):
    trainer, _ = trained
    record = complete(folder_of(transformers_card)).record
    training = record.training
    for name in ("learning_rate", "gradient_accumulation_steps", "max_steps", "warmup_steps", "seed"):
        assert training.arguments[name] == getattr(trainer.args, name), name
    assert training.arguments["lr_scheduler_type"] == training.scheduler == "cosine"
    assert "num_train_epochs" not in training.arguments
    assert (training.effective_batch_size, training.world_size, training.seeds.seed) == (4, 1, 7)
    assert training.gradient_accumulation_steps == 2
    assert training.precision is None
    assert fields(record)["training.arguments"].startswith("only those that the trainer's own card lists")
    assert "training.seeds.seed" not in fields(record)


def test_versions_are_those_of_the_run_and_not_of_the_machine_that_publishes(folder_of, complete):
    folder = folder_of(transformers_card)
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8").replace(f"- Transformers {version('transformers')}", "- Transformers 4.1.0")
    card.write_text(text, encoding="utf-8")
    record = complete(folder).record
    assert record.environment.packages["transformers"] == "4.1.0"
    assert "torch, transformers" in fields(record)["environment"]


def test_axolotl_s_configuration_is_in_its_card(folder_of, complete):
    record = complete(folder_of(axolotl_card(AXOLOTL))).record
    training = record.training
    assert training.framework == "axolotl"
    assert training.configuration["learning_rate"] == "2e-4"
    assert training.configuration["hub_token"] == "[redacted]"
    assert training.configuration["special_tokens"] == {"pad_token": "<|end_of_text|>"}
    assert training.configuration["datasets"][2]["path"] == "rows.jsonl"
    assert record.environment.packages["axolotl"] == "0.18.0"
    assert record.base_model.requested_revision == record.base_model.sha == "a" * 40
    assert [(s.role, s.name, s.config, s.split, s.hub_id, s.hub_sha) for s in record.data] == [
        ("train", "teknium/GPT4-LLM-Cleaned", None, "train", "teknium/GPT4-LLM-Cleaned", "a" * 40),
        ("train", "tatsu-lab/alpaca", "plain", None, "tatsu-lab/alpaca", None),
        ("train", "rows.jsonl", None, None, None, None),
        ("eval", "acme/held-out", None, None, "acme/held-out", None),
    ]
    # The card's copy is the file; what the trainer was given in the end is what transformers lists.
    assert training.arguments["learning_rate"] == 0.005
    assert {"data.tatsu-lab/alpaca", "data.rows.jsonl", "training.configuration"} <= fields(record).keys()
    assert "data.teknium/GPT4-LLM-Cleaned" not in fields(record)
    raw = record.to_bytes()
    assert b"hf_a" not in raw
    assert b"/home/me" not in raw
    assert b"comment of mine" not in raw


@pytest.mark.parametrize(
    ("configuration", "reason"),
    [
        pytest.param(None, "holds no copy", id="none"),
        pytest.param("base_model: [", "no valid YAML (line", id="broken"),
        pytest.param("base_model: !!python/object:os.system x", "no valid YAML (line 1)", id="code"),
        pytest.param("a: " + "x" * (64 << 10), "larger than any configuration", id="long"),
        pytest.param("just text", "it holds no mapping", id="no mapping"),
        pytest.param("", "it holds no mapping", id="empty"),
        pytest.param("a: &a [*a]", "larger than any configuration", id="within itself"),
        pytest.param(
            "\n".join(["l0: &l0 [x]", *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))]),
            "larger than any configuration",
            id="a billion laughs",
        ),
        pytest.param("a: " + "[" * 99 + "]" * 99, "larger than any configuration", id="deep"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_a_gap(folder_of, complete, configuration, reason):
    record = complete(folder_of(axolotl_card(configuration))).record
    assert (record.training.framework, record.training.configuration) == ("axolotl", None)
    assert reason in fields(record)["training.configuration"]
    assert [source.hub_id for source in record.data] == ["teknium/GPT4-LLM-Cleaned"]


def test_datasets_of_an_odd_form_are_passed_over(folder_of, complete):
    odd = "base_model: 7\nmodel_revision: [x]\ndatasets:\n  - path: 3\n  - text\n  - {path: a/b, name: [1], revision: main}\n"
    record = complete(folder_of(axolotl_card(odd + "test_datasets: none\n"))).record
    assert [(source.hub_id, source.config, source.hub_sha) for source in record.data] == [("a/b", None, None)]
    assert record.base_model.id == "acme/base"


def test_what_a_tool_named_is_pinned_by_the_user_s_word(folder_of, complete, tmp_path):
    (tmp_path / "rows.jsonl").write_text("{}\n", encoding="utf-8")
    pins = [f"tatsu-lab/alpaca@{'b' * 40}", f"acme/held-out@{'c' * 40}", str(tmp_path / "rows.jsonl")]
    record = complete(folder_of(axolotl_card(AXOLOTL)), data=pins).record
    assert gaps.open_of(record, ["data"]) == ()
    assert [(source.role, source.config, (source.hub_sha or "-")[0]) for source in record.data] == [
        ("train", None, "a"),
        ("train", "plain", "b"),
        ("train", None, "-"),
        ("eval", None, "c"),
    ]
    assert record.data[2].files[0].size == 3


def test_llama_factory_from_the_command_line(folder_of, complete):
    record = complete(folder_of(llamafactory_run)).record
    assert (record.training.framework, record.training.configuration) == ("llamafactory", None)
    assert [(source.name, source.role, source.hub_id) for source in record.data] == [
        ("identity", "train", None),
        ("alpaca_en_demo", "train", None),
    ]
    assert record.training.arguments["learning_rate"] == 0.005
    assert "leaves none" in fields(record)["training.configuration"]


def test_llama_factory_s_tag_is_enough_where_peft_leaves_it(folder_of, complete):
    def write(trainer, folder):
        (folder / "README.md").unlink()
        llamafactory_run(trainer, folder)
        (folder / "trainer_log.jsonl").unlink()

    record = complete(folder_of(write)).record
    assert (record.training.framework, len(record.data)) == ("llamafactory", 2)


def test_llama_factory_from_its_web_page(folder_of, complete):
    folder = folder_of(lambda _trainer, place: llamafactory_log(place))
    llamafactory_command(folder, eval_dataset="held_out", hf_hub_token="hf_aTokenThatMustNeverTravel0123456789")
    record = complete(folder).record
    training = record.training
    assert (training.framework, training.configuration["lora_rank"]) == ("llamafactory", 8)
    assert training.configuration["hf_hub_token"] == "[redacted]"
    assert training.arguments == {
        "bf16": True,
        "learning_rate": 5e-05,
        "lr_scheduler_type": "cosine",
        "num_train_epochs": 3.0,
        "per_device_train_batch_size": 2,
        "seed": 42,
    }
    assert (training.precision, training.seeds.seed, training.scheduler) == ("bf16", 42, "cosine")
    assert [(source.name, source.role) for source in record.data][-1] == ("held_out", "eval")
    assert not {"training.arguments", "training.configuration"} & fields(record).keys()


def test_llama_factory_s_own_log_stands_in_for_a_state_that_was_not_saved(folder_of, complete):
    folder = folder_of(llamafactory_run)
    (folder / "trainer_state.json").unlink()
    for checkpoint in folder.glob("checkpoint-*"):
        (checkpoint / "trainer_state.json").unlink()
    with (folder / "trainer_log.jsonl").open("a", encoding="utf-8") as log:
        log.write('[]\n{"current_steps": 3, "lo')
    record = complete(folder).record
    assert record.training.log_history == (
        {"step": 1, "learning_rate": 5e-05, "loss": 1.0, "epoch": 0.5},
        {"step": 2, "learning_rate": 5e-05, "loss": 0.0, "epoch": 1.0},
    )
    assert "training.log_history" not in fields(record)


@pytest.mark.parametrize("content", ["finetuning_type: [", "finetuning_type", "\x00finetuning_type: lora"])
def test_a_command_of_llama_factory_that_cannot_be_read_is_a_gap(folder_of, complete, content):
    folder = folder_of(llamafactory_run)
    (folder / "training_args.yaml").write_text(content, encoding="utf-8")
    record = complete(folder).record
    assert (record.training.framework, record.training.configuration) == ("llamafactory", None)
    assert "training_args.yaml cannot be read" in fields(record)["training.configuration"]


def test_unsloth_marks_the_adapter(folder_of, complete):
    record = complete(folder_of(unsloth_adapter)).record
    assert (record.training.framework, record.training.configuration) == ("unsloth", None)


def test_unsloth_marks_the_model_and_trl_its_card(trained, folder_of, complete):
    def write(trainer, folder):
        # unsloth/models/_utils.py, `patch_tokenizer`; from it TRL's own card takes the tag.
        config = trainer.model.config
        config.update({"unsloth_version": "2026.8.1"})
        trainer.create_model_card()
        config.save_pretrained(folder)
        del config.unsloth_version

    record = complete(folder_of(write)).record
    assert record.training.framework == "unsloth"
    assert record.environment.packages["unsloth"] == "2026.8.1"


def test_a_base_of_unsloth_s_is_no_mark(adapter, complete):
    config = {"base_model_name_or_path": "unsloth/Llama-3.2-1B-Instruct-unsloth-bnb-4bit"}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    assert complete(adapter).record.training.framework is None


def test_a_card_that_people_wrote_says_nothing_of_the_run(adapter, complete):
    (adapter / "adapter_config.json").write_text("{}")
    front = "base_model: acme/other\ndatasets: [acme/x]\ntags: [trl, unsloth, llama-factory]"
    (adapter / "README.md").write_text(f"---\n{front}\n---\n- learning_rate: 1\n- TRL: 1.0\n", encoding="utf-8")
    record = complete(adapter).record
    assert (record.training.framework, record.base_model.id, record.data) == (None, None, ())


def test_a_checkpoint_is_told_by_the_card_of_its_run(folder_of, complete):
    folder = folder_of(axolotl_card(AXOLOTL)) / "checkpoint-2"
    assert complete(folder).record.training.framework == "axolotl"


def test_a_whole_model_is_told_its_base_by_the_card(tmp_path, folder_of, complete, safetensors_bytes):
    folder = folder_of(llamafactory_run)
    for left in folder.glob("adapter_*"):
        left.unlink()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model.safetensors").write_bytes(safetensors_bytes({"a": (2, 2)}))
    assert complete(folder).record.base_model.id == "acme/base"


def test_the_trackers_pages_are_those_of_trl_s_card(adapter, complete):
    from trl.trainer.utils import generate_model_card

    card = generate_model_card(
        base_model="acme/base",
        model_name="x",
        hub_model_id="acme/x",
        dataset_name="acme/tickets",
        tags=["sft", "trl"],
        wandb_url="https://me:hunter2@wandb.ai/acme/runs/1?apiKey=x",
        trackio_url="https://huggingface.co/spaces/acme/trackio",
        comet_url="http://[",
        trainer_name="SFT",
    )
    card.save(adapter / "README.md")
    record = complete(adapter).record
    assert {link.kind: link.url for link in record.training.links} == {
        "wandb": "https://wandb.ai/acme/runs/1",
        "trackio": "https://huggingface.co/spaces/acme/trackio",
    }
    assert [(source.hub_id, source.hub_sha) for source in record.data] == [("acme/tickets", None)]


def test_nothing_of_files_that_nobody_knows_is_published_or_recorded(folder_of, complete):
    folder = folder_of(axolotl_card("base_model: acme/base"))
    for name in ("config.yaml", "axolotl_config.yml", "debug.log", "llamaboard_config.yaml", "notes.txt"):
        (folder / name).write_text("colour: blue-whale\n", encoding="utf-8")
    llamafactory_command(folder, colour="blue-whale")
    taken = complete(folder)
    assert b"blue-whale" not in taken.record.to_bytes()
    assert not {path for path in taken.files if path.endswith((".yaml", ".yml", ".log", ".txt"))}


def test_a_watched_run_only_learns_which_tool_ran_it(folder_of, complete):
    folder = folder_of(axolotl_card(AXOLOTL))
    watched = RunRecord(run_id="run-1", created="2026-01-02T00:00:00Z", training={"arguments": {"seed": 1}})
    draft.write(folder, draft.Draft(watched, None))
    record = complete(folder).record
    assert (record.training.framework, record.training.arguments) == ("axolotl", {"seed": 1})
    assert record.training.configuration["base_model"] == "acme/base"
    assert record.data == ()


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"---\n: [\n---\n- PEFT 1.0\n", b"x" * (1 << 20) + b"x", b"---\ntags: [generated_from_trainer]\n"],
    ids=["not UTF-8", "broken metadata", "too large", "never closed"],
)
def test_a_card_that_cannot_be_read_is_as_good_as_none(adapter, complete, content):
    (adapter / "README.md").write_bytes(content)
    assert complete(adapter).record.training.framework is None


@pytest.mark.parametrize(
    "repeated",
    [
        "\n<details><summary>See axolotl config</summary>\n\naxolotl version: `1`\n```yaml\n",
        "\n```" + " " * 200,
        'alt="Visualize in Comet"',
        "\nThis model is a fine-tuned version of [](",
        "This model is a fine-tuned version of [x](y) on the ",
        "- learning_rate: 1\n",
        "\n---",
        "- a: [",
    ],
)
def test_a_hostile_card_takes_no_longer_than_others(adapter, complete, repeated):
    head = '---\ntags: [generated_from_trainer, llama-factory]\n---\nalt="Built with Axolotl"\n'
    listed = "\nThe following hyperparameters were used during training:\n"
    text = head + listed
    text += repeated * (((1 << 20) - len(text)) // len(repeated))
    (adapter / "README.md").write_text(text, encoding="utf-8")
    assert complete(adapter).record.training.framework == "axolotl"


def test_dates_and_keys_of_yaml_become_text():
    read = bounded.yaml_of("2: 2026-01-02\ntrue: {2026-01-02: x}\n")
    assert read == {"2": "2026-01-02", "True": {"2026-01-02": "x"}}
