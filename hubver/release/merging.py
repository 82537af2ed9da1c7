"""The pull request that a release came from: merged once the release is in its channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.errors import HubverError
from hubver.hub import pulls

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.hub.client import Hub
    from hubver.hub.events import Release

_NAMED = 5


@dataclass(frozen=True)
class Merge:
    """What became of a pull request.

    Attributes:
        merged: whether it was merged now.
        note: what the user should look at: why it was not merged, or where `main` holds other files than the release.
    """

    merged: bool = False
    note: str | None = None


def merge(
    hub: Hub, repo_id: str, release: Release, number: int | None, *, channel: str, tell: Callable[[str], None]
) -> Merge:
    """Merge the pull request of a release, and compare what `main` holds then with the release.

    The channel has moved already, so a failure is only noted. A merge makes another commit, which no channel points to.
    """
    if number is None:
        return Merge()
    tell(f"merging pull request #{number}")
    comment = f"{release} is in {channel} at `{release.sha}`, the commit that the gate judged."
    try:
        if not pulls.merge(hub, repo_id, number, head=release.sha, comment=comment):
            return Merge()
    except HubverError as error:
        return Merge(note=f"Pull request #{number} is not merged: {error}")
    try:
        differing = _differing(hub, repo_id, release)
    except HubverError as error:
        return Merge(merged=True, note=f"Whether main holds what {release} does could not be seen: {error}")
    if not differing:
        return Merge(merged=True)
    named = ", ".join(differing[:_NAMED]) + (" ..." if len(differing) > _NAMED else "")
    return Merge(merged=True, note=f"main now holds other files than {release}: {named}")


def _differing(hub: Hub, repo_id: str, release: Release) -> list[str]:
    """Files that differ between `main` and the release."""
    main, ours = hub.files(repo_id, "main"), hub.files(repo_id, release.sha)
    return sorted(path for path in main.keys() | ours.keys() if main.get(path) != ours.get(path))
