from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hubver.record import capture
from hubver.record.draft import find
from hubver.record.folder.safetensors_header import read_header
from hubver.record.schema import RunRecord

pytestmark = [
    pytest.mark.slow,
    # PEFT 0.21 still reads a name that transformers 5.23 deprecates.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing. is deprecated:FutureWarning"),
]

BASE_SHA = "b" * 40
ROWS = [{"prompt": f"ticket {n % 5} :", "completion": f" queue {n % 3}"} for n in range(24)]
WORDS = ["<pad>", "<eos>", "<unk>", "ticket", "queue", ":", *map(str, range(10))]
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{{ eos_token }}{% endfor %}"


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    made = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    made.chat_template = TEMPLATE
    return made


@pytest.fixture(scope="module")
def base(tmp_path_factory, tokenizer):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **sizes)
    folder = tmp_path_factory.mktemp("bases") / "tiny-base"
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A git repository with a training script in it, changed since its commit."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "train.py").write_text("print('train')\n")
    for command in (
        ["init", "-q", "-b", "main"],
        ["remote", "add", "origin", "https://me:pa55word@example.org/org/project.git"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "start"],
    ):
        subprocess.run(["git", "-C", folder, *command], check=True)
    (folder / "train.py").write_text("HF_TOKEN = 'hf_abcdefghijklmnopqrstuvwxyz'\nprint('train harder')\n")
    return folder


@pytest.fixture(scope="module")
def from_project(project):
    """As if this process had been started as the project's script."""
    command = [str(project / "train.py"), "--token", "s3cret-value", "--data", str(project / "tickets.jsonl")]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setattr(sys, "argv", command)
        yield


def sft_trainer(base, tokenizer, output, callback, **changes):
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    arguments = {
        "output_dir": str(output),
        "max_steps": 2,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 2,
        "learning_rate": 0.005,
        "logging_steps": 1,
        "eval_strategy": "steps",
        "eval_steps": 2,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "max_length": 64,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "hub_token": "hf_zyxwvutsrqponmlkjihgfedcba",
    }
    from transformers import AutoModelForCausalLM

    return SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base),
        args=SFTConfig(**(arguments | changes)),
        train_dataset=Dataset.from_list(ROWS),
        eval_dataset=Dataset.from_list(ROWS[:6]),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=4, lora_alpha=8, target_modules=["v_proj", "q_proj"], task_type="CAUSAL_LM"),
        callbacks=[callback],
    )


def completed(folder: Path) -> capture.Capture:
    return capture.complete(
        folder,
        repo_id="acme/router",
        version="v1.0.0",
        message=None,
        resolve_base=lambda _id, _revision: BASE_SHA,
        now=datetime(2026, 1, 2, tzinfo=timezone.utc),
    )


@pytest.fixture(scope="module")
def sft(base, tokenizer, tmp_path_factory, from_project):
    """The output folder of one run that was trained and saved."""
    from hubver.callback import HubverCallback

    output = tmp_path_factory.mktemp("sft") / "out"
    trainer = sft_trainer(base, tokenizer, output, HubverCallback(base_model="acme/base"))
    trainer.train()
    trainer.save_model()
    return output


