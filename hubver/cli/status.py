"""`hubver status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, warn

if TYPE_CHECKING:
    from rich.text import Text


@click.command("status")
@click.argument("repo", metavar="ORG/NAME")
@json_option
def command(repo: str, as_json: bool) -> None:
    """Show what is in production, the newest version, and the way back."""
    from hubver.channels import status
    from hubver.target import Target

    found = status(Target.repo(repo))
    if found.note:
        warn(found.note)

    def human() -> Text:
        production = found.production
        points = ", ".join(point.tag for point in found.state.points("production")[:5]) or "none yet"
        lines = [
            "",
            f"  production       {f'{production} ({production.sha[:8]})' if production else 'nothing yet'}",
            f"  newest version   {found.latest or 'none yet'}",
            f"  rollback points  {points}",
        ]
        if found.open_pulls:
            lines.append(f"  in review        {found.open_pulls} open pull request{'s' * (found.open_pulls > 1)}")
        return headed(found.repo_id, "\n".join(lines))

    give(found, as_json, human)
