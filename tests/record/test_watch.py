"""A whole run, recorded in a real process that was started in a place with a name of its own."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from hubver.record.observe.functions import functions_of
from hubver.record.schema import RunRecord

pytestmark = pytest.mark.slow

ROWS = [{"prompt": f"ticket {n % 5} :", "completion": f" queue {n % 3}"} for n in range(12)]
TRAIN = '''
import sys

from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from hubver import HubverCallback
from helper import shorten


class Careful(SFTTrainer):
    """A trainer of the user's own."""

    def training_step(self, *arguments, **named):
        return super().training_step(*arguments, **named)


def formatted(row):
    return shorten(row["prompt"] + row["completion"])


def measured(prediction):
    return {"size": float(len(prediction.label_ids))}


base, data, output = (argument.partition("=")[2] or argument for argument in sys.argv[1:4])
trainer = Careful(
    model=AutoModelForCausalLM.from_pretrained(base),
    processing_class=AutoTokenizer.from_pretrained(base),
    args=SFTConfig(
        output_dir=output, max_steps=2, per_device_train_batch_size=2, logging_steps=1, save_strategy="no",
        report_to="none", use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True, max_length=32,
        completion_only_loss=False,
        dataloader_pin_memory=False,
    ),
    train_dataset=load_dataset("json", data_files=data, split="train"),
    formatting_func=formatted,
    compute_metrics=measured,
    peft_config=LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"),
    callbacks=[HubverCallback()],
)
trainer.train()
'''


class Run(NamedTuple):
    """A run that is over: its record, the place it was in, and its project."""

    record: RunRecord
    text: str
    place: Path
    project: Path
    patch: str


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model too small to learn, with a tokenizer that has a chat template, in a folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = ["<pad>", "<eos>", "<unk>", "ticket", "queue", ":", *map(str, range(10))]
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(vocabulary)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{{ eos_token }}{% endfor %}"
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    folder = tmp_path_factory.mktemp("bases") / "tiny"
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **sizes)).save_pretrained(
        folder
    )
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory, base):
    place = tmp_path_factory.mktemp("zaphod-beeblebrox") / "Ärger & söhne 17"
    project, home = place / "tricky project", place / "homes" / "zaphod"
    for folder in (project / "src", project / "data", home):
        folder.mkdir(parents=True)
    model = place / "models" / "tiny"
    model.parent.mkdir()
    model.symlink_to(base, target_is_directory=True)
    (project / "src" / "helper.py").write_text("def shorten(text):\n    return text[:40]\n")
    (project / "data" / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    git(project, "init", "-q", "-b", "main")
    git(project, "remote", "add", "origin", "ssh://zaphod:pa55word@git.example.org/o/p.git")
    git(project, "add", "-A")
    git(project, "-c", "user.name=Zaphod", "-c", "user.email=z@example.org", "commit", "-qm", "start")
    # The script itself is in no commit.
    (project / "src" / "train.py").write_text(TRAIN)
    done = subprocess.run(
        [sys.executable, "src/train.py", str(model), f"--data={project}/data/t.jsonl", str(place / "out put")],
        cwd=project,
        env={
            **os.environ,
            "HOME": str(home),
            "USER": "zaphod",
            "LOGNAME": "zaphod",
            "HF_HOME": str(home / "hf"),
            "XLA_FLAGS": f"--xla_dump_to={home}/dump",
            "PYTHONPATH": os.pathsep.join([str(project / "src"), *filter(None, sys.path)]),
            "PYTHONHASHSEED": "7",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kept = (place / "out put" / "hubver-run.json").read_bytes()
    patch = (place / "out put" / "hubver-run.diff").read_text()
    return Run(RunRecord.from_bytes(kept), kept.decode(), place, project, patch)


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, *arguments], check=True)


def test_nothing_of_the_machine_is_in_the_record_or_in_the_kept_code(run):
    for text in (run.text, run.patch):
        for forbidden in (str(run.place), "zaphod", "Zaphod", "söhne", "tricky", "pa55word", str(Path(sys.prefix))):
            assert forbidden not in text, forbidden
        for name in {platform.node(), getpass.getuser()} - {"root", "localhost"}:
            assert re.search(rf"\b{re.escape(name)}\b", text) is None, name


def test_code(run):
    code = run.record.code
    assert (code.entry_point, code.directory, code.remote) == ("src/train.py", ".", "ssh://git.example.org/o/p.git")
    assert code.argv == ("[elsewhere]/tiny", "--data=data/t.jsonl", "[elsewhere]/out put")
    assert "+class Careful(SFTTrainer):" in run.patch
    assert code.diff_sha256 == hashlib.sha256(run.patch.encode()).hexdigest()


def test_the_base_of_a_folder_is_known_by_its_files(run, base):
    found = {file.path: file.sha256 for file in run.record.base_model.files}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= found.keys()
    for name, digest in found.items():
        assert digest == hashlib.sha256((base / name).read_bytes()).hexdigest()
    assert run.record.base_model.weights_sha256 == found["model.safetensors"]


def test_data_by_its_file_and_its_rows(run):
    (train,) = run.record.data
    (file,) = train.files
    assert (file.path, train.role, train.split, train.rows) == ("data/t.jsonl", "train", "train", len(ROWS))
    assert file.sha256 == hashlib.sha256((run.project / "data" / "t.jsonl").read_bytes()).hexdigest()
    assert train.content_sha256
    assert train.streaming is False


def test_the_user_s_functions(run):
    found = {(function.role, function.name): function.source_sha256 for function in run.record.training.functions}
    formatting = 'def formatted(row):\n    return shorten(row["prompt"] + row["completion"])\n'
    assert found["formatting", "__main__.formatted"] == hashlib.sha256(formatting.encode()).hexdigest()
    assert found["metrics", "__main__.measured"]
    assert found["trainer", "__main__.Careful"]
    assert any(role == "collator" for role, _ in found)


def test_tokenizer(run):
    tokenizer = run.record.tokenizer
    assert tokenizer.sample == "What is 2 + 2?<eos>4<eos>"
    assert tokenizer.sample_sha256 == hashlib.sha256(tokenizer.sample.encode()).hexdigest()
    assert tokenizer.padding_side in {"left", "right"}
    assert tokenizer.model_max_length is None


def test_resources_of_a_run_on_a_processor(run):
    cost = run.record.training.resources
    assert cost.wall_seconds > 0
    assert cost.peak_memory_bytes > 1 << 20
    assert cost.tokens > 0
    assert cost.tokens_per_second > 0
    assert cost.flops > 0
    assert (cost.accelerator_hours, cost.peak_accelerator_memory_bytes) == (None, None)


def test_environment(run):
    place = run.record.environment
    assert place.variables["PYTHONHASHSEED"] == "7"
    assert place.variables["XLA_FLAGS"] == "--xla_dump_to=~/dump"
    assert place.variables["PYTHONPATH"].split(os.pathsep)[0] == "src"
    assert (place.launcher, place.world_size, place.accelerator) == ("python", 1, "cpu")
    assert place.cpu
    assert place.memory_bytes
    assert place.blas.startswith("torch: ")


def test_what_is_not_known_says_why(run):
    gaps = {gap.field: gap.reason for gap in run.record.gaps}
    assert "src/train.py is not committed" in gaps["code.entry_point"]
    assert "code.argv" in gaps
    assert not any("still being read" in reason for reason in gaps.values())
    assert not any(field.startswith(("training.", "data", "tokenizer")) for field in gaps), gaps


def rewarded(completions, **_columns):
    return [float(len(completion)) for completion in completions]


@pytest.mark.filterwarnings("ignore")  # trl's own, about what it will drop
def test_the_rewards_of_a_reinforcement_learner(base, tmp_path):
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    settings = {"use_cpu": True, "bf16": False, "report_to": "none", "gradient_checkpointing": False}
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(base),
        processing_class=AutoTokenizer.from_pretrained(base),
        args=GRPOConfig(output_dir=str(tmp_path), per_device_train_batch_size=2, num_generations=2, **settings),
        train_dataset=Dataset.from_list([{"prompt": row["prompt"]} for row in ROWS]),
        reward_funcs=[rewarded, lambda completions, **_columns: [0.0] * len(completions)],
    )
    found = [one for one in functions_of(trainer, trainer.model, []) if one.role == "reward"]
    assert [one.name.rpartition(".")[2] for one in found] == ["rewarded", "<lambda>"]
    assert all(one.source_sha256 for one in found)
