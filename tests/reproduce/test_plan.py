from __future__ import annotations

from datetime import datetime, timezone

import pytest

from hubver.errors import BadInput
from hubver.record.schema import Base, Code, DataSource, Environment, FileEntry, Gap, RunRecord
from hubver.reproduce.plan import Given, plan

SHA = "a" * 40
REMOTE = "https://git.example.org/acme/code.git"
FILE = FileEntry(path="data/rows.jsonl", size=3, sha256="b" * 64)


def record(code: dict | None = None, **parts) -> RunRecord:
    known = {"sha": SHA, "remote": REMOTE, "entry_point": "train.py", "directory": "."}
    return RunRecord(
        run_id="run-1",
        created=datetime(2026, 1, 2, tzinfo=timezone.utc),
        code=Code(**{**known, **(code or {})}),
        **parts,
    )


def command(given: Given | None = None, **code) -> tuple[str, ...]:
    return plan(record(code), None, given or Given()).command


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ({}, ("train.py",)),
        ({"argv": ("--lr", "1")}, ("train.py", "--lr", "1")),
        ({"entry_point": "src/train.py", "directory": "src"}, ("train.py",)),
        ({"entry_point": "src/train.py", "directory": "runs"}, ("../src/train.py",)),
        ({"entry_point": "src/train.py", "directory": None}, ("src/train.py",)),
        ({"module": "pkg.train", "entry_point": "pkg/train.py"}, ("-m", "pkg.train")),
        ({"command": "trl", "entry_point": None, "argv": ("sft",)}, ("sft",)),
        ({"entry_point": "nb.ipynb"}, ("notebook-cells.py",)),
    ],
)
def test_the_command(code, expected):
    assert command(**code) == expected


def test_an_installed_command_is_the_program():
    made = plan(record({"command": "trl", "entry_point": None}), None, Given())
    assert made.program == "trl"
    with pytest.raises(BadInput, match="no name of a program"):
        plan(record({"command": "../../bin/sh"}), None, Given())


def test_what_was_hidden_is_asked_for_by_name():
    argv = ("--api-key", "[redacted]", "--wandb-token=[redacted]", "--lr", "1")
    with pytest.raises(BadInput, match="api-key, wandb-token") as caught:
        command(argv=argv)
    assert "--set api-key=VALUE --set wandb-token=VALUE" in caught.value.hint
    given = Given(values={"api-key": "x", "wandb-token": "y"})
    assert command(given, argv=argv) == ("train.py", "--api-key", "x", "--wandb-token=y", "--lr", "1")


@pytest.mark.parametrize(
    ("argv", "left"),
    [
        (("--push_to_hub", "--lr", "1"), ("--lr", "1")),
        (("--push_to_hub", "True", "--lr", "1"), ("--lr", "1")),
        (("--push-to-hub=true", "--lr", "1"), ("--lr", "1")),
        (("--push_to_hub_token", "x"), ("--push_to_hub_token", "x")),
    ],
)
def test_nothing_is_published_again(argv, left):
    made = plan(record({"argv": argv}), None, Given())
    assert made.command == ("train.py", *left)
    assert bool(made.notes) == (len(left) < len(argv))


@pytest.mark.parametrize("words", ["train.py --lr 2", "python train.py --lr 2", "/usr/bin/python3.11 train.py --lr 2"])
def test_the_user_s_own_command(words):
    assert command(Given(command=words), argv=("--x", "[redacted]")) == ("train.py", "--lr", "2")


def test_several_processes_are_started_by_torchrun():
    ran = Environment(launcher="torchelastic", world_size=2)
    words = plan(record(environment=ran), None, Given()).command
    assert words == ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py")
    with pytest.raises(BadInput, match="8 processes, started by slurm"):
        plan(record(environment=Environment(launcher="slurm", world_size=8)), None, Given())
    assert plan(record(environment=Environment(launcher="slurm", world_size=1)), None, Given()).command == ("train.py",)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ({"sha": None}, "in no repository"),
        ({"entry_point": None}, "which script"),
        ({"remote": None}, "where the code's commit"),
        ({"remote": "code.git"}, "where the code's commit"),
        ({"remote": "ext::sh -c evil"}, "where the code's commit"),
        ({"remote": "--upload-pack=evil"}, "where the code's commit"),
        ({"sha": "main"}, "at no commit"),
        ({"directory": "../.."}, "outside"),
        ({"entry_point": "/etc/passwd"}, "outside"),
    ],
)
def test_what_is_missing_or_amiss_is_said(code, words):
    with pytest.raises(BadInput, match=words) as caught:
        plan(record(code), None, Given())
    assert caught.value.exit_code == 2


def test_another_place_for_the_code():
    assert plan(record({"remote": None}), None, Given(code="/my/clone")).source.remote == "/my/clone"


def test_code_in_no_repository_stands_in_the_difference():
    source = plan(record({"sha": None, "remote": None}), b"diff", Given()).source
    assert (source.remote, source.sha, source.diff) == (None, None, b"diff")


def test_pins():
    base = Base(id="acme/base", sha=SHA)
    data = (
        DataSource(name="acme/rows", hub_id="acme/rows", hub_sha="c" * 40),
        DataSource(name="train", role="train", files=(FILE,)),
        DataSource(name="rows.jsonl", files=(FILE,)),
    )
    made = plan(record(base_model=base, data=data), None, Given())
    assert (made.models, made.datasets) == ({"acme/base": SHA}, {"acme/rows": "c" * 40})
    (local,) = made.data
    assert (local.name, local.names) == ("rows.jsonl", ("train", "rows.jsonl"))
    assert local.is_called("train")
    assert local.is_called("data/rows.jsonl")
    assert not made.base_from_folder
    named = (Gap(field="base_model.id", reason="named by the user; the run loaded it from another place"),)
    assert plan(record(base_model=base, gaps=named), None, Given()).base_from_folder


def test_variables():
    variables = {
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "3",
        "HIP_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "MKL_SECRET": "[redacted]",
        "OMP_PLACES": "[elsewhere]/x",
    }
    made = plan(record(environment=Environment(variables=variables, threads=4)), None, Given()).variables
    assert made == {"PYTHONHASHSEED": "0", "HIP_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "4"}
    kept = Environment(variables={"OMP_NUM_THREADS": "8"}, threads=4)
    assert plan(record(environment=kept), None, Given()).variables == {"OMP_NUM_THREADS": "8"}
