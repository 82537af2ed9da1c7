"""`hubver rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, step

if TYPE_CHECKING:
    from rich.text import Text


@click.command("rollback")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--to", metavar="TAG", help="A rollback tag, or the version it keeps; the newest if left out.")
@click.option("--from", "leaving", metavar="REV", help="Only if this version or sha is there: safe to repeat in CI.")
@click.option("--channel", metavar="NAME", help="A channel of hubver.toml; production if left out.")
@click.option("--quarantine", is_flag=True, help="Keep what is left out of all channels from now on.")
@click.option("--reason", metavar="TEXT", help="Why; the ledger keeps it.")
@json_option
def command(
    repo: str,
    to: str | None,
    leaving: str | None,
    channel: str | None,
    quarantine: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Move production back to a rollback point. Twice goes further back; forward again is a promotion.

    Quarantined versions are passed over.
    """
    from hubver.release import rollback
    from hubver.target import Target

    result = rollback(
        Target.repo(repo),
        channel=channel,
        to=to,
        leaving=leaving,
        quarantine=quarantine,
        reason=reason,
        progress=step,
    )

    def human() -> Text:
        now = f" was in {result.channel} again already" if result.already else f" is in {result.channel} again"
        left = f"  was {result.previous}{', which is quarantined now' if result.quarantined else ''}"
        point = f"; went back to {result.rollback_tag}" if result.rollback_tag else ""
        return headed(result.release, f"{now}: {result.repo_id} at {result.release.sha[:8]}\n{left}{point}")

    give(result, as_json, human)
