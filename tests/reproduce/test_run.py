"""The run is a process group of its own, knows no token, and ends with us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from hubver.errors import HarnessFailed
from hubver.reproduce import run
from hubver.reproduce.place import Place


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "place")
    made.lay_out()
    return made


def variables(place, **recorded) -> dict[str, str]:
    return run.environment(place, Path(sys.executable), recorded, "http://127.0.0.1:1")


def test_what_the_run_knows(place, monkeypatch):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "secret-of-mine")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    code = "import json, os, hubver, pathlib; print(json.dumps([dict(os.environ), str(pathlib.Path.home())]))"
    ran = run.run(
        [sys.executable, "-c", code], place.work, variables(place, PYTHONHASHSEED="7"), place.log, lambda _line: None
    )
    assert ran.exit_code == 0, place.log.read_text()
    seen, home = json.loads(place.log.read_text().splitlines()[-1])
    assert "secret-of-mine" not in json.dumps(seen)
    assert home == str(place.home)
    assert {name: seen[name] for name in ("PYTHONHASHSEED", "CUDA_VISIBLE_DEVICES", "HUBVER_REPRODUCING")} == {
        "PYTHONHASHSEED": "7",
        "CUDA_VISIBLE_DEVICES": "0",
        "HUBVER_REPRODUCING": "1",
    }
    assert seen["HF_ENDPOINT"] == "http://127.0.0.1:1"


def test_a_record_does_not_choose_where_the_run_lives(place):
    chosen = variables(place, HOME="/root", HF_HOME="/x", HF_ENDPOINT="http://evil.example.org", HUBVER_REPRODUCING="")
    assert chosen["HOME"] == str(place.home)
    assert chosen["HF_ENDPOINT"] == "http://127.0.0.1:1"
    assert chosen["HUBVER_REPRODUCING"] == "1"


def test_a_program_that_is_not_there(place):
    with pytest.raises(HarnessFailed, match="could not be started"):
        run.run(["/nowhere/trl"], place.work, {}, place.log, print)


def test_the_end_of_what_it_printed(place):
    place.log.write_bytes(b"start\n\r 1%\r 50%\r100% done\n\nHF_TOKEN='hf_abcdefghijklmnopqrst'\nlast\xff\n")
    assert run.last_lines(place.log, 3) == ["100% done", "HF_TOKEN='[redacted]'", "last\ufffd"]


STARTS_A_CHILD = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("pid").write_text(str(child.pid))
time.sleep(600)
"""
WATCHES = """
import sys
from pathlib import Path
from hubver.cli.main import _Terminated, _terminate
import signal
signal.signal(signal.SIGTERM, _terminate)
from hubver.reproduce import run
place = Path(sys.argv[1])
run.run([sys.executable, str(place / "script.py")], place, {"PATH": "/usr/bin"}, place / "log", print)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def waited(until) -> bool:
    deadline = time.monotonic() + 60
    while not until() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(until())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_whole_group_ends_with_us(tmp_path, number):
    (tmp_path / "script.py").write_text(textwrap.dedent(STARTS_A_CHILD), encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", WATCHES, str(tmp_path)], stderr=subprocess.DEVNULL) as watching:
        assert waited(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())
        child = int((tmp_path / "pid").read_text())
        assert alive(child)
        os.kill(watching.pid, number)
        watching.wait(timeout=60)
    assert waited(lambda: not alive(child))
