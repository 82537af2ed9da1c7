"""`hubver lock` as a user meets it: what it prints, where, and the exit code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hubver.cli.main import run
from hubver.publish import push
from hubver.release import promote


@pytest.fixture
def cli(repo, output, local_hub, monkeypatch, tmp_path, capsys):
    """Run a command in an application's folder, with v1.0.0 in production on the embedded Hub."""
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "application").mkdir()
    monkeypatch.chdir(tmp_path / "application")
    repo.hub.api.upload_file(path_or_fileobj=b"weights", path_in_repo="model.safetensors", repo_id="acme/base")
    release(repo, output, "v1.0.0")
    capsys.readouterr()

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "hf_" not in out + err, "a token was shown"
        return code, out, err

    return call


def release(repo, output, version: str) -> None:
    done = push(output, repo.repo_id, settings=repo.settings, version=version)
    repo.judge(done.sha)
    promote(f"{repo.repo_id}@{version}", settings=repo.settings)


def test_the_life_of_a_lock_file(cli, repo, tmp_path):
    from outputs import write_adapter

    code, out, _ = cli("lock", "acme/router@production")
    first = repo.refs().branches["production"]
    assert (code, out.splitlines()) == (
        0,
        ["hubver.lock was written", f"  + acme/router  v1.0.0 ({first[:8]}), asked for production"],
    )
    code, out, _ = cli("lock", "acme/router")
    assert (code, out.splitlines()) == (
        0,
        ["hubver.lock says so already, and was not touched", f"  = acme/router  v1.0.0 ({first[:8]})"],
    )
    code, out, err = cli("lock", "--check")
    assert (code, out) == (0, f"hubver.lock holds\n  acme/router  v1.0.0 ({first[:8]})\n")
    assert "checking acme/router (v1.0.0)" in err

    release(repo, write_adapter(tmp_path / "second", seed=1), "v1.1.0")
    second = repo.refs().branches["production"]
    code, out, _ = cli("lock", "--check")
    assert code == 0
    assert f"· production is at v1.1.0 ({second[:8]}) now, locked is v1.0.0 ({first[:8]})" in out
    assert "hubver lock --update" in out
    code, out, _ = cli("lock", "--check", "--current")
    assert (code, "hubver.lock does not hold" in out, "✗ production is at v1.1.0" in out) == (1, True, True)
    code, out, _ = cli("lock", "--update")
    assert f"↑ acme/router  v1.0.0 ({first[:8]}) → v1.1.0 ({second[:8]}), same base" in out
    assert cli("lock", "--check", "--current")[0] == 0

    repo.hub.api.delete_tag("acme/router", tag="v1.1.0")
    code, out, _ = cli("lock", "--check")
    assert (code, f"✗ tag v1.1.0: it is gone (expected {second}, found no such tag)" in out) == (1, True)
    code, out, _ = cli("lock", "--remove", "acme/router")
    assert (code, "- acme/router" in out) == (0, True)


def test_machines_are_told_the_same(cli, repo):
    code, out, _ = cli("lock", "acme/router", "--json", "--file", "models.lock")
    sha = repo.refs().branches["production"]
    (change,) = json.loads(out)["changes"]
    assert (code, change["repo_id"], change["before"], change["base_changed"]) == (0, "acme/router", None, False)
    assert change["after"] == {"sha": sha, "version": "v1.0.0"}
    assert json.loads(out)["file"] == "models.lock"
    code, out, _ = cli("lock", "--check", "--json", "--file", "models.lock")
    said = json.loads(out)
    assert (code, said["passed"]) == (0, True)
    assert said["models"] == [{"repo_id": "acme/router", "sha": sha, "version": "v1.0.0", "faults": [], "moved": None}]
    code, out, _ = cli("resolve", "--lock", "models.lock", "--json")
    assert (code, json.loads(out)["sha"]) == (0, sha)
    code, out, _ = cli("resolve", "acme/router", "--lock", "models.lock", "--snippet")
    assert (code, f'revision="{sha}"' in out) == (0, True)


def test_a_check_imports_nothing_heavy(cli):
    cli("lock", "acme/router")
    code = (
        "import sys; from hubver.cli.main import run; assert run(['lock', '--check']) == 0\n"
        "print(sorted({'torch', 'transformers', 'peft', 'numpy', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "No model was named"),
        (["--update", "--check"], "--update and --check are different things"),
        (["--check", "--remove"], "--check and --remove are different things"),
        (["acme/router", "--current"], "--current goes with --check"),
        (["--check", "acme/router"], "name none"),
        (["--check"], "There is no lock file hubver.lock"),
        (["--update"], "There is no lock file hubver.lock"),
        (["--remove", "acme/router"], "There is no lock file hubver.lock"),
        (["acme/router", "--file", "no/hubver.lock"], "There is no folder no"),
    ],
)
def test_what_is_used_wrongly_exits_with_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["lock", *arguments]) == 2
    assert said in capsys.readouterr().err
