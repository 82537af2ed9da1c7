"""`hubver history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, note, warn

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from hubver.timeline.past import History
    from hubver.timeline.periods import Period


@click.command("history")
@click.argument("repo", metavar="ORG/NAME")
@click.option(
    "--at", "date", metavar="DATE", help="What was there then: 2026-11-01T12:00Z; without a zone, local time."
)
@click.option("--channel", metavar="NAME", help="The channel; production if not given.")
@click.option("--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="How many periods.")
@json_option
def command(repo: str, date: str | None, channel: str | None, limit: int, as_json: bool) -> None:
    """Say what was in production at a time, or from when to when each release was."""
    from datetime import datetime, timezone

    from hubver.timeline.dates import parse
    from hubver.timeline.past import history

    found = history(repo, at=parse(date) if date is not None else None, channel=channel, limit=limit)
    if found.note:
        warn(found.note)
    if found.more:
        note(f"Older ones are shown with --limit above {limit}.")
    give(found, as_json, lambda: _page(found, datetime.now(timezone.utc)))


def _page(found: History, now: datetime) -> Text | str:
    from hubver.cli.times import clock

    if found.at is not None and not found.periods:
        return f"Nothing was in {found.channel} then ({clock(found.at)})."
    if not found.periods:
        return f"Nothing has been in {found.channel} of {found.repo_id} yet."
    lines = [line for period in found.periods for line in _of_period(period, now)]
    if found.at is None:
        return headed(found.repo_id, "\n".join([f" {found.channel}", *lines]))
    (period,) = found.periods
    return headed(period.release, "\n".join([f" was in {found.channel} then ({clock(found.at)})", *lines[1:]]))


def _of_period(period: Period, now: datetime) -> list[str]:
    from hubver.cli.times import clock, span

    until = clock(period.until) if period.until else "now"
    length = span((period.until or now) - period.since)
    by = period.by
    lines = [
        f"  {period.release} ({period.release.sha[:8]})",
        f"    {clock(period.since)} to {until}, {length}",
        f"    {by.title}, by {by.actor} [{by.sha[:8]}]{f', {by.run_url}' if by.run_url else ''}",
    ]
    if period.astray is not None:
        lines.append(f"    before its end somebody moved it to {period.astray} by other means than hubver")
    return lines
