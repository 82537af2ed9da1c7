"""`hubver resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option

if TYPE_CHECKING:
    from rich.text import Text


@click.command("resolve")
@click.argument("target", metavar="ORG/NAME[@REV]")
@click.option("--snippet", is_flag=True, help="Print Python that loads exactly this.")
@json_option
def command(target: str, snippet: bool, as_json: bool) -> None:
    """Say which commits a revision pins: its own, and its base model's. Without REV: production."""
    from hubver.loading import snippet as python
    from hubver.pins import resolve

    pin = resolve(target)
    if snippet and as_json:
        raise click.UsageError("--snippet prints Python and --json prints JSON: ask for one of them.")
    if snippet:
        click.echo(python(pin), nl=False)
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
