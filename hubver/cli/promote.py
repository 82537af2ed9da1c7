"""`hubver promote`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, step, warn

if TYPE_CHECKING:
    from rich.text import Text


@click.command("promote")
@click.argument("target", metavar="ORG/NAME@REV")
@click.option("--override", metavar="REASON", help="Promote without a passing verdict; the ledger keeps the reason.")
@click.option("--to", metavar="CHANNEL", help="A channel of hubver.toml; production if left out.")
@json_option
def command(target: str, override: str | None, to: str | None, as_json: bool) -> None:
    """Move production to a revision that passed its gate against what is in production now.

    What production leaves gets a rollback tag, in the same step.
    """
    from hubver.hub import upload_memory
    from hubver.release import promote

    upload_memory.bound()  # a channel in a repository of its own takes a copy
    promotion = promote(target, to=to, override=override, progress=step)
    if promotion.note:
        warn(promotion.note)

    def human() -> Text:
        if promotion.already:
            return headed(promotion.release, f" is in {promotion.channel} already.")
        lines = [f" is in {promotion.channel}: {promotion.repo_id} at {promotion.release.sha[:8]}"]
        if promotion.previous:
            lines.append(f"  was {promotion.previous}, kept as {promotion.rollback_tag}")
            channel = f" --channel {to}" if to else ""
            lines.append(f"Back again: hubver rollback {promotion.repo_id}{channel}")
        if promotion.source:
            lines.insert(1, f"  a copy of {promotion.source.repo_id} at {promotion.source.sha[:8]}")
        if promotion.merged:
            lines.insert(1, f"  pull request #{promotion.pull_request} is merged")
        return headed(promotion.release, "\n".join(lines))

    give(promotion, as_json, human)