def test_an_sft_run_is_recorded_part_by_part(sft, base, tokenizer):
    taken = completed(sft)
    record = taken.record
    assert record.run_id.startswith("run-2")
    assert (record.repo_id, record.version) == ("acme/router", "v1.0.0")

    assert (record.base_model.id, record.base_model.sha) == ("acme/base", BASE_SHA)
    assert record.base_model.dtype == "float32"
    assert record.base_model.weights_file == "model.safetensors"
    assert record.base_model.config_sha256 == hashlib.sha256((base / "config.json").read_bytes()).hexdigest()
    assert record.base_model.weights_sha256 == hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest()

    train, evaluation = record.data
    assert (train.role, train.rows, evaluation.role, evaluation.rows) == ("train", 24, "eval", 6)
    assert "input_ids" in train.columns
    assert train.content_sha256
    assert train.content_sha256 != evaluation.content_sha256

    assert record.tokenizer.vocab_size == len(WORDS)
    assert record.tokenizer.special_tokens["eos_token"] == "<eos>"
    assert record.tokenizer.chat_template_sha256 == hashlib.sha256(TEMPLATE.encode()).hexdigest()
    assert record.tokenizer.sample_sha256 == hashlib.sha256(b"What is 2 + 2?<eos>4<eos>").hexdigest()
    assert {"tokenizer.json", "tokenizer_config.json"} <= {entry.path for entry in record.tokenizer.files}

    training = record.training
    assert training.trainer_class.endswith(".SFTTrainer")
    assert training.arguments_class.endswith(".SFTConfig")
    assert training.model_class.endswith(".PeftModelForCausalLM")
    assert training.arguments["learning_rate"] == 0.005
    # Exactly what `sft_trainer` sets to something else than TRL does, and nothing that follows from it.
    assert set(training.arguments) == {
        "bf16",
        "disable_tqdm",
        "eval_steps",
        "eval_strategy",
        "gradient_accumulation_steps",
        "activation_checkpointing",
        "gradient_checkpointing",
        "learning_rate",
        "logging_steps",
        "max_length",
        "max_steps",
        "per_device_train_batch_size",
        "save_strategy",
        "use_cpu",
    }
    assert training.peft["r"] == 4
    assert training.peft["target_modules"] == ["q_proj", "v_proj"]
    assert training.optimizer.startswith("torch.optim.")
    assert (training.scheduler, training.precision) == ("linear", "fp32")
    assert (training.gradient_accumulation_steps, training.effective_batch_size, training.world_size) == (2, 4, 1)
    assert (training.steps, training.seeds.seed, training.seeds.full_determinism) == (2, 42, False)
    assert training.resumed is False
    assert training.started < training.finished
    assert len([row for row in training.log_history if "loss" in row]) == 2
    assert training.resources.wall_seconds > 0
    assert training.resources.peak_memory_bytes > 1_000_000
    assert training.resources.samples_per_second > 0

    assert [metric.name for metric in record.metrics if metric.name == "eval_loss"] == ["eval_loss"]
    assert not [metric.name for metric in record.metrics if "runtime" in metric.name]

    assert record.weights.kind == "adapter"
    assert record.weights.lora.ranks == (4,)
    assert record.weights.lora.targets == ("q_proj", "v_proj")
    assert record.environment.packages["torch"]
    assert record.environment.threads >= 1
    assert record.environment.cpu_capability


