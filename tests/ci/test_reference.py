"""docs/reference/ci.md names the commands and outputs that there are."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from hubver.ci.telling import Telling
from hubver.cli import ci

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "ci.md").read_text(encoding="utf-8")
TELLS = {
    "candidates": Telling.found,
    "plan": Telling.planned,
    "judge": Telling.judged,
    "promote": Telling.promoted,
    "rollback": Telling.rolled_back,
}


@pytest.mark.parametrize("name", TELLS)
def test_each_command_s_outputs(name):
    section = re.search(rf"^## `hubver ci {name} .*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)[0]
    documented = re.findall(r"^\| `([a-z-]+)` \|", section.partition("| output |")[2], re.MULTILINE)
    assert documented == re.findall(r'"([a-z-]+)":', inspect.getsource(TELLS[name]))
    assert documented
    help_text = ci.command.commands[name].callback.__doc__
    assert re.findall(r"`([a-z-]+)`", help_text.partition("Sets ")[2]) == documented


def test_every_command_has_a_section():
    assert list(ci.command.commands) == list(TELLS) == re.findall(r"^## `hubver ci (\w+)", PAGE, re.MULTILINE)
