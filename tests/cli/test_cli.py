"""The command line as a user meets it: what it prints, where, and the exit code."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from outputs import write_adapter

from hubver.cli.main import run


@pytest.fixture
def cli(repo, local_hub, monkeypatch, tmp_path, capsys):
    """Run a command against the embedded Hub; returns the exit code, standard output and standard error."""
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "hf_" not in out + err, "a token was shown"
        return code, out, err

    return call


def test_of_many_files_that_stay_home_the_first_are_named(cli, repo, output):
    for number in range(40):
        (output / f"note-{number:02}.md").write_text("mine")
    code, _, err = cli("push", str(output), repo.repo_id)
    assert code == 0
    assert "left out note-00.md" in err
    assert "left out note-39.md" not in err
    assert "more files and folders; --json names them all" in err


def test_a_run_is_pushed_and_the_next_command_is_named(cli, repo, output):
    code, out, err = cli("push", str(output), repo.repo_id, "-m", "first")
    assert code == 0
    assert "v1.0.0 is on the Hub" in out
    assert "Next: hubver gate acme/router@v1.0.0" in out
    assert "left out training_args.bin" in err
    code, out, _ = cli("push", str(output), repo.repo_id)
    assert (code, "v1.0.0 was already on the Hub" in out) == (0, True)


def test_what_is_not_known_is_listed_by_part_with_what_fills_it(cli, repo, output):
    code, out, err = cli("push", str(output), repo.repo_id, "--json")
    assert code == 0
    fields = {gap["field"] for gap in json.loads(out)["gaps"]}
    assert {"base_model.sha", "data", "training.seeds.seed"} <= fields
    lines = err.splitlines()
    listed = lines[lines.index("not known of this run:") + 1 :]
    assert any("data" in line and "this folder holds no hubver-run.json" in line for line in listed)
    assert "    → --data FILE, FOLDER or org/name@COMMIT; several are allowed" in listed
    for field in fields:
        assert any(field in line for line in listed), field


def test_strict_refuses_and_sends_nothing(cli, repo, output):
    before = repo.refs()
    code, out, err = cli("push", str(output), repo.repo_id, "--strict")
    assert (code, out) == (1, "")
    assert "lacks what is required, so nothing was sent: base_model.sha, code.sha, data," in err
    assert "→ --base org/name@COMMIT" in err
    assert "tokenizer" not in err.partition("lacks what is required")[2]
    assert repo.refs() == before


def test_what_the_settings_require_is_refused_until_the_user_says_it(cli, repo, output, tmp_path):
    (tmp_path / "hubver.toml").write_text('[record]\nrequired = ["base_model.sha", "data"]', encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text("{}\n", encoding="utf-8")
    base = f"acme/base@{repo.hub.resolve('acme/base', 'main')}"
    push = ("push", str(output), repo.repo_id)
    assert cli(*push)[0] == 1
    assert cli(*push, "--data", "rows.jsonl")[0] == 1
    code, _, err = cli(*push, "--data", "rows.jsonl", "--data", f"acme/more@{'a' * 40}", "--base", base)
    assert (code, "data:" in err, "base_model.sha" in err) == (0, False, False)
    record = json.loads(repo.hub.read(repo.repo_id, "v1.0.0", "hubver.json"))
    assert [source["name"] for source in record["data"]] == ["rows.jsonl", "acme/more"]


def test_a_requirement_that_nothing_can_meet_is_answered_with_those_that_exist(cli, repo, output, tmp_path):
    (tmp_path / "hubver.toml").write_text('[record]\nrequired = ["sha"]', encoding="utf-8")
    code, _, err = cli("push", str(output), repo.repo_id)
    assert code == 2
    assert "'sha'" in err
    assert "base_model.sha, code, code.sha, data" in err


def test_json_is_all_that_is_on_standard_output(cli, repo, output):
    _, out, _ = cli("push", str(output), repo.repo_id, "--json")
    published = json.loads(out)
    repo.judge(published["sha"])
    _, out, _ = cli("promote", "acme/router@v1.0.0", "--json")
    assert json.loads(out)["release"] == {"sha": published["sha"], "version": "v1.0.0"}
    _, out, _ = cli("status", "acme/router", "--json")
    assert json.loads(out)["production"]["version"] == "v1.0.0"
    _, out, _ = cli("log", "acme/router", "--json")
    assert [entry["event"]["kind"] for entry in json.loads(out)] == ["promote", "verdict", "publish"]
    _, out, _ = cli("resolve", "acme/router", "--json")
    assert json.loads(out)["base_revision"] == repo.hub.resolve("acme/base", "main")


def test_the_way_to_production_and_back(cli, repo, output, tmp_path):
    cli("push", str(output), repo.repo_id)
    cli("push", str(write_adapter(tmp_path / "b", seed=1)), repo.repo_id)
    for version in ("v1.0.0", "v1.1.0"):
        repo.judge(repo.refs().tags[version])
        code, out, _ = cli("promote", f"acme/router@{version}")
        assert (code, f"{version} is in production" in out) == (0, True)
    assert "was v1.0.0, kept as rollback/1-v1.0.0" in out
    code, out, _ = cli("rollback", "acme/router", "--reason", "slow")
    assert (code, "v1.0.0 is in production again" in out) == (0, True)
    _, out, _ = cli("log", "acme/router", "-n", "2")
    assert "rollback v1.1.0 → v1.0.0: slow" in out
    assert len(out.splitlines()) == 2
    _, out, _ = cli("status", "acme/router")
    assert "production       v1.0.0" in out


def test_an_empty_repository(cli):
    assert "Nothing has happened in acme/router yet" in cli("log", "acme/router")[1]
    assert "nothing yet" in cli("status", "acme/router")[1]
    code, _, err = cli("resolve", "acme/router")
    assert (code, "Nothing is in production in acme/router yet" in err) == (2, True)
    code, _, err = cli("rollback", "acme/router")
    assert (code, "Nothing is in production" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["push", "nowhere", "acme/router"], 2, "is not a folder"),
        (["push", ".", "acme/router"], 2, "adapter"),
        (["push", ".", "not a repo"], 2, "does not name a repository"),
        (["push", ".", "acme/router@v1"], 2, "names a revision"),
        (["push", ".", "acme/router", "--version", "two"], 2, "is not a version"),
        (["push", ".", "acme/router", "--bump", "huge"], 2, "--bump"),
        (["promote", "acme/router"], 2, "does not name a revision"),
        (["promote", "acme/router@v9.9.9"], 2, "has no revision 'v9.9.9'"),
        (["promote", "acme/missing@v1.0.0"], 2, "acme/missing does not exist"),
        (["gate", "acme/router@v1.0.0"], 2, "There is no folder of gates"),
        (["gate", "acme/router@v1.0.0", "--gates", "."], 2, "has no revision"),
        (["resolve", "acme/router@nope"], 2, "has no revision 'nope'"),
        (["log", "acme/missing"], 2, "does not exist"),
        (["log", "acme/router", "-n", "0"], 2, "-n"),
        (["frobnicate"], 2, "No such command"),
        (["push"], 2, "Missing argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_wrong_is_said_in_a_sentence(cli, repo, arguments, code, words):
    before = repo.refs()
    found, out, err = cli(*arguments)
    assert (found, out) == (code, "")
    fact = next(line for line in err.splitlines() if not line.startswith("  "))
    assert fact.startswith("hubver: ")
    assert words in fact
    assert repo.refs() == before


@pytest.mark.parametrize(
    "command", [["status", "acme/router"], ["promote", "acme/router@v1"], ["push", "out", "acme/x"]]
)
@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        ("HF_TOKEN", "hf_wrongwrongwrong", 2, "does not accept this token"),
        ("HF_ENDPOINT", "http://127.0.0.1:9", 3, "did not answer"),
    ],
)
def test_a_wrong_token_and_a_hub_that_is_down(cli, output, monkeypatch, command, name, value, code, words):
    monkeypatch.setenv(name, value)
    found, out, err = cli(*command)
    assert (found, out) == (code, "")
    assert words in err


def test_no_token(cli, output, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    code, _, err = cli("push", "out", "acme/router")
    assert (code, "There is no token" in err) == (2, True)
    assert cli("status", "acme/router")[0] == 0  # reading a public repository needs none


def test_no_promotion_without_a_verdict(cli, repo, output):
    cli("push", str(output), repo.repo_id)
    code, _, err = cli("promote", "acme/router@v1.0.0")
    assert (code, "There is no verdict on v1.0.0" in err, "hubver gate acme/router@v1.0.0" in err) == (1, True, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [("gates = [", "not valid TOML"), ('tokn = "x"', "no setting of hubver"), ("production = 'a b'", "'production'")],
)
def test_settings_that_cannot_be_used(cli, tmp_path, text, words):
    (tmp_path / "hubver.toml").write_text(text, encoding="utf-8")
    code, _, err = cli("status", "acme/router")
    assert (code, words in err) == (2, True)


@pytest.mark.parametrize("reason", ["[/nope] [red]hot[/] :smile:", "\x1b[2J\x07bell", '"q" $(id) ${{ x }} `y` é 🎉'])
def test_a_reason_is_shown_as_it_was_written_and_does_nothing(cli, repo, output, reason):
    cli("push", str(output), repo.repo_id)
    assert cli("promote", "acme/router@v1.0.0", "--override", reason)[0] == 0
    code, out, _ = cli("log", "acme/router", "-n", "1")
    shown = reason.replace("\x1b", "\ufffd").replace("\x07", "\ufffd")
    assert (code, f"override): {shown}" in out) == (0, True)
    _, out, _ = cli("log", "acme/router", "-n", "1", "--json")
    assert out.isascii()
    assert json.loads(out)[0]["event"]["override"] == reason


def child(*arguments: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "hubver", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_is_said_in_a_sentence(tmp_path):
    process = child("hub", "serve", "--root", str(tmp_path), "--port", "0")
    assert process.stdout.readline().startswith("export HF_ENDPOINT=")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in out + err


def test_a_reader_that_goes_away_is_no_fault(local_hub, repo):
    process = child("--help")
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait()


def test_a_port_that_is_taken(local_hub, tmp_path):
    port = local_hub.url.rsplit(":", 1)[1]
    process = child("hub", "serve", "--root", str(tmp_path / "other"), "--port", port)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, "cannot listen" in err) == (3, True)


def test_the_served_hub_shows_no_token(tmp_path):
    process = child("hub", "serve", "--root", str(tmp_path), "--port", "0")
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "HF_TOKEN_PATH=" in line:
            break
    process.terminate()
    out, err = process.communicate(timeout=30)
    token = (tmp_path / "token").read_text(encoding="utf-8")
    assert token.startswith("hf_")
    assert token not in "".join(lines) + out + err


@pytest.mark.parametrize(("host", "open_to_others"), [("0.0.0.0", True), ("localhost", False), ("127.0.0.1", False)])
def test_a_hub_that_other_machines_can_reach_says_so(tmp_path, host, open_to_others):
    process = child("hub", "serve", "--root", str(tmp_path), "--port", "0", "--host", host)
    assert process.stdout.readline().startswith("export HF_ENDPOINT=")
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert ("other machines can reach it" in err) == open_to_others


def test_the_help_keeps_its_lines():
    out, _ = child("--help").communicate(timeout=30)
    assert "\\b" not in out
    assert "\n    hubver rollback acme/router         and back, at once\n" in out


def test_no_command_shows_the_help():
    process = child()
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.startswith("Usage: hubver")) == (2, True)


def test_a_disk_that_is_full_is_named():
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "hubver", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert process.returncode == 3
    assert "the system refused (No space left on device)" in process.stderr


def test_output_in_an_encoding_without_the_marks(cli, repo, output):
    cli("push", str(output), repo.repo_id)
    process = child("log", "acme/router", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "\\u2022" in out


def test_a_gate_that_is_terminated_takes_its_child_along(cli, repo, output, tmp_path):
    cli("push", str(output), repo.repo_id)
    gates = tmp_path / "gates"
    gates.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as waiting:
        waiting.settimeout(60)
        (gates / "test_hang.py").write_text(
            "import os, socket\n\n\n"
            "def test_hangs():\n"
            f"    with socket.create_connection({waiting.getsockname()!r}) as parent:\n"
            "        parent.sendall(str(os.getpid()).encode())\n"
            "        parent.recv(1)\n",
            encoding="utf-8",
        )
        process = child("gate", "acme/router@v1.0.0")
        hanging, _ = waiting.accept()
        gate = int(hanging.recv(32))
        process.terminate()
        _, err = process.communicate(timeout=30)
        assert (process.returncode, "ended by SIGTERM" in err) == (143, True)
        with pytest.raises(ProcessLookupError):
            os.kill(gate, 0)
        hanging.close()


def test_what_waits_in_review_is_in_the_status(cli, repo, output):
    cli("push", str(output), repo.repo_id, "--pr")
    assert "in review        1 open pull request" in cli("status", "acme/router")[1]
    repo.hub.api.merge_pull_request("acme/router", 1)
    assert "in review" not in cli("status", "acme/router")[1]


@pytest.mark.slow
def test_a_pass_names_the_next_command_and_a_fail_does_not(road):
    assert "\nNext: hubver promote acme/router@v1.0.0\n" in road.output
    assert "Next: hubver promote acme/router@v1.1.0" not in road.output
