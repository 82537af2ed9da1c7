"""What lets a commit into a channel: a verdict on exactly it, by exactly these gates, against exactly what it replaces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hubver.errors import BadInput, GateFailed, NotGated
from hubver.gates_folder import gates_digest
from hubver.hub.events import Change, Judged
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from hubver.hub.events import Release
    from hubver.release.standing import Standing
    from hubver.settings import Settings

# As far as two machines' clocks may be apart.
_SKEW = timedelta(days=1)


def check_override(reason: str | None, settings: Settings) -> str | None:
    """The reason for going without a verdict, as the ledger may keep it for ever.

    Raises:
        BadInput: it says nothing.
        NotGated: the channel takes none.
    """
    if reason is None:
        return None
    if not reason.strip():
        raise BadInput("An override needs a reason, which the ledger keeps.", hint="Give one: --override REASON")
    if not settings.rules.overrides:
        raise NotGated(
            f"{settings.channel} takes no overrides: {settings.source or 'the settings'} says overrides = false.",
            hint="Only a passing verdict leads there. Judge the candidate with: hubver gate ORG/NAME@REV",
        )
    return redact(reason)


def check_admitted(standing: Standing, settings: Settings, release: Release) -> None:
    """Refuse what may not go to a channel whatever its verdict.

    Raises:
        NotGated: it is quarantined, or has not been in the channel that comes before.
    """
    if standing.state.is_quarantined(release.sha):
        raise NotGated(
            f"{release} is quarantined, so it goes to no channel.",
            hint=f"See why with: hubver log {standing.repo_id}; lift it with: "
            f"hubver quarantine {standing.repo_id}@{release} --lift",
        )
    before = settings.rules.after
    if before is None:
        return
    now = standing.state.release(before)
    if now is not None and now.sha == release.sha:
        return
    if any(event.channel == before and event.release.sha == release.sha for _, event in standing.events(Change)):
        return
    raise NotGated(
        f"{release} has never been in {before}, and {settings.channel} takes only what comes from there.",
        hint=f"Promote it there first: hubver promote {standing.repo_id}@{release} --to {before}",
    )


def check_not_astray(standing: Standing, channel: str, release: Release) -> None:
    """Refuse to take for promoted what others put into a channel.

    Raises:
        NotGated: the ledger says that something else is in the channel.
    """
    if standing.astray(channel):
        said = standing.state.release(channel) or "nothing"
        raise NotGated(
            f"{release} is in {channel}, but hubver did not bring it there: the ledger says {said}.",
            hint=f"See what can be done about it: hubver doctor {standing.repo_id}",
        )


def binding_verdict(
    standing: Standing, settings: Settings, asked: str, *, release: Release, previous: Release | None, override: bool
) -> str | None:
    """The ledger commit of the newest verdict that counts.

    Args:
        asked: the revision as the user named it, for the hint.
        previous: what the channel has now; None where it has nothing.
        override: whether it may go there without; then any verdict on the pair will do, and none as well.

    Returns:
        None where there is none and none is needed.

    Raises:
        NotGated: there is none, or it is too old, or by other gates.
        GateFailed: it is not a pass.
        BadDocument: a newer event cannot be read, and could be a verdict.
    """
    baseline = previous.sha if previous else None
    bar = _Bar.of(settings, f"{standing.repo_id}@{asked}")
    against_another: Judged | None = None
    for_another: Judged | None = None
    for entry in standing.entries() if override or settings.rules.gated else ():
        event = entry.event
        if entry.unreadable is not None and not override:
            raise entry.unreadable
        if not isinstance(event, Judged) or event.candidate.sha != release.sha:
            continue
        if (event.baseline.sha if event.baseline else None) != baseline:
            against_another = against_another or event
        elif override or bar.is_for_here(event):
            if not override:
                bar.check(event, release)
            return entry.sha
        else:
            for_another = for_another or event
    if override or not settings.rules.gated:
        return None
    raise bar.nothing_binds(release, previous, for_another, against_another)


@dataclass(frozen=True)
class _Bar:
    """What a verdict must be to count for a channel.

    Attributes:
        gates: the digest of the folder of gates here; None where there is none. Whoever promotes from elsewhere takes
            the ledger's word for the gates, and then only for verdicts that were given for this very channel.
        gate: the command that judges the candidate for the channel.
    """

    settings: Settings
    gates: str | None
    gate: str

    @classmethod
    def of(cls, settings: Settings, candidate: str) -> _Bar:
        folder = settings.gates_directory
        channel = f" --channel {settings.acting_on}" if settings.acting_on else ""
        return cls(settings, gates_digest(folder) if folder.is_dir() else None, f"hubver gate {candidate}{channel}")

    def is_for_here(self, verdict: Judged) -> bool:
        """Whether it was given for this channel, or for another by the very same gates and tasks."""
        if (verdict.channel or self.settings.production) == self.settings.channel:
            return True
        return verdict.gates_digest == self.gates and verdict.tasks_digest == self.settings.tasks_digest

    def check(self, verdict: Judged, release: Release) -> None:
        """Refuse a verdict that is no pass, is too old, or is by other gates or tasks."""
        settings = self.settings
        if verdict.outcome != "pass":
            raise GateFailed(
                f"The gate's verdict on {release} is {verdict.outcome}, so it does not go to {settings.channel}.",
                found="; ".join(verdict.reasons[:3]) or None,
                hint=f"Read the report, or judge it again with: {self.gate}",
            )
        if verdict.at - datetime.now(timezone.utc) > _SKEW:
            raise NotGated(
                f"The verdict on {release} is dated in the future, so nobody can tell when it expires.",
                found=f"{verdict.at:%Y-%m-%d}",
                hint=f"Judge it again, on a machine whose clock is right, with: {self.gate}",
            )
        days = settings.rules.verdict_days
        if days is not None and datetime.now(timezone.utc) - verdict.at > timedelta(days=days):
            raise NotGated(
                f"The verdict on {release} has expired.",
                expected=f"one of the last {days:g} days",
                found=f"{verdict.at:%Y-%m-%d}",
                hint=f"Judge it again with: {self.gate}",
            )
        if self.gates is None:
            return
        if verdict.gates_digest != self.gates:
            raise NotGated(
                f"{release} was judged by other gates than those in {settings.gates_directory}.",
                expected=f"digest {self.gates[:12]}",
                found=verdict.gates_digest[:12],
                hint=f"Judge it by these with: {self.gate}",
            )
        if verdict.tasks_digest not in (None, settings.tasks_digest):
            raise NotGated(
                f"{release} was judged with other tasks than {settings.source or 'the settings'} declares.",
                expected=f"digest {settings.tasks_digest[:12]}",
                found=str(verdict.tasks_digest)[:12],
                hint=f"Judge it with these: {self.gate}",
            )

    def nothing_binds(
        self, release: Release, previous: Release | None, for_another: Judged | None, against_another: Judged | None
    ) -> NotGated:
        """The error of a candidate that no verdict lets in: by the nearest that there is."""
        channel = self.settings.channel
        if for_another is not None:
            return NotGated(
                f"{release} was judged for {for_another.channel or self.settings.production}, not for {channel}.",
                expected=f"gates {self.gates[:12]}" if self.gates else None,
                found=f"gates {for_another.gates_digest[:12]}" if self.gates else None,
                hint=f"Judge it for {channel} with: {self.gate}",
            )
        if against_another is not None:
            baseline = against_another.baseline
            was = str(baseline) if baseline else f"no {against_another.channel or channel}"
            return NotGated(
                f"{release} was judged against {was}, but {previous or 'nothing'} is in {channel} now.",
                hint=f"Judge it against that with: {self.gate}",
            )
        return NotGated(f"There is no verdict on {release} ({release.sha[:8]}).", hint=f"Judge it with: {self.gate}")
