"""`hubver verify`, `hubver sign` and `push --sign` as a user meets them, and the guide's commands one after the other."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from outputs import write_adapter
from tools import needs

from hubver.cli.main import run
from hubver.publish import push

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "verify.md").read_text(encoding="utf-8")
needs_package = pytest.mark.skipif(
    importlib.util.find_spec("model_signing") is None or importlib.util.find_spec("OpenSSL") is None,
    reason="the extra hubver[sign] is not installed",
)


@pytest.fixture
def cli(repo, output, local_hub, monkeypatch, tmp_path, capsys):
    """A published run, and a command line against its Hub."""
    push(output, repo.repo_id, settings=repo.settings)
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


def test_what_is_as_it_was_is_said_with_exit_code_0(cli):
    code, out, _ = cli("verify", "acme/router@v1.0.0")
    assert code == 0
    assert "acme/router@v1.0.0 is as it was published" in out
    code, out, _ = cli("verify", "acme/router@v1.0.0", "--json")
    assert (code, json.loads(out)["passed"], json.loads(out)["findings"]) == (0, True, [])


def test_each_finding_is_a_line_and_the_exit_code_is_1(cli, repo):
    repo.hub.api.delete_tag(repo.repo_id, tag="v1.0.0")
    head = repo.hub.api.upload_file(path_or_fileobj=b"{}", path_in_repo="tokenizer.json", repo_id=repo.repo_id).oid
    repo.hub.api.create_tag(repo.repo_id, tag="v1.0.0", revision=head)
    code, out, _ = cli("verify", "acme/router@v1.0.0")
    assert code == 1
    lines = [line for line in out.splitlines() if line.startswith("  ✗ ")]
    assert len(lines) == 2
    assert all("(expected " in line and ", found " in line for line in lines)
    code, out, _ = cli("verify", "acme/router@v1.0.0", "--json")
    assert (code, [finding["subject"] for finding in json.loads(out)["findings"]]) == (
        1,
        ["tokenizer.json", "tag v1.0.0"],
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["acme/router@v9.9.9"], 2, "v9.9.9"),
        (["acme/router@v1.0.0", "--require-signature"], 2, "nobody's is trusted"),
        (["acme/router@v1.0.0", "--identity", "dev@acme.example"], 2, "only with its provider"),
        (["acme/router@v1.0.0", "--public-key", "a", "--certificate-chain", "b"], 2, "at a time"),
    ],
    ids=["no revision", "nobody trusted", "half an identity", "two kinds of trust"],
)
def test_what_cannot_be_verified_is_a_sentence(cli, arguments, code, words):
    found, _, err = cli("verify", *arguments)
    assert (found, words in err) == (code, True), err


@needs_package
def test_a_password_comes_from_the_environment_and_is_shown_nowhere(cli, keys, tmp_path, monkeypatch):
    private, public = keys("maker", password=b"open sesame")
    folder = write_adapter(tmp_path / "b", seed=1)
    code, _, err = cli("push", folder, "acme/router", "--sign", private)
    assert (code, "HUBVER_SIGN_PASSWORD" in err) == (2, True)
    monkeypatch.setenv("HUBVER_SIGN_PASSWORD", "wrong")
    code, _, err = cli("push", folder, "acme/router", "--sign", private, "--version", "1.1.0")
    assert (code, "cannot be signed with" in err) == (2, True)
    monkeypatch.setenv("HUBVER_SIGN_PASSWORD", "open sesame")
    code, out, err = cli("push", folder, "acme/router", "--sign", private, "--version", "1.1.0")
    assert (code, "sesame" in out + err) == (0, False), err
    code, out, _ = cli("verify", "acme/router@v1.1.0", "--require-signature", "--public-key", public)
    assert (code, "signatures by whom is trusted: 1" in out) == (0, True)


@needs_package
def test_an_encrypted_key_with_a_certificate_is_refused(cli, keys, certificates):
    private, _ = keys("maker", password=b"open sesame")
    _, certificate, _ = certificates("acme")
    code, _, err = cli("sign", "acme/router@v1.0.0", "--key", private, "--certificate", certificate)
    assert (code, "takes no password" in err) == (2, True)


@needs_package
def test_the_guide_s_commands_run_one_after_the_other(cli, repo, tmp_path):
    needs("openssl")
    write_adapter(tmp_path / "out", seed=1)
    repo.hub.api.snapshot_download(repo.repo_id, revision="v1.0.0", local_dir=tmp_path / "copy")
    (openssl, stock) = re.findall(r"^```bash\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    subprocess.run(openssl, shell=True, check=True, cwd=tmp_path, capture_output=True)
    commands = [line[2:] for line in GUIDE.splitlines() if line.startswith("$ hubver")]
    assert len(commands) == 8
    for command in commands:
        arguments = shlex.split(command)[1:]
        if arguments[0] == "push":
            arguments += ["--version", "1.1.0"]
        code, out, err = cli(*arguments)
        assert code == 0, f"{command}\n{out}{err}"
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        f"set -e\n{stock}",
        shell=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PATH": programs},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Verification succeeded" in done.stdout + done.stderr
