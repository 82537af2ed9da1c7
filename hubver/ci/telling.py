"""Tell whoever waits what became of a candidate: by the step's outputs and summary, on the Hub's pull request, and on GitHub.

The verbs have done their work by then, and the ledger has it. So what cannot be told is a warning, and changes nothing.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hubver.ci import unjudged, words
from hubver.ci.github import CommitStatus, Deployment, Github
from hubver.errors import HubverError, InDoubt
from hubver.gate import commenting
from hubver.gate.report import sentence
from hubver.gate.verdict import REPORT_MARKDOWN
from hubver.hub import ledger, pulls
from hubver.hub.client import Hub
from hubver.hub.contents import is_sha
from hubver.hub.events import Judged
from hubver.pins import Pin, record_of, resolve
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubver.ci.candidates import Found
    from hubver.ci.moving import GoingBack, Promoting
    from hubver.ci.plan import Plan
    from hubver.ci.step import Step
    from hubver.ci_settings import GithubSettings
    from hubver.gate.judge import Judgement
    from hubver.settings import Settings

_STATES = {"pass": "success", "fail": "failure", "inconclusive": "failure", "error": "error"}
# `https://host/owner/repo.git`, `ssh://git@host/owner/repo` and `git@host:owner/repo`.
_REMOTE = re.compile(r"(?:[a-z+]+://)?(?:[^@/]*@)?(?P<host>[^:/]+)(?::\d+)?[:/]+(?P<path>.+?)(?:\.git)?/?")


class Telling:
    """Tells of one command's result.

    Args:
        settings: their channel is what the command was about.
        step: of the job.
    """

    def __init__(self, settings: Settings, step: Step) -> None:
        self._settings = settings
        self._step = step

    def found(self, found: Found) -> None:
        """Which candidates there are: `candidates`, a JSON list of `revision`, `version` and `pull_request`."""
        self._step.outputs({"candidates": [vars(one) for one in found.candidates]})
        for note in found.notes:
            self._step.note(note)
        self._step.summarize(words.found(found))

    def planned(self, plan: Plan) -> None:
        """How a candidate is judged."""
        self._step.outputs(
            {
                "candidate": plan.candidate.sha,
                "version": plan.candidate.version,
                "pull-request": plan.pull_request,
                "base": plan.base,
                "shards": list(plan.shards),
                "cache-key": plan.cache_key,
            }
        )
        self._step.summarize(words.planned(plan))

    def judged(self, judgement: Judgement) -> None:
        """A verdict, to everybody."""
        candidate, verdict = judgement.candidate, judgement.verdict
        self._step.outputs(
            {
                "outcome": verdict.outcome,
                "passed": verdict.passed,
                "candidate": candidate.sha,
                "version": candidate.version,
                "ledger-commit": judgement.ledger_commit,
                "baseline": judgement.baseline.sha if judgement.baseline else None,
            }
        )
        self._step.summarize(commenting.text(judgement, self._settings))
        if not verdict.passed:
            self._step.fail(sentence(verdict))
        self._try("on the pull request", lambda: commenting.comment(judgement, self._settings))
        self._try("on the commit", lambda: self._mark(candidate, verdict.outcome, sentence(verdict)))

    def no_verdict(self, target: str, error: HubverError, gates: Path | None) -> None:
        """A gate that came to no verdict, to everybody: nobody should wait for one.

        Args:
            gates: the folder of gates; the settings' own if None.
        """
        self._step.outputs({"outcome": "error", "passed": False})
        said = words.no_verdict(target, error, self._settings.run_url)
        self._step.summarize(said)
        self._step.fail(str(error))
        try:
            candidate = resolve(target, settings=self._settings)
        except HubverError as unknown:
            self._step.warn(f"It is not said in the ledger, on the pull request, nor on the commit: {unknown}")
            return
        self._try("in the ledger", lambda: unjudged.keep(target, error, gates, self._settings))
        self._try("on the pull request", lambda: self._comment(candidate.repo_id, candidate.sha, said))
        self._try("on the commit", lambda: self._mark(candidate, "error", str(error)))

    def promoted(self, target: str, move: Promoting) -> None:
        """A promotion."""
        done, url = move.done, self._url(move.done.repo_id, move.done.release.sha)
        self._step.outputs(
            {
                "promoted": move.ours,
                "version": done.release.version,
                "sha": done.release.sha,
                "model": done.repo_id,
                "previous": str(move.previous) if move.previous else None,
                "previous-sha": move.previous.sha if move.previous else None,
                "rollback-tag": move.rollback_tag,
                "url": url,
            }
        )
        said = words.promoted(move, url, self._settings.run_url)
        self._step.summarize(said)
        if done.note:
            self._step.warn(done.note)
        if not move.ours:
            return
        sha = done.source.sha if done.source else done.release.sha
        self._try("on the pull request", lambda: self._comment(Target.parse(target).repo_id, sha, said, report=True))

    def not_promoted(self, target: str, error: HubverError) -> None:
        """A promotion that was refused, or failed; or one of which nobody can tell."""
        if not isinstance(error, InDoubt):
            self._step.outputs({"promoted": False})
            self.not_done(target, "promoted", error)
            return
        self._step.outputs({"promoted": "unknown"})
        self._step.summarize(words.in_doubt(target, error, self._settings.run_url))
        self._step.fail(f"{error} {error.hint or ''}".rstrip())

    def rolled_back(self, move: GoingBack, reason: str | None) -> None:
        """A rollback: also what runs now, on GitHub's page of the environment."""
        done, url = move.done, self._url(move.done.repo_id, move.done.release.sha)
        self._step.outputs(
            {
                "rolled-back": move.ours,
                "version": done.release.version,
                "sha": done.release.sha,
                "model": done.repo_id,
                "previous": str(done.previous),
                "previous-sha": done.previous.sha,
                "rollback-tag": done.rollback_tag,
                "url": url,
            }
        )
        said = words.rolled_back(move, url, reason, self._settings.run_url)
        self._step.summarize(said)
        self._try("on the pull request", lambda: self._comment(move.left.repo_id, move.left.sha, said, report=True))
        self._try("as a deployment", lambda: self._deploy(move, url))

    def not_rolled_back(self, target: str, error: HubverError) -> None:
        """A rollback that was refused, or failed."""
        self._step.outputs({"rolled-back": False})
        self.not_done(target, "rolled back", error)

    def not_done(self, target: str, doing: str, error: HubverError) -> None:
        """Anything that was refused, or failed: in the summary and as an annotation.

        Args:
            doing: what was not done, such as `judged`.
        """
        self._step.summarize(words.refused(target, doing, error, self._settings.run_url))
        self._step.fail(f"{error} {error.hint or ''}".rstrip())

    # -- the Hub and GitHub -----------------------------------------------------------------------------------------

    def _try(self, where: str, tell: Callable[[], object]) -> None:
        try:
            tell()
        except HubverError as error:
            self._step.warn(f"It is not said {where}: {error} {error.hint or ''}".rstrip())

    def _url(self, repo_id: str, sha: str) -> str:
        return f"{self._settings.endpoint}/{repo_id}/tree/{sha}"

    def _comment(self, repo_id: str, sha: str, said: str, *, report: bool = False) -> None:
        """Put something on the pull request whose head a commit is, in the place of what was there before.

        Args:
            report: whether the report of the newest verdict follows.
        """
        hub = Hub.of(self._settings, repo_id)
        refs = hub.refs(repo_id)
        number = pulls.with_head(refs, sha)
        if number is None:
            return
        if report:
            entries = islice(ledger.search(hub, repo_id, refs), ledger.WHOLE_PAGE)
            ours = (one.sha for one in entries if isinstance(one.event, Judged) and one.event.candidate.sha == sha)
            verdict = next(ours, None)
            found = hub.read_if_there(repo_id, verdict, REPORT_MARKDOWN) if verdict else None
            said = f"{said}\n{found.decode(errors='replace')}" if found else said
        pulls.upsert_comment(hub, repo_id, number, commenting.marker(self._settings), said)

    def _mark(self, candidate: Pin, outcome: str, description: str) -> None:
        """Set a status on the commit that trained a candidate, where that is of this repository; else on this run's."""
        github, settings = self._settings.github, self._settings
        if github.repository is None or github.sha is None:
            return
        to = f" for {settings.acting_on}" if settings.acting_on else ""
        status = CommitStatus(
            _STATES[outcome],  # type: ignore[arg-type]  # the values are states
            f"hubver/gate {candidate.repo_id}{to}",
            description,
            settings.run_url,
        )
        trained = self._trained_on(candidate, github)
        Github.of(github).set_status(github.repository, [*([trained] if trained else []), github.sha], status)

    def _trained_on(self, candidate: Pin, github: GithubSettings) -> str | None:
        """The commit of this GitHub repository that trained a candidate; None where it was another's, or is not known."""
        try:
            code = record_of(Hub.of(self._settings, candidate.repo_id), candidate).code
        except HubverError:
            return None
        # A record is whatever somebody wrote, and what it says becomes a part of an address.
        known = code.sha is not None and is_sha(code.sha) and code.remote is not None
        return code.sha if known and is_repository(code.remote or "", github) else None

    def _deploy(self, move: GoingBack, url: str) -> None:
        github, done = self._settings.github, move.done
        if github.repository is None or github.sha is None:
            return
        Github.of(github).deploy(
            github.repository,
            Deployment(
                sha=github.sha,
                environment=done.channel,
                payload={
                    "model": done.repo_id,
                    "sha": done.release.sha,
                    "version": done.release.version or "",
                    "run": self._settings.run_url or "",
                },
                description=f"{done.repo_id} is back at {done.release}",
                url=url,
                log_url=self._settings.run_url,
                production=done.channel == self._settings.production,
            ),
        )


def is_repository(remote: str, github: GithubSettings) -> bool:
    """Whether an address of git, as a record has it, is that of the workflow's repository."""
    match = _REMOTE.fullmatch(remote.strip())
    if match is None or github.repository is None:
        return False
    there = (match["host"].casefold(), match["path"].casefold())
    return there == ((urlsplit(github.server_url).hostname or "").casefold(), github.repository.casefold())
