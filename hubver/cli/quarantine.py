"""`hubver quarantine`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, warn

if TYPE_CHECKING:
    from rich.text import Text


@click.command("quarantine")
@click.argument("target", metavar="ORG/NAME@REV")
@click.option("--reason", metavar="TEXT", help="Why; the ledger keeps it.")
@click.option("--lift", is_flag=True, help="Let it into channels again.")
@json_option
def command(target: str, reason: str | None, lift: bool, as_json: bool) -> None:
    """Keep a revision out of all channels: it is not promoted, and rollbacks pass it over.

    A channel that it is in stays as it is; `hubver rollback --quarantine` does both.
    """
    from hubver.release import quarantine

    result = quarantine(target, reason=reason, lift=lift)
    if result.running_in and not result.lifted:
        warn(
            f"{result.release} is in {' and '.join(result.running_in)}; hubver rollback {result.repo_id} takes it out."
        )

    def human() -> Text:
        how = "may go to channels again" if result.lifted else "is quarantined: it goes to no channel"
        return headed(result.release, f" {how}{' (as before)' if result.already else ''}: {result.repo_id}")

    give(result, as_json, human)
