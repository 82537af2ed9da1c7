"""The guide to the doctor does what it says, line by line: its shell is stock git, its commands are hubver's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

from stock_git import Git

from hubver.cli.main import run
from hubver.doctor.findings import Name

TEXT = (Path(__file__).parents[2] / "docs" / "guide" / "doctor.md").read_text(encoding="utf-8")


def test_the_guide_to_the_doctor_does_what_it_says(patient, local_hub, intruder, tmp_path, monkeypatch, capsys):
    git = Git(tmp_path)
    git("clone", "-q", intruder.remote, "clone")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBVER_CACHE", str(tmp_path / "cache"))
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    printed = ""
    for kind, body in re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL):
        if kind == "text" and "✗" in body:
            assert [line for line in body.splitlines() if line not in printed] == []
        for line in body.splitlines() if kind == "bash" else ():
            git(*shlex.split(line)[1:], cwd=tmp_path / "clone")
        for line in body.splitlines() if kind == "console" else ():
            typed, _, told = line.removeprefix("$ ").partition("  # exits with ")
            assert run(shlex.split(typed)[1:]) == int(told or 0), line
            printed = capsys.readouterr().out
    assert patient.repo.refs().branches["production"] == patient.released[0]


def test_the_guide_names_every_finding():
    told = set(re.findall(r"`([a-z]+-[a-z]+)`", TEXT))
    noted = {"ledger-stranger", "ledger-moved-before", "ledger-long", "more", "clock"}
    assert set(get_args(Name)) - noted <= told
