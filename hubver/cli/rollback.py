"""`hubver rollback`."""

from __future__ import annotations

import click

from hubver.cli.output import give, headed, json_option


@click.command("rollback")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--to", metavar="TAG", help="A rollback tag, or the version it keeps; the newest if left out.")
@click.option("--reason", metavar="TEXT", help="Why; the ledger keeps it.")
@json_option
def command(repo: str, to: str | None, reason: str | None, as_json: bool) -> None:
    """Move production back to a rollback point. Twice goes further back; forward again is a promotion."""
    from hubver.release import rollback
    from hubver.target import Target

    result = rollback(Target.repo(repo), to=to, reason=reason)
    give(
        result,
        as_json,
        lambda: headed(
            result.release,
            f" {'was' if result.already else 'is'} in production again{' already' if result.already else ''}: {result.repo_id} at {result.release.sha[:8]}\n"
            f"  was {result.previous}; went back to {result.rollback_tag}",
        ),
    )
