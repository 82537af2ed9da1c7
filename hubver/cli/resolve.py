"""`hubver resolve`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option

if TYPE_CHECKING:
    from rich.text import Text


@click.command("resolve")
@click.argument("target", metavar="[ORG/NAME[@REV]]", required=False)
@click.option(
    "--lock",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Say what this lock file pins, without asking the Hub. Without ORG/NAME: its only model.",
)
@click.option("--snippet", is_flag=True, help="Print Python that loads exactly this.")
@json_option
def command(target: str | None, lock: Path | None, snippet: bool, as_json: bool) -> None:
    """Say which commits a revision pins: its own, and its base model's. Without REV: production."""
    from hubver.loading import snippet as python
    from hubver.pins import resolve

    if target is None and lock is None:
        raise click.UsageError("Name a revision, as ORG/NAME@REV, or a lock file.")
    pin = resolve(target, lock=lock)
    if snippet and as_json:
        raise click.UsageError("--snippet prints Python and --json prints JSON: ask for one of them.")
    if snippet:
        # A lock file pins a commit, and its tag may have moved since.
        click.echo(python(replace(pin, version=None) if lock else pin), nl=False)
        return

    def human() -> Text:
        lines = [
            f"@{pin.revision}",
            f"  commit   {pin.sha}",
            f"  version  {pin.version or '-'}",
        ]
        if pin.base_id:
            lines.append(f"  base     {pin.base_id} at {pin.base_revision or 'an unknown commit'}")
        return headed(pin.repo_id, "\n".join(lines))

    give(pin, as_json, human)
