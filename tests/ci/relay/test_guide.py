"""The guide to the relay does what it says, with the Hub's own command where it names that."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from huggingface_hub import HfApi
from outputs import write_adapter
from relays import GITHUB, GITHUB_TOKEN, Relay, variables
from webhook_events import SECRET

from hubver.cli.main import run

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "relay.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_guide_does_what_it_says(hub, github, tmp_path, monkeypatch, capsys):
    blocks = FENCE.findall(GUIDE.read_text(encoding="utf-8"))
    commands = [line[2:] for kind, body in blocks if kind == "console" for line in body.splitlines()]
    *shell, serve = commands
    assert len(shell) == 6
    assert serve.startswith("hubver relay --port 7860 ")
    (toml,) = [body for kind, body in blocks if kind == "text"]
    assert GITHUB in toml
    (tmp_path / "hubver.toml").write_text(toml)
    write_adapter(tmp_path / "out")
    api = HfApi(endpoint=hub.url, token=hub.token)
    for name in ("acme/base", "acme/router"):
        api.create_repo(name, exist_ok=True)
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="acme/base")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**variables(hub, github), "PATH": path, "HF_HUB_DISABLE_XET": "1"}

    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for command in shell:
        if command.startswith("hubver "):
            assert run(shlex.split(command)[1:]) == 0, command
            continue
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert GITHUB_TOKEN not in "".join(capsys.readouterr())
    assert len(github.taken()) == 1  # the second push says --no-dispatch
    assert {file.rfilename for file in api.space_info("acme/relay").siblings} >= {"Dockerfile", "README.md"}
    (webhook,) = api.list_webhooks()
    assert (webhook.url, webhook.secret) == ("https://acme-relay.hf.space/webhook", SECRET)
    # The port of the guide may be another's here.
    process = subprocess.Popen(
        serve.replace("hubver", f"exec {sys.executable} -m hubver", 1).replace("7860", "0"),
        shell=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    relay = Relay(process)
    assert relay.post(b"", {}, "/healthz", "GET") == (200, {"waiting": 0, "dispatched": 0, "failed": 0})
    assert relay.end()[0] == 0
    process.stderr.close()
