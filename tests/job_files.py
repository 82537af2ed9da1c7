"""What a step of a job leaves, read as the runner reads it: its files, and the commands in its log."""

from __future__ import annotations

import re

from workflows.runner.commands import Annotation, Listener
from workflows.runner.masks import Masks


def outputs_of(text: str) -> dict[str, str]:
    """An independent reading of `GITHUB_OUTPUT`, after the runner's own: one line at a time."""
    found, lines = {}, text.split("\n")
    while lines:
        line = lines.pop(0)
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, delimiter = line[:heredoc], line[heredoc + 2 :]
            assert name
            assert delimiter
            value = []
            while (part := lines.pop(0)) != delimiter:
                value.append(part)
            found[name] = "\n".join(value)
        else:
            found[line[:equals]] = line[equals + 1 :]
    return found


def heard(log: str) -> list[Annotation]:
    """The annotations in a step's log; nothing else in it may be a command."""
    annotations: list[Annotation] = []
    masks = Masks()
    listener = Listener(masks, annotations)
    for line in re.split(r"\r\n|\r|\n", log):  # as .NET reads lines
        listener.hear(line)
    assert (listener.outputs, listener.failed, masks.found_in("e")) == ({}, False, False)
    return annotations


def said(log: str, level: str) -> str:
    """What a step's annotations of a level say, a line each."""
    return "\n".join(one.message for one in heard(log) if one.level == level)
