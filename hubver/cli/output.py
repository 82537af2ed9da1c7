"""What commands print: data on standard output, notes on standard error, and `--json` for machines.

The verbs never print. A command gives its result here once, with the words for people beside it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def note(text: str) -> None:
    """Say something about the work, on standard error."""
    click.echo(text, err=True)


def step(text: str) -> None:
    """Say what is being done now: one dim line on standard error."""
    click.secho(f"  {text}", err=True, dim=True)


def warn(text: str) -> None:
    """Say what the user should look at, on standard error."""
    click.secho(f"warning: {text}", err=True, fg="yellow")


def give(result: object, as_json: bool, human: Callable[[], RenderableType]) -> None:
    """Print a command's result.

    Args:
        result: a dataclass, a document, or what JSON can say.
        as_json: whether the user asked for JSON.
        human: builds what people see, if they are to see it.
    """
    if as_json:
        click.echo(json.dumps(plain(result), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    # Where no terminal says how wide it is (a CI log, a pipe), tables get room.
    width = None if sys.stdout.isatty() else 110
    Console(file=sys.stdout, width=width, highlight=False, soft_wrap=True).print(human())


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
