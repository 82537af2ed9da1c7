"""`hubver log`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, json_option, visible

if TYPE_CHECKING:
    from rich.console import RenderableType

_MARKS = {"publish": "•", "verdict": "?", "promote": "▲", "rollback": "▼", "signature": "✎"}


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
        from rich.text import Text

        if not entries:
            return f"Nothing has happened in {repo_id} yet. Publish a run with: hubver push OUTPUT_DIR {repo_id}"
        table = Table.grid(padding=(0, 2))
        # Where the terminal is narrow, the story is what folds: the marks, times and commits stay whole.
        for whole in (True, True, True, False, True):
            table.add_column(no_wrap=whole, overflow="fold")
        for entry in entries:
            event, sha = entry.event, Text(entry.sha[:8], style="dim")
            if event is None:
                title = Text.assemble(visible(entry.title), (" (not written by hubver)", "yellow"))
                table.add_row("!", "", "", title, sha)
                continue
            when = event.at.astimezone().strftime("%Y-%m-%d %H:%M")
            why = getattr(event, "override", None)
            title = Text(visible(" ".join((f"{entry.title}: {why}" if why else entry.title).split())))
            table.add_row(_MARKS.get(event.kind, "•"), when, Text(visible(event.actor)), title, sha)
        return table

    give([{"sha": entry.sha, "title": entry.title, "event": entry.event} for entry in entries], as_json, human)
