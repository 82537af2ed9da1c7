"""`gate`: judge one revision against what is in production, and say so in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hubver import copies
from hubver.errors import BadDocument, BadInput, HubverError
from hubver.gate.hearing.scores import SCORES_JSON, Scores
from hubver.gate.running import runner
from hubver.gate.running.runner import How
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.contents import is_sha
from hubver.hub.events import Judged, Release, State
from hubver.pins import Pin, pin, version_of
from hubver.settings import Settings
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.gate.hearing.shards import Part
    from hubver.gate.verdict import Verdict
    from hubver.hub.contents import Refs


@dataclass(frozen=True)
class Judgement:
    """A verdict and where it is kept.

    Attributes:
        candidate: what was judged.
        baseline: the production it was compared with; None on a first release.
        ledger_commit: the ledger's commit with the verdict and its report.
        reports: the folder with `gate-report.json`, `.md` and `.html`.
    """

    candidate: Pin
    baseline: Pin | None
    verdict: Verdict
    ledger_commit: str
    reports: Path


def judge(
    text: str,
    *,
    gates: Path | None = None,
    out: Path | None = None,
    how: How = How(),  # noqa: B008 - frozen
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Judgement:
    """Run the gates on exactly one commit, against exactly what is in production, and record the verdict.

    Args:
        text: `ORG/NAME@REVISION`.
        gates: the folder of gates; the settings' own if None.
        out: where the reports go; the working directory if None.
        how: whether to look at every example, and whether to judge by the answers that shards brought.
        settings: the user's own if None.
        progress: told, in one line each, what takes long now, and each gate's result.

    Raises:
        BadInput: there is no folder of gates, the reports cannot be written, or `how` runs one test only.
        BadToken: the token may not write to the repository; known before anything is judged.
        HarnessFailed: the evaluation itself broke, so there is no verdict.
        NotFound, StaleRef, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    if how.only is not None:
        raise BadInput(
            f"The test {how.only!r} alone lets nothing into production, so the ledger does not take its verdict.",
            hint=f"Run all gates with: hubver gate {text}",
        )
    settings = settings or Settings.load()
    Hub.of(settings, Target.parse(text).repo_id).need_token()
    stand = _stand(text, gates, settings)
    reports = out or Path.cwd()
    actor = settings.actor or stand.hub.whoami()
    stand.hub.need_write(stand.candidate.repo_id)
    how = replace(how, remembered=_remembered(stand))
    candidate = _readable(stand.candidate)
    judged = runner.run(settings, candidate, stand.baseline, stand.gates, reports, how=how, progress=progress)
    verdict = judged.verdict

    def event(refs: Refs, state: State) -> Judged:
        return Judged(
            at=datetime.now(timezone.utc),
            actor=actor,
            run_url=settings.run_url,
            state=state,
            candidate=_release(refs, stand.candidate),
            baseline=_release(refs, stand.baseline) if stand.baseline else None,
            channel=settings.channel,
            outcome=verdict.outcome,
            gates_digest=verdict.gates_code.digest,
            tasks_digest=settings.tasks_digest,
            reasons=reasons(verdict),
        )

    try:
        commit = ledger.append(stand.hub, stand.candidate.repo_id, event, judged.reports)
    except HubverError as error:
        kept = f"The verdict is {verdict.outcome} and its reports are in {reports}, but the ledger does not have it."
        error.hint = f"{kept} {error.hint or 'Run the same command again.'}"
        raise
    return Judgement(candidate, stand.baseline, verdict, commit, reports)


def ask_part(
    text: str,
    part: Part,
    *,
    gates: Path | None = None,
    out: Path | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Ask the models about one part of the examples, for `judge(how=How(merge=...))` on whichever machine.

    Args:
        text, gates, settings, progress: as for `judge`.
        part: which part.
        out: where the shard's file goes; the working directory if None.

    Returns:
        The file.

    Raises:
        BadInput, HarnessFailed, NotFound, HubUnreachable, HubFailed: as `judge`. The token need only read, and of
            what everybody may read there need be none: nothing is written.
    """
    settings = settings or Settings.load()
    stand = _stand(text, gates, settings)
    where = out or Path.cwd()
    return runner.run_shard(settings, stand.candidate, stand.baseline, stand.gates, where, part=part, progress=progress)


@dataclass(frozen=True)
class _Stand:
    """Who stands before which gates."""

    hub: Hub
    refs: Refs
    candidate: Pin
    baseline: Pin | None
    gates: Path


def _stand(text: str, gates: Path | None, settings: Settings) -> _Stand:
    folder = gates or settings.gates_directory
    if not folder.is_dir():
        raise BadInput(
            f"There is no folder of gates at {folder}.",
            expected="a folder of pytest files such as test_quality.py",
            hint="Name it with --gates DIR, or with `gates` in hubver.toml",
        )
    target = Target.parse(text, need_revision=True)
    hub = Hub.of(settings, target.repo_id)
    refs = hub.refs(target.repo_id)
    candidate = pin(hub, target.repo_id, target.revision or "", refs, production=settings.production)
    return _Stand(hub, refs, candidate, _baseline(hub, target.repo_id, refs, settings), folder)


def _readable(candidate: Pin) -> Pin:
    """A candidate that was asked for by its commit, by its version if it has one, which does not move either."""
    return (
        replace(candidate, revision=candidate.version)
        if is_sha(candidate.revision) and candidate.version
        else candidate
    )


def _baseline(hub: Hub, repo_id: str, refs: Refs, settings: Settings) -> Pin | None:
    """What the channel has now; None where it has nothing yet."""
    if settings.rules.repo is not None:
        source = copies.running(settings, repo_id)
        now = source.sha if source else None
    else:
        now = refs.branches.get(settings.channel)
    if now is None:
        return None
    found = pin(hub, repo_id, now, refs, production=settings.channel)
    # By its version, or its sha: neither moves while the gate runs, and a report should say which one it was.
    return replace(found, revision=found.version or found.sha)


def _remembered(stand: _Stand) -> bytes | None:
    """What production scored when it was judged itself: then it need not be asked again, nor even be fetched."""
    if stand.baseline is None:
        return None
    found = _evidence(stand, stand.baseline.sha, SCORES_JSON)
    try:
        return None if found is None else Scores.from_bytes(found).to_bytes()
    except BadDocument:
        return None  # of a newer hubver, maybe: production is asked instead


def _evidence(stand: _Stand, sha: str, name: str) -> bytes | None:
    """A file that a commit's verdict, among the newest thousand events, left in the ledger; None where there is none."""
    for entry in islice(ledger.search(stand.hub, stand.candidate.repo_id, stand.refs), ledger.WHOLE_PAGE):
        if isinstance(entry.event, Judged) and entry.event.candidate.sha == sha:
            return stand.hub.read_if_there(stand.candidate.repo_id, entry.sha, name)
    return None


def reasons(verdict: Verdict) -> tuple[str, ...]:
    """Why a verdict is not a pass: the problems, and what each critical gate that did not pass says."""
    critical = (gate for gate in verdict.gates if gate.tier == "critical")
    gates = (gate.reason for gate in critical if gate.outcome in ("fail", "inconclusive"))
    return (*verdict.problems, *gates)


def _release(refs: Refs, pinned: Pin) -> Release:
    return Release(sha=pinned.sha, version=version_of(refs, pinned.sha))