def test_code_is_recorded_without_secrets(sft, project):
    taken = completed(sft)
    code = taken.record.code
    head = subprocess.run(["git", "-C", project, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert code.sha == head.stdout.strip()
    assert code.remote == "https://example.org/org/project.git"
    assert (code.branch, code.dirty, code.entry_point) == ("main", True, "train.py")
    assert code.argv == ("--token", "[redacted]", "--data", "tickets.jsonl")
    diff = taken.files["run/code.diff"]
    assert b"train harder" in diff
    assert "run/code.diff" in {entry.path for entry in taken.record.files}


def test_nothing_published_holds_a_secret_or_a_path_of_this_machine(sft, base, project):
    taken = completed(sft)
    contents = [taken.record.to_bytes()]
    contents += [held if isinstance(held, bytes) else held.read_bytes() for held in taken.files.values()]
    for content in contents:
        for forbidden in ("hf_abc", "hf_zyx", "s3cret", "pa55word", str(base), str(project), str(sft)):
            assert forbidden.encode() not in content
    assert "training_args.bin" in {item.path for item in taken.left_out}


def test_the_published_adapter_configuration_pins_the_base(sft):
    config = json.loads(completed(sft).files["adapter_config.json"])
    assert (config["base_model_name_or_path"], config["revision"]) == ("acme/base", BASE_SHA)


def test_the_same_run_has_the_same_digests_and_another_run_another_id(base, tokenizer, tmp_path, from_project):
    from hubver.callback import HubverCallback

    records = []
    for name in ("one", "two"):
        trainer = sft_trainer(base, tokenizer, tmp_path / name, HubverCallback())
        trainer.train()
        trainer.save_model()
        records.append(completed(tmp_path / name).record)
    one, two = records
    assert one.run_id != two.run_id
    assert [source.content_sha256 for source in one.data] == [source.content_sha256 for source in two.data]
    assert one.files == two.files
    assert one.base_model.id is None
    assert "base_model.id" in {gap.field for gap in one.gaps}


def test_a_resumed_run_keeps_its_run_id_and_a_checkpoint_has_its_own(base, tokenizer, tmp_path, from_project):
    from hubver.callback import HubverCallback

    output = tmp_path / "out"
    saving = {"save_strategy": "steps", "save_steps": 1, "eval_strategy": "no"}
    sft_trainer(base, tokenizer, output, HubverCallback(), max_steps=1, **saving).train()
    first = find(output).record
    assert first.training.resumed is False
    sft_trainer(base, tokenizer, output, HubverCallback(), max_steps=2, **saving).train(resume_from_checkpoint=True)
    second = find(output).record
    assert (second.run_id, second.training.resumed, second.training.steps) == (first.run_id, True, 2)
    checkpoint = completed(output / "checkpoint-1").record
    assert checkpoint.run_id == f"{first.run_id}-checkpoint-1"
    assert checkpoint.training.steps == 1
    sft_trainer(base, tokenizer, output, HubverCallback(), max_steps=1, **saving).train()
    assert find(output).record.run_id != first.run_id


def test_a_plain_trainer_and_a_full_model(base, tokenizer, tmp_path, from_project):
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, DataCollatorForLanguageModeling, Trainer, TrainingArguments

    from hubver.callback import HubverCallback

    output = tmp_path / "out"
    rows = Dataset.from_list([{"input_ids": tokenizer(row["prompt"])["input_ids"]} for row in ROWS])
    trainer = Trainer(
        model=AutoModelForCausalLM.from_pretrained(base),
        args=TrainingArguments(
            output_dir=str(output), max_steps=2, use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True
        ),
        train_dataset=rows,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        processing_class=tokenizer,
        callbacks=[HubverCallback(data=[__file__, f"acme/tickets@{BASE_SHA}"])],
    )
    trainer.train()
    trainer.save_model()
    record = completed(output).record
    assert record.weights.kind == "full"
    assert record.weights.lora is None
    assert (
        record.weights.parameters
        == sum(header.end - header.start for header in read_header(output / "model.safetensors").values()) // 4
    )
    assert record.training.trainer_class == "transformers.trainer.Trainer"
    assert record.training.peft is None
    trained, declared, pinned = record.data
    assert (trained.rows, trained.columns) == (24, ("input_ids",))
    assert declared.files[0].path == Path(__file__).name
    assert (pinned.hub_id, pinned.hub_sha) == ("acme/tickets", BASE_SHA)
    assert str(base) not in (output / "hubver-run.json").read_text()


def test_what_cannot_be_recorded_is_a_gap_and_training_goes_on(base, tokenizer, tmp_path, from_project):
    from hubver.callback import HubverCallback

    output = tmp_path / "out"
    trainer = sft_trainer(base, tokenizer, output, HubverCallback(data=["no/such/file.jsonl"]))
    assert trainer.train().global_step == 2
    record = find(output).record
    assert any("no/such/file.jsonl" in gap.reason for gap in record.gaps)


def test_a_push_that_fails_leaves_the_model_and_says_how_to_go_on(base, tokenizer, tmp_path, from_project, caplog):
    from hubver.callback import HubverCallback

    output = tmp_path / "out"
    callback = HubverCallback(push_to="not a repo id")
    assert sft_trainer(base, tokenizer, output, callback).train().global_step == 2
    assert callback.published is None
    assert callback.failure is not None
    assert f"hubver push {output / 'hubver-final'} not a repo id" in caplog.text
    assert completed(output / "hubver-final").record.weights.kind == "adapter"


def test_a_run_that_lacks_what_the_project_requires_ends_and_is_not_sent(
    base, tokenizer, tmp_path, from_project, local_hub, monkeypatch, caplog
):
    from huggingface_hub import HfApi

    from hubver.callback import HubverCallback
    from hubver.errors import Incomplete

    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hubver.toml").write_text('[record]\nrequired = ["base_model.id"]', encoding="utf-8")
    callback = HubverCallback(push_to="acme/router")
    assert sft_trainer(base, tokenizer, tmp_path / "out", callback).train().global_step == 2
    assert isinstance(callback.failure, Incomplete)
    assert "lacks what is required, so nothing was sent: base_model.id" in caplog.text
    assert not HfApi(endpoint=local_hub.url, token=local_hub.token).repo_exists("acme/router")


def test_a_run_publishes_itself_and_is_not_published_twice(
    base, tokenizer, tmp_path, from_project, local_hub, monkeypatch, capsys
):
    from hubver.callback import HubverCallback
    from hubver.publish import push

    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    output = tmp_path / "out"
    callback = HubverCallback(push_to="acme/router", version="v2.0.0", message="first")
    trainer = sft_trainer(base, tokenizer, output, callback)
    trainer.train()
    trainer.save_model()
    assert callback.failure is None
    assert (callback.published.version, callback.published.already) == ("v2.0.0", False)
    assert callback.published.run_id == find(output).record.run_id
    line, hint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hubver: ")]
    assert line == f"hubver: published acme/router v2.0.0: {callback.published.url}"
    assert hint.startswith("hubver: The base model was a local folder")
    again = push(output, "acme/router")
    assert (again.already, again.sha) == (True, callback.published.sha)


def test_a_process_that_is_not_the_main_one_records_nothing(tmp_path):
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from hubver.callback import HubverCallback

    arguments = TrainingArguments(output_dir=str(tmp_path / "out"), use_cpu=True, report_to="none")
    state = TrainerState(is_world_process_zero=False)
    callback = HubverCallback()
    callback.on_train_begin(arguments, state, TrainerControl())
    callback.on_train_end(arguments, state, TrainerControl())
    assert not (tmp_path / "out" / "hubver-run.json").exists()


def test_a_record_survives_its_bytes(sft):
    record = completed(sft).record
    assert RunRecord.from_bytes(record.to_bytes()) == record
