"""What the process that gates run in is given, and what it cannot get at."""

from __future__ import annotations

import ctypes
import json
import sys

import pytest

from hubver.gate.running import child
from hubver.settings import Settings

SHOWN = "import json, os\nprint('hubver: ' + json.dumps(dict(os.environ)))"
ITS_TOKEN = "import os\nprint('hubver: ' + os.environ.get('HF_TOKEN', 'none').replace('_', '-'))"


def heard(code: str, monkeypatch, environ: dict[str, str]) -> str:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    lines: list[str] = []
    child.run([sys.executable, "-c", code], Settings.load(), lines.append, None)
    return lines[0]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in ("HF_TOKEN", "HF_READ_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("tokens", "given"),
    [
        ({"HF_TOKEN": "hf_write"}, "hf-write"),
        ({"HF_TOKEN": "hf_write", "HF_READ_TOKEN": "hf_read"}, "hf-read"),
        ({"HF_TOKEN": "hf_write", "HF_READ_TOKEN": ""}, "none"),
        ({"HF_READ_TOKEN": "hf_read"}, "hf-read"),
        ({"HF_READ_TOKEN": "hf_read", "HF_OIDC_RESOURCE": "acme/router"}, "hf-read"),
        ({"HF_READ_TOKEN": "", "HF_OIDC_RESOURCE": "acme/router"}, "none"),
        ({}, "none"),
    ],
    ids=lambda value: ",".join(f"{name}={token}" for name, token in value.items()) if isinstance(value, dict) else None,
)
def test_the_token_that_gates_read_with(monkeypatch, tokens, given):
    # The last of the two could not even ask for one: there is no Hub at that address.
    assert heard(ITS_TOKEN, monkeypatch, {"HF_ENDPOINT": "http://127.0.0.1:9", **tokens}) == given


def test_who_reads_as_nobody_finds_no_stored_token(monkeypatch, tmp_path):
    (tmp_path / "token").write_text("hf_stored")
    code = (
        "from huggingface_hub import get_token\nfrom hubver.settings import Settings\n"
        "print(f'hubver: {get_token()} {Settings.load().token}')"
    )
    assert heard(code, monkeypatch, {"HF_READ_TOKEN": ""}) == "None None"


def test_gates_get_nothing_of_a_jobs(monkeypatch):
    kept = {"HUBVER_CACHE": "/cache", "CI": "true", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "0"}
    secrets = (
        *("HUGGING_FACE_HUB_TOKEN", "HUBVER_PRODUCTION_TOKEN", "HUBVER_SIGN_PASSWORD", "HUBVER_WEBHOOK_SECRET"),
        *("GITHUB_TOKEN", "GH_TOKEN", "HUBVER_GITHUB_TOKEN", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT"),
        *("GITHUB_STEP_SUMMARY", "GITHUB_STATE", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_RESULTS_URL", "ACTIONS_CACHE_URL"),
        *("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "RUNNER_TEMP", "HF_OIDC_ID_TOKEN"),
        *("CI_JOB_TOKEN", "CI_REPOSITORY_URL", "CI_REGISTRY_PASSWORD", "PYTEST_ADDOPTS"),
    )
    environ = {**kept, **dict.fromkeys(secrets, "held"), "HF_READ_TOKEN": "hf_read"}
    seen = json.loads(heard(SHOWN, monkeypatch, environ))
    assert {name: seen.get(name) for name in kept} == kept
    assert {name for name in seen if name.upper() in secrets or seen[name] in {"held", "hf_read"}} == set()


@pytest.mark.skipif(sys.platform != "linux", reason="a right of Linux's")
def test_the_process_that_holds_the_token_is_closed_while_gates_run(monkeypatch):
    dumpable = ctypes.CDLL(None).prctl
    seen = []
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    code = "print('hubver: now')"
    child.run([sys.executable, "-c", code], Settings.load(), lambda _: seen.append(dumpable(3, 0, 0, 0, 0)), None)
    assert [*seen, dumpable(3, 0, 0, 0, 0)] == [0, 1]
