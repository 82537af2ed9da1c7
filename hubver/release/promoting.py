"""`promote`: a candidate goes to a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.hub.client import Hub
from hubver.release import binding, candidate, elsewhere, moving, transaction
from hubver.release.candidate import Promotion
from hubver.release.merging import merge
from hubver.settings import Settings
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.hub.transport.way import Way
    from hubver.release.standing import Standing


def promote(
    text: str,
    *,
    to: str | None = None,
    override: str | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Promotion:
    """Move a channel to a candidate that has a passing verdict against what it replaces.

    A candidate from a pull request is promoted as the commit that was judged. In production it gets its final version
    tag in the same push, and is merged into `main` afterwards; the merge makes another commit, which no channel points
    to. In other channels it stays a candidate.

    Args:
        text: `ORG/NAME@REVISION`.
        to: the channel; production if None. Others are tables of the settings.
        override: promote without a verdict, for this reason, which the ledger keeps.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        NotGated: no verdict binds this commit to what is in the channel now, or it is quarantined.
        GateFailed: the verdict is not a pass.
        StaleRef: the channel moved in between; nothing was changed.
        NotFound, BadInput, BadSettings, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = (settings or Settings.load()).on_channel(to)
    override = binding.check_override(override, settings)
    target = Target.parse(text, need_revision=True)
    tell = progress or (lambda _line: None)
    if settings.rules.repo is not None:
        return elsewhere.promote(target.repo_id, target.revision or "", override, settings, tell)
    hub = Hub.of(settings, target.repo_id)
    work = _Promoting(hub, target.repo_id, target.revision or "", override, settings, tell)
    done = transaction.change(hub, target.repo_id, settings, work.attempt, tell)
    if done.channel != settings.production:
        return done
    found = merge(hub, done.repo_id, done.release, done.pull_request, channel=done.channel, tell=tell)
    return Promotion(**{**vars(done), "merged": found.merged, "note": found.note})


@dataclass(frozen=True)
class _Promoting:
    hub: Hub
    repo_id: str
    revision: str
    override: str | None
    settings: Settings
    tell: Callable[[str], None]

    def attempt(self, way: Way, standing: Standing) -> Promotion:
        settings, channel = self.settings, self.settings.channel
        found = candidate.find(standing, self.revision, settings)
        previous = standing.at(channel)
        sha, release, final_tag, number = found.sha, found.release, found.final_tag, found.pull_request
        if previous is not None and previous.sha == sha:
            binding.check_not_astray(standing, channel, release)
            # The push before may have been its process's last act, with the merge still to be done.
            return Promotion(self.repo_id, channel, release, previous, None, None, number, already=True)
        binding.check_admitted(standing, settings, release)
        verdict = binding.binding_verdict(
            standing, settings, self.revision, release=release, previous=previous, override=self.override is not None
        )
        self.tell(f"moving {channel} to {release}")
        return moving.move(
            way,
            standing,
            settings,
            release,
            verdict=verdict,
            final_tag=final_tag,
            pull_request=number,
            override=self.override,
        )
