"""`hubver prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, json_option, note, step, visible, warn

if TYPE_CHECKING:
    from rich.console import RenderableType


@click.command("prune")
@click.argument("repo", metavar="ORG/NAME")
@click.option(
    "--older-than", default="30d", show_default=True, metavar="AGE", help="What is younger stays: 12h, 30d or 8w."
)
@click.option("--apply", "apply", is_flag=True, help="Delete what is proposed; without it, nothing is changed.")
@json_option
def command(repo: str, older_than: str, apply: bool, as_json: bool) -> None:
    """Propose what may go: old candidates, branches of runs, commits of closed pull requests.

    Never a released version, a rollback point, a channel, what is in review or in quarantine, or the ledger.
    """
    from hubver.retention import age, prune
    from hubver.target import Target

    found = prune(Target.repo(repo), older_than=age(older_than), apply=apply, progress=step)
    for line in found.notes:
        warn(line)

    def human() -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        if not found.removals:
            return f"Nothing in {found.repo_id} is to go."
        table = Table.grid(padding=(0, 2))
        for one in found.removals:
            became = [("deleted" if one.gone else "left, because it moved")] if found.applied else []
            table.add_row(Text(visible(one.name)), Text(one.sha[:8], style="dim"), Text(visible(one.reason)), *became)
        return table

    give(found, as_json, human)
    if found.removals and not found.applied:
        note(f"Nothing was deleted. To delete these: hubver prune {found.repo_id} --older-than {older_than} --apply")
