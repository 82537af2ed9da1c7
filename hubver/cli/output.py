"""What commands print: data on standard output, notes on standard error, and `--json` for machines.

The verbs never print. A command gives its result here once, with the words for people beside it.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

_COMMAND = re.compile("^( *):(?=:)", re.MULTILINE)

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def note(text: str) -> None:
    """Say something about the work, on standard error."""
    click.echo(visible(text), err=True)


def step(text: str) -> None:
    """Say what is being done now: one dim line on standard error."""
    click.secho(f"  {visible(text)}", err=True, dim=True)


def warn(text: str) -> None:
    """Say what the user should look at, on standard error."""
    click.secho(f"warning: {visible(text)}", err=True, fg="yellow")


def visible(text: str) -> str:
    """Text that somebody else wrote, such as a reason or a file's name, unable to command whoever shows it.

    It moves no terminal's cursor or colours; and GitHub's runner, which obeys a line that begins with `::`, and what follows
    `##[` in any line, reads `: :` and `# #[` ("Workflow commands" in GitHub's documentation, `ActionCommand.cs`).
    """
    plain = "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)
    return _COMMAND.sub(r"\1: ", plain).replace("##[", "# #[")


def headed(name: object, words: str) -> Text:
    """What a result is about, in bold, and the words that follow it."""
    from rich.text import Text

    return Text.assemble((visible(str(name)), "bold"), visible(words))


def give(result: object, as_json: bool, human: Callable[[], RenderableType]) -> None:
    """Print a command's result.

    Args:
        result: a dataclass, a document, or what JSON can say.
        as_json: whether the user asked for JSON.
        human: builds what people see, if they are to see it. Nothing in it is read as markup, or commands anybody: names
            and reasons are other people's.
    """
    if as_json:
        # In ASCII, so that it arrives whole whatever encoding the reader's end of the pipe has; see `visible` for the rest.
        click.echo(json.dumps(plain(result), indent=2).replace("##[", "#\\u0023["))
        return
    from rich.console import Console

    # Where no terminal says how wide it is (a CI log, a pipe), nothing is folded: an event stays one line for grep.
    width = None if sys.stdout.isatty() else 2000
    console = Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False, soft_wrap=True)
    console.print(_Visible(human()))


@dataclass(frozen=True)
class _Visible:
    """Something to print, each piece of whose text is `visible`; colours are not among the text."""

    inner: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for piece in console.render(self.inner, options):
            yield piece if piece.control else piece._replace(text=visible(piece.text))


def plain(value: Any) -> Any:
    """A result as JSON can say it: dataclasses and documents become objects, times become ISO 8601."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    return value
