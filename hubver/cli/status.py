"""`hubver status`."""

from __future__ import annotations

import click

from hubver.cli.output import give, json_option, warn


@click.command("status")
@click.argument("repo", metavar="ORG/NAME")
@json_option
def command(repo: str, as_json: bool) -> None:
    """Show what is in production, the newest version, and the way back."""
    from hubver.release import status
    from hubver.target import Target

    found = status(Target.repo(repo))
    if found.note:
        warn(found.note)

    def human() -> str:
        production = found.production
        points = ", ".join(point.tag for point in found.state.rollback_points[:5]) or "none yet"
        return "\n".join(
            [
                f"[bold]{found.repo_id}[/bold]",
                f"  production       {f'{production} ({production.sha[:8]})' if production else 'nothing yet'}",
                f"  newest version   {found.latest or 'none yet'}",
                f"  rollback points  {points}",
            ]
        )

    give(found, as_json, human)
