"""What a step says, read back as the runner reads it."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from job_files import heard, outputs_of

from hubver.ci import actions
from hubver.ci.step import Step
from hubver.ci_settings import GithubSettings
from hubver.errors import HubverError

HOSTILE = [
    "plain",
    "",
    "two\nlines",
    "ends with a line\n",
    "\r\n windows \r\n",
    "name=value\nother=value",
    "EOF\nevil<<EOF\nowned\nEOF",
    "ghadelimiter_0\nevil=1",
    "::set-output name=evil::1",
    "::stop-commands::now",
    "##[add-mask]e",
    "${{ secrets.HF_TOKEN }} `id` $(id) '\"\\",
    "a: b, c % %0A",
    "\x1b[31mred\x07 \u2028 \udc80 😀",
]


def command_of(line: str) -> tuple[str, dict[str, str], str]:
    """An independent reading of an annotation, after the runner's own."""
    match = re.fullmatch(r"::([a-z]+) ([^:]*)::(.*)", line)
    assert match, line
    properties = dict(pair.split("=", 1) for pair in match[2].split(","))
    return match[1], {name: unquote(value) for name, value in properties.items()}, unquote(match[3])


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_one_output(tmp_path, value):
    step = Step(GithubSettings(output=tmp_path / "output"), pytest.fail)
    step.outputs({"before": "1", "text": value, "after": "2"})
    step.outputs({"later": True, "nothing": None, "list": [{"revision": "a", "number": 3}]})
    found = outputs_of((tmp_path / "output").read_bytes().decode())
    assert found == {
        "before": "1",
        "text": value.replace("\udc80", "?"),
        "after": "2",
        "later": "true",
        "nothing": "",
        "list": '[{"revision":"a","number":3}]',
    }


def test_no_two_steps_use_the_same_delimiter(tmp_path):
    for name in ("one", "two"):
        Step(GithubSettings(output=tmp_path / name), pytest.fail).outputs({"a": "b"})
    one, two = ((tmp_path / name).read_text().splitlines()[0] for name in ("one", "two"))
    assert one != two
    assert len(one.partition("<<")[2]) == 32


@pytest.mark.parametrize("name", ["", "A", "a b", "a=b", "a<<b", "a\nb", "1st"])
def test_what_cannot_be_an_outputs_name(name):
    with pytest.raises(ValueError, match="cannot be an output"):
        actions.output(name, "value", "delimiter")


def test_a_value_that_holds_the_delimiter_is_no_output():
    with pytest.raises(ValueError, match="holds the delimiter"):
        actions.output("name", "a delimiter b", "delimiter")


@pytest.mark.parametrize("text", HOSTILE[:-1], ids=range(len(HOSTILE) - 1))
def test_any_text_is_one_annotation(text):
    line = actions.annotation("warning", text, title=f"title: {text}")
    assert command_of(line) == ("warning", {"title": f"title: {text}"}, text)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_in_the_log_is_no_command(text):
    said = actions.quiet(text)
    assert len(said.splitlines()) <= 1
    assert not said.lstrip().startswith("::")
    assert "##[" not in said


def test_where_no_job_runs_nothing_is_written_and_notes_are_plain():
    said = []
    step = Step(GithubSettings(), said.append)
    step.outputs({"a": "b"})
    step.summarize("# Title")
    step.warn("careful:\n::add-mask::e")
    step.fail("the command says that itself")
    assert said == ["warning: careful: : :add-mask: :e"]


def test_in_a_job_notes_are_annotations():
    said = []
    step = Step(GithubSettings(actions=True), said.append)
    for tell in (step.note, step.warn, step.fail):
        tell("50%\nnext")
    assert [command_of(line)[0] for line in said] == ["notice", "warning", "error"]
    assert {command_of(line)[2] for line in said} == {"50%\nnext"}


def test_from_the_beginning_on_nothing_else_in_the_log_is_a_command():
    log = []
    step = Step(GithubSettings(actions=True), log.append)
    step.begin()
    for text in HOSTILE:
        log += text.splitlines()
        step.warn(f"about {text}")
        log += text.splitlines()
    told = heard("\n".join(line.replace("\udc80", "?") for line in log))
    assert [one.message for one in told] == [f"about {text}".replace("\udc80", "?") for text in HOSTILE]
    tokens = [line for line in log if line.startswith("::stop-commands::") and line != "::stop-commands::now"]
    assert len(set(tokens)) == len(HOSTILE) + 1


def test_a_summary_grows_to_what_github_shows_and_no_further(tmp_path):
    path = tmp_path / "summary"
    step = Step(GithubSettings(step_summary=path), pytest.fail)
    step.summarize("# First")
    row = "| é | 1 |\n"
    step.summarize(row * 200_000)
    step.summarize("no room")
    text = path.read_bytes()
    assert (1 << 20) - 4096 < len(text) <= 1 << 20
    lines = text.decode().splitlines()
    assert lines[0] == "# First"
    assert set(lines[2:-2]) == {row.strip()}
    assert lines[-2:] == ["", "*The rest has no room here; it is in the report.*"]


@pytest.mark.parametrize(
    ("text", "room", "kept"),
    [
        ("short", 5, "short"),
        ("one\ntwo\n" + "x" * 100, 80, "one\ntwo"),
        ("x" * 100, 60, ""),  # one line that has no room: only the note is left
        ("one\n" + "x" * 100, 10, None),  # not even the note has room
        ("x" * 100, -5, None),
    ],
)
def test_where_a_text_is_cut(text, room, kept):
    found = actions.fitted(text, room)
    assert len(found.encode()) <= max(room, 0)
    if kept is None:
        assert found == ""
    elif text == kept:
        assert found == kept
    else:
        assert found == f"{kept}\n\n*The rest has no room here; it is in the report.*\n"


def test_an_output_that_cannot_be_written_is_an_error_and_a_summary_a_warning(tmp_path):
    said = []
    step = Step(GithubSettings(output=tmp_path, step_summary=tmp_path), said.append)
    with pytest.raises(HubverError, match="cannot be written"):
        step.outputs({"a": "b"})
    step.summarize("# Title")
    (line,) = said
    assert line.startswith("warning: The runner's file for what this step says cannot be written.")
