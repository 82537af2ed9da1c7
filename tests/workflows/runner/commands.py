"""What a step says to its runner: lines of its output, and files that it appends to.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands, and where that is silent, the
runner's own `ActionCommand.cs` and `FileCommandManager.cs` (github.com/actions/runner).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from workflows.runner.errors import StepFailed

_KNOWN = frozenset(
    [
        "add-mask",
        "add-matcher",
        "add-path",
        "debug",
        "echo",
        "endgroup",
        "error",
        "group",
        "notice",
        "remove-matcher",
        "save-state",
        "set-env",
        "set-output",
        "stop-commands",
        "warning",
    ]
)
# The older form may stand anywhere in a line, the newer only at its beginning, after blanks.
_NEWER = re.compile(r"\s*::(?P<name>[\w-]+)(?: (?P<properties>.*?))?::(?P<data>.*)", re.DOTALL)
_OLDER = re.compile(r"##\[(?P<name>[\w-]+)(?: (?P<properties>[^]]*))?\](?P<data>.*)", re.DOTALL)
_ESCAPES = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%3B", ";"), ("%5D", "]"), ("%25", "%"))


@dataclass(frozen=True)
class Annotation:
    """An error, a warning or a notice, as the page of a run shows it."""

    level: str
    message: str
    title: str = ""
    file: str = ""


@dataclass(frozen=True)
class Command:
    """One command of a line of output."""

    name: str
    data: str
    properties: dict = field(default_factory=dict)


def parse(line):
    """The command in a line, or None."""
    found = _NEWER.match(line)
    separator = ","
    if not found or found["name"].lower() not in _KNOWN:
        found, separator = _OLDER.search(line), ";"
    if not found or found["name"].lower() not in _KNOWN:
        return None
    pairs = (pair.partition("=") for pair in (found["properties"] or "").split(separator) if "=" in pair)
    properties = {name.strip(): _plain(value) for name, _, value in pairs}
    return Command(found["name"].lower(), _plain(found["data"]), properties)


def _plain(text):
    for escaped, character in _ESCAPES:
        text = text.replace(escaped, character)
    return text


class Listener:
    """Hears the commands in the output of one step.

    Attributes:
        outputs: what it set by the commands that are to be files by now, and still work.
        failed: whether it gave a command that is switched off.
    """

    def __init__(self, masks, annotations):
        self.outputs = {}
        self.failed = False
        self._masks = masks
        self._annotations = annotations
        self._stopped = None

    def hear(self, line):
        """What the log shows of a line, or None."""
        if self._stopped:
            if line.strip() == f"::{self._stopped}::":
                self._stopped = None
            return self._masks.hide(line)
        command = parse(line)
        if command is None:
            return self._masks.hide(line)
        if command.name == "add-mask":
            if command.data.strip():
                self._masks.add(command.data)
            return None
        self._obey(command)
        return self._masks.hide(line)

    def _obey(self, command):
        if command.name in {"error", "warning", "notice"}:
            self._say(command.name, command.data, command.properties)
        elif command.name == "stop-commands":
            self._stopped = command.data.strip()
        elif command.name == "set-output":
            self._say("warning", "The `set-output` command is deprecated and will be disabled soon.", {})
            self.outputs[command.properties.get("name", "")] = command.data
        elif command.name in {"set-env", "add-path"}:
            self._say("error", f"The `{command.name}` command is disabled.", {})
            self.failed = True

    def _say(self, level, message, properties):
        hidden = self._masks.hide(message)
        self._annotations.append(Annotation(level, hidden, properties.get("title", ""), properties.get("file", "")))


def read_pairs(path):
    """The names and values in a file such as GITHUB_OUTPUT: `name=value`, or lines between delimiters.

    Raises:
        StepFailed: the file holds something else.
    """
    pairs = {}
    lines = iter(_lines(path))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, value = line[:equals], line[equals + 1 :]
        elif heredoc >= 0:
            name, value = line[:heredoc], _until(line[heredoc + 2 :], lines)
        else:
            raise StepFailed(f"Invalid format '{line}'")
        if not name:
            raise StepFailed(f"Invalid format '{line}'. Name must not be empty")
        pairs[name] = value
    return pairs


def _lines(path):
    return path.read_text(encoding="utf-8-sig").split("\n") if path.exists() else []


def _until(delimiter, lines):
    if not delimiter:
        raise StepFailed("Invalid value. Delimiter must not be empty")
    value = []
    for line in lines:
        if line == delimiter:
            return "\n".join(value)
        value.append(line)
    raise StepFailed(f"Invalid value. Matching delimiter not found '{delimiter}'")
