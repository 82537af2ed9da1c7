"""What a relay needs to begin, and the files of a Space that runs one."""

from __future__ import annotations

import json

import pytest
import yaml

from hubver import __version__
from hubver.ci.relay import setup
from hubver.cli.main import run
from hubver.errors import BadInput


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HUBVER_WEBHOOK_SECRET", "HUBVER_GITHUB_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_each_model_is_judged_by_one_workflow():
    named = ["acme/a", "acme/b=acme-inc/gates", "acme/a"]
    assert setup.routes(named, "acme/ci") == {"acme/a": "acme/ci", "acme/b": "acme-inc/gates"}
    assert setup.routes(["acme/b=acme-inc/gates"], None) == {"acme/b": "acme-inc/gates"}


@pytest.mark.parametrize(
    ("models", "github"),
    [
        ([], "acme/ci"),
        (["acme/a"], None),
        (["acme/a="], None),
        (["router"], "acme/ci"),
        (["acme/a@v1.0.0"], "acme/ci"),
        (["acme/a/b"], "acme/ci"),
        (["acme/a=ci"], None),
        (["acme/a=acme/.."], None),
        (["acme/a=acme/ci/../../user"], None),
        (["acme/a=https://github.com/acme/ci"], None),
        (["acme/a=acme/ci", "acme/a=acme/other"], None),
    ],
    ids=str,
)
def test_what_names_no_model_or_no_workflow_is_refused(models, github):
    with pytest.raises(BadInput):
        setup.routes(models, github)


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({}, "HUBVER_WEBHOOK_SECRET is not set"),
        ({"HUBVER_WEBHOOK_SECRET": "  "}, "HUBVER_WEBHOOK_SECRET is not set"),
        ({"HUBVER_WEBHOOK_SECRET": "123456789012345"}, "at least 16"),
        ({"HUBVER_WEBHOOK_SECRET": "p\u00e4ssw\u00f6rter-sind-schwer"}, "at least 16"),
        ({"HUBVER_WEBHOOK_SECRET": "1234567890123456"}, "HUBVER_GITHUB_TOKEN"),
    ],
    ids=["none", "blank", "short", "not ASCII", "no token for GitHub"],
)
def test_a_relay_does_not_begin_without_its_secret_and_its_token(environment, word, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(["relay", "--model", "acme/router=acme/ci", "--port", "0"]) == 2
    assert word in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(monkeypatch, capsys):
    import socket

    monkeypatch.setenv("HUBVER_WEBHOOK_SECRET", "1234567890123456")
    monkeypatch.setenv("HUBVER_GITHUB_TOKEN", "token")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["relay", "--model", "acme/router=acme/ci", "--port", port]) == 3
    assert f"port {port}" in capsys.readouterr().err


def test_the_files_of_a_space_are_written_once(tmp_path, capsys):
    write = [
        "relay",
        "--write-space",
        "space",
        "--model",
        "acme/router",
        "--model",
        "acme/b=acme/c",
        "--github",
        "acme/ci",
    ]
    assert run([*write, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == ["Dockerfile", "README.md"]
    docker = (tmp_path / "space" / "Dockerfile").read_text()
    command = json.loads(docker.rpartition("CMD ")[2])
    assert command[:2] == ["hubver", "relay"]
    assert command[2:] == [
        *("--host", "0.0.0.0", "--port", "7860"),
        *("--model", "acme/router=acme/ci", "--model", "acme/b=acme/c"),
    ]
    assert f'"hubver=={__version__}"' in docker
    assert "PATH=/home/user/.local/bin:$PATH" in docker
    readme = (tmp_path / "space" / "README.md").read_text()
    front = yaml.safe_load(readme.split("---")[1])
    assert (front["sdk"], front["app_port"]) == ("docker", 7860)
    assert "`acme/b` → `acme/c`" in readme
    assert run(write) == 0
    said = capsys.readouterr().out
    assert "holds all of it already" in said
    assert "--watch model:acme/router --watch model:acme/b " in said
    (tmp_path / "space" / "README.md").unlink()
    (tmp_path / "space" / "Dockerfile").write_text("mine")
    assert run(write) == 1
    assert "Dockerfile is there already" in capsys.readouterr().err
    assert not (tmp_path / "space" / "README.md").exists()
    assert (tmp_path / "space" / "Dockerfile").read_text() == "mine"
