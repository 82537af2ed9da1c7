from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hubver.record.place import environment, machine, packages, variables


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("OMP_NUM_THREADS", "4", "4"),
        ("MKL_CBWR", "AVX2", "AVX2"),
        ("CUBLAS_WORKSPACE_CONFIG", ":4096:8", ":4096:8"),
        ("CUDA_VISIBLE_DEVICES", "0,1", "0,1"),
        ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True", "expandable_segments:True"),
        ("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1", "1"),
        ("PYTHONHASHSEED", "7", "7"),
        ("NCCL_ALGO", "Ring", "Ring"),
        ("ACCELERATE_MIXED_PRECISION", "bf16", "bf16"),
        ("HF_DATASETS_OFFLINE", "1", "1"),
        ("XLA_FLAGS", "--xla_dump_to=/mnt/alice/dump", "--xla_dump_to=[elsewhere]/dump"),
        # Who trains, where, with what in hand: none of it decides a number.
        ("HF_DATASETS_CACHE", "/mnt/alice", None),
        ("TORCH_HOME", "/mnt/alice", None),
        ("TORCH_LOGS", "dynamo", None),
        ("NCCL_SOCKET_IFNAME", "eth0", None),
        ("TORCHELASTIC_RUN_ID", "7", None),
        ("ACCELERATE_API_KEY", "s3cret-value", None),
        ("HF_TOKEN", "hf_" + "a1B2" * 8, None),
        ("HOME", "/home/alice", None),
        ("USER", "alice", None),
        ("HOSTNAME", "node-17", None),
        ("PATH", "/usr/bin", None),
    ],
)
def test_variables_that_decide_and_those_that_do_not(name, value, kept):
    assert variables.deciding({name: value}) == ({name: kept} if kept is not None else {})


def test_the_python_path_keeps_what_lies_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert variables.deciding({"PYTHONPATH": f"{tmp_path}/src:/opt/alice/lib:lib"}) == {"PYTHONPATH": "src:lib"}
    assert variables.deciding({"PYTHONPATH": "/opt/alice/lib"}) == {}


@pytest.mark.parametrize(
    ("written", "source"),
    [
        pytest.param(
            {"url": "https://me:pass@example.org/o/p", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}},
            f"git+https://example.org/o/p@{'a' * 40}",
            id="git",
        ),
        pytest.param(
            {"url": "https://example.org/o/p", "vcs_info": {"vcs": "git", "commit_id": "b"}, "subdirectory": "sub"},
            "git+https://example.org/o/p@b#subdirectory=sub",
            id="a folder in a repository",
        ),
        pytest.param({"url": "file:///home/alice/p", "dir_info": {"editable": True}}, "editable", id="editable"),
        pytest.param({"url": "file:///home/alice/p", "dir_info": {}}, "folder", id="folder"),
        pytest.param(
            {"url": "https://example.org/p-1.whl", "archive_info": {"hashes": {"sha256": "c" * 64}}},
            f"https://example.org/p-1.whl#sha256={'c' * 64}",
            id="archive",
        ),
        pytest.param(
            {"url": "file:///home/alice/p-1.whl", "archive_info": {}}, "p-1.whl", id="an archive that was here"
        ),
        pytest.param({}, None, id="nothing"),
        pytest.param([], None, id="no object"),
    ],
)
def test_where_a_distribution_came_from(written, source):
    assert packages.source(json.dumps(written)) == source


def test_a_broken_word_on_where_it_came_from_is_none():
    assert packages.source("{") is None


def test_what_is_installed_here():
    installed = packages.installed()
    assert installed.versions["click"]
    assert set(installed.sources) <= set(installed.versions)
    assert "click" not in installed.sources


@pytest.mark.parametrize(
    ("variables_of", "image"),
    [
        ({"CI_JOB_IMAGE": "registry.example.org/o/train@sha256:" + "a" * 64}, None),
        ({"APPTAINER_CONTAINER": "/scratch/alice/train.sif"}, "train.sif"),
    ],
)
def test_the_image_where_the_platform_names_it(variables_of, image):
    (named,) = variables_of.values()
    assert machine.container(variables_of) == (image or named)


def test_the_machine():
    assert machine.cpu()
    assert machine.memory() > 1 << 20


@pytest.mark.parametrize(
    ("mark", "launcher"),
    [
        ({}, "python"),
        ({"TORCHELASTIC_RUN_ID": "7"}, "torchelastic"),
        ({"ACCELERATE_DYNAMO_USE_FULLGRAPH": "False", "TORCHELASTIC_RUN_ID": "7"}, "accelerate"),
        ({"SLURM_STEP_ID": "0"}, "slurm"),
    ],
)
def test_launchers(mark, launcher, monkeypatch):
    for name in ("TORCHELASTIC_RUN_ID", "ACCELERATE_DYNAMO_USE_FULLGRAPH", "SLURM_STEP_ID", "CROSS_SIZE", "PMI_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in mark.items():
        monkeypatch.setenv(name, value)
    assert environment.launcher() == launcher


@pytest.mark.slow
def test_accelerate_s_own_launcher_is_seen(tmp_path):
    pytest.importorskip("accelerate")
    script = tmp_path / "s.py"
    script.write_text("from hubver.record.place import environment\nprint('BY', environment.launcher())\n")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "BY accelerate" in done.stdout, done.stderr
