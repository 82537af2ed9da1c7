"""What other people wrote is shown as what it is: it commands no terminal, and no runner of GitHub's."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from rich.console import Group
from rich.text import Text
from workflows.runner.commands import parse

from hubver.cli import output
from hubver.gate import policies
from hubver.gate.report import terminal
from hubver.gate.verdict import Counts, GatesCode, Subject, Verdict

HOSTILE = [
    "::add-mask::e",
    "  ::stop-commands::now",
    "harmless\n::set-output name=passed::true\n \t::error::x",
    "a ##[add-mask]e",
    "###[error]x",
    "\x1b[2J\x1b]0;title\x07 \x9b31m",
    "\r::warning::x",
    "\u2028::warning::x\u202e",
]


def verdict(text: str) -> Verdict:
    """A verdict that holds a text wherever a model, a gate or a data set may bring one."""
    wrong = dict.fromkeys(map(str, range(100)), 0.0)
    gate = policies.worst_slice(text, {text: wrong}, minimum=0.8).model_copy(update={"reason": text, "policy": text})
    return Verdict(
        repo_id="acme/router",
        candidate=Subject(revision=text, sha="a" * 40),
        baseline=None,
        outcome="error",
        gates=(gate,),
        problems=(text,),
        counts=Counts(collected=1, passed=0, failed=1, inconclusive=0, not_applicable=0),
        gates_code=GatesCode(digest="c" * 64, commit="d" * 40, dirty=True),
        hubver_version="0.1",
        created="2026-01-01T00:00:00Z",
        duration_seconds=3.25,
    )


def check(said: str) -> None:
    assert [line for line in said.split("\n") if parse(line)] == []
    assert [letter for letter in said if not letter.isprintable() and letter != "\n"] == []


SHAPES = {
    "a verdict": lambda text: Group(terminal(verdict(text)), f"Next: {text}"),
    "a line": lambda text: text,
    "a text": Text,
    "a heading": lambda text: output.headed(text, text),
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_commands_give_commands_nobody(shape, text, capsys):
    output.give({}, as_json=False, human=lambda: shape(text))
    check(capsys.readouterr().out)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_notes_and_json_command_nobody_either(text, capsys):
    @dataclass
    class Result:
        text: str

    for say in (output.note, output.step, output.warn):
        say(text)
    output.give(Result(text), as_json=True, human=str)
    said = capsys.readouterr()
    check(said.err + said.out)
    assert json.loads(said.out) == {"text": text}


def test_colours_and_what_is_no_command_stay(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    words = "gates/test_a.py::test_b: ::x:: # [a] ## [b]"
    output.give({}, as_json=False, human=lambda: Text.assemble(("yes ", "red"), words))
    assert capsys.readouterr().out == f"\x1b[31myes \x1b[0m{words}\n"
