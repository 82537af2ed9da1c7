"""What `hubver push` says of telling GitHub of a candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.cli.output import note, warn

if TYPE_CHECKING:
    from hubver.ci.dispatch import Announcement


def tell(announcement: Announcement | None, version: str) -> None:
    """Say on standard error why GitHub was not told, and what to do about it."""
    if announcement is None or announcement.dispatched:
        return
    github = announcement.github
    if announcement.failure is not None:
        warn(f"{github} was not told of {version}: {announcement.failure}")
        note(f"  Its schedule finds {version}; to tell it now: {announcement.repeat}")
    elif announcement.no_token:
        note(f"{github} was not told of {version}: set HUBVER_GITHUB_TOKEN and push again; else its schedule finds it.")
    else:
        note(f"{github} was not told of {version}, which has its verdict already.")


def whose_turn(announcement: Announcement | None, candidate: str) -> str:
    """The last line of a push: who judges the candidate now."""
    if announcement is not None and announcement.dispatched:
        return f"Next: {announcement.github} judges it on GitHub"
    return f"Next: hubver gate {candidate}"
