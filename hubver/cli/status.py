"""`hubver status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, warn

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from hubver.channels import ChannelStatus, Review, Status

_POINTS_SHOWN = 5
_COLUMN = 15


@click.command("status")
@click.argument("repo", metavar="ORG/NAME")
@json_option
def command(repo: str, as_json: bool) -> None:
    """Show what every channel runs and since when, the way back, and what waits in review.

    Where a branch is elsewhere than the ledger says, a warning says so; the exit code is 0 all the same. `hubver doctor`
    is the one that fails.
    """
    from datetime import datetime, timezone

    from hubver.channels import status
    from hubver.target import Target

    found = status(Target.repo(repo))
    for warning in found.warnings:
        warn(warning)
    give(found, as_json, lambda: _page(found, datetime.now(timezone.utc)))


def _page(found: Status, now: datetime) -> Text:
    lines = [""]
    for channel in found.channels:
        lines += _of_channel(channel, now)
    lines.append(_line("newest version", found.latest or "none yet"))
    if found.state.quarantined:
        named = ", ".join(f"{release} ({release.sha[:8]})" for release in found.state.quarantined)
        lines.append(_line("quarantined", named))
    if found.open_pulls:
        lines.append(_line("in review", f"{found.open_pulls} open pull request{'s' * (found.open_pulls > 1)}"))
        lines += [_line("", _of_review(review)) for review in found.reviews]
    return headed(found.repo_id, "\n".join(lines))


def _of_channel(channel: ChannelStatus, now: datetime) -> list[str]:
    from hubver.cli.times import ago, clock

    if channel.release is None:
        return [_line(channel.name, "nothing yet")]
    told = f"{channel.release} ({channel.release.sha[:8]})"
    if channel.since is not None:
        told += f", {ago(channel.since, now)} ({clock(channel.since)})"
    if channel.by is not None:
        told += f", {channel.by.kind} by {channel.by.actor}"
    tags = [point.tag for point in channel.rollback_points]
    way = ", ".join(tags[:_POINTS_SHOWN]) + (" ..." if len(tags) > _POINTS_SHOWN else "")
    return [_line(channel.name, told), _line("", f"way back: {way or 'none yet'}")]


def _of_review(review: Review) -> str:
    verdict = "not judged yet" if review.verdict == "none" else f"verdict {review.verdict}"
    head = "" if review.head is None else f"{review.version or 'no version'} ({review.head[:8]}), "
    return f"#{review.number} {head}{verdict}: {' '.join(review.title.split())}"


def _line(name: str, told: str) -> str:
    return f"  {name.ljust(_COLUMN)}  {told}"
