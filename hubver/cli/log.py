"""`hubver log`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, json_option

if TYPE_CHECKING:
    from rich.console import RenderableType

_MARKS = {"publish": "•", "verdict": "?", "promote": "▲", "rollback": "▼"}


@click.command("log")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--limit", "-n", type=click.IntRange(1, 1000), default=30, show_default=True, help="How many events.")
@json_option
def command(repo: str, limit: int, as_json: bool) -> None:
    """Show what happened, newest first: versions, verdicts, promotions, rollbacks, and who did it."""
    from hubver.hub import ledger
    from hubver.hub.client import Hub
    from hubver.settings import Settings
    from hubver.target import Target

    repo_id = Target.repo(repo)
    hub = Hub.of(Settings.load())
    entries = list(islice(ledger.entries(hub, repo_id, hub.refs(repo_id), page=limit), limit))

    def human() -> RenderableType:
        from rich.table import Table

        if not entries:
            return f"Nothing has happened in {repo_id} yet. Publish a run with: hubver push OUTPUT_DIR {repo_id}"
        table = Table.grid(padding=(0, 2))
        for entry in entries:
            event = entry.event
            if event is None:
                table.add_row("!", "", "", f"{entry.title} [yellow](not written by hubver)[/yellow]", entry.sha[:8])
                continue
            when = event.at.astimezone().strftime("%Y-%m-%d %H:%M")
            table.add_row(_MARKS.get(event.kind, "•"), when, event.actor, entry.title, f"[dim]{entry.sha[:8]}[/dim]")
        return table

    give([{"sha": entry.sha, "title": entry.title, "event": entry.event} for entry in entries], as_json, human)
