"""From what an event says to a dispatch on GitHub: the Hub is asked what is so, and the workflow is started once.

Events bear no time and no signature, so one that is sent again, late or by somebody who has seen it, looks like a new
one. It leads to nothing: what has moved on, has been closed or has its verdict is not dispatched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.ci import candidates
from hubver.ci.dispatch import has_verdict, payload_of
from hubver.ci.event import CANDIDATE
from hubver.ci.github import Github
from hubver.ci.relay.memory import Seen
from hubver.ci.rest import Unprocessable
from hubver.errors import BadSettings, GithubFailed, HubFailed
from hubver.hub.client import Hub
from hubver.hub.events import Published

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hubver.ci.relay.webhook import Sighting
    from hubver.ci.waiting import Candidate, Repository
    from hubver.errors import HubverError
    from hubver.hub.contents import Refs
    from hubver.settings import Settings

_MOST_SENT = 10_000


@dataclass(frozen=True)
class Outcome:
    """What became of a sighting.

    Attributes:
        dispatched: whether the workflow was started now.
        reason: which workflow, or why it was not.
    """

    sighting: Sighting
    dispatched: bool
    reason: str

    def __str__(self) -> str:
        return f"{'dispatched' if self.dispatched else 'nothing to do'}: {self.sighting}: {self.reason}"


class Forwarder:
    """Asks one Hub, and dispatches to one GitHub. For one thread.

    Args:
        settings: the Hub, GitHub, and the tokens for both.
        routes: `ORG/NAME` → `OWNER/REPO`, whose workflow judges its candidates.

    Raises:
        BadSettings: there is no token for GitHub.
    """

    def __init__(self, settings: Settings, routes: Mapping[str, str]) -> None:
        if settings.github.token is None:
            raise BadSettings(
                "There is no token for GitHub, so no workflow could be started.",
                hint="Set HUBVER_GITHUB_TOKEN to a fine-grained token with `Contents: write` for these repositories.",
            )
        self.routes = dict(routes)
        self._settings = settings
        self._hub = Hub.of(settings)
        self._github = Github.of(settings.github)
        self._sent: Seen[tuple[str, str]] = Seen(_MOST_SENT)

    def forward(self, sightings: Sequence[Sighting]) -> Iterator[Outcome]:
        """Dispatch those that are candidates waiting for a verdict, one after another.

        Args:
            sightings: of one event, so all of one repository.

        Raises:
            BadToken, NotFound, HubFailed, GithubFailed: the Hub or GitHub refuses or fails (`may_pass`). What was
                yielded before is done, and the whole may be tried again.
        """
        repo_id = sightings[0].repo_id
        repository = candidates.read(self._hub, repo_id, self._settings, sweep=True)
        waiting = {one.revision: one for one in repository.waiting()}
        for sighting in sightings:
            sha = _now_at(repository.refs, sighting.ref)
            if sha is None or sighting.sha not in (None, sha):
                reason = "it is elsewhere now"
            elif (repo_id, sha) in self._sent:
                reason = f"{sha[:8]} was dispatched before"
            elif sha not in waiting:
                reason = "it does not wait for a verdict"
            elif has_verdict(repository, sha, self._settings):
                reason = "it has its verdict"
            else:
                yield self._dispatch(sighting, waiting[sha], _run_id(repository, sha))
                continue
            yield Outcome(sighting, dispatched=False, reason=reason)

    def _dispatch(self, sighting: Sighting, candidate: Candidate, run_id: str | None) -> Outcome:
        github = self.routes[sighting.repo_id]
        payload = payload_of(
            sighting.repo_id,
            candidate.revision,
            version=candidate.version,
            pull_request=candidate.pull_request,
            run_id=run_id,
        )
        self._github.dispatch(github, CANDIDATE, payload)
        self._sent.add((sighting.repo_id, candidate.revision))
        return Outcome(sighting, dispatched=True, reason=f"{github} judges it")


def may_pass(error: HubverError) -> bool:
    """Whether the same may well be done later: nobody refused it, something failed."""
    return isinstance(error, HubFailed | GithubFailed) and not isinstance(error, Unprocessable)


def _run_id(repository: Repository, sha: str) -> str | None:
    """The training run that a commit holds, where a recent event tells."""
    told = (one.run_id for one in repository.events if isinstance(one, Published) and one.release.sha == sha)
    return next(told, None)


def _now_at(refs: Refs, ref: str) -> str | None:
    """Where a pull request or a tag is now; None where it is gone."""
    return refs.find(ref) if ref.startswith("refs/pr/") else refs.tags.get(ref.removeprefix("refs/tags/"))
