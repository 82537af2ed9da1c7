"""`promote` to a channel that lives in a repository of its own, for teams whose CI must not be able to touch production.

Verdicts, candidates and pull requests stay where runs are pushed to; reading there is enough. The other repository holds
copies of what was promoted, its channel, its rollback points, and a ledger that names the source of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hubver import copies
from hubver.errors import BadInput, HubverError, NotFound, NotGated, StaleRef
from hubver.hub.client import Hub
from hubver.hub.events import Promoted, Release, Source
from hubver.hub.transport.moves import LEDGER, Move
from hubver.hub.transport.way import move
from hubver.release import binding, candidate, moving, transaction
from hubver.release.candidate import Promotion
from hubver.release.copying import copy
from hubver.release.merging import merge
from hubver.release.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.hub.transport.way import Way
    from hubver.release.candidate import Candidate
    from hubver.settings import Settings


def promote(
    repo_id: str, revision: str, override: str | None, settings: Settings, tell: Callable[[str], None]
) -> Promotion:
    """Copy a candidate to the repository that the channel lives in, and move the channel to the copy.

    Args:
        repo_id: where the candidate is.
        settings: acting on the channel.

    Raises:
        NotFound: there is no such repository: it is not made here, because somebody must say who may see it.
        See `hubver.release.promote` for the others.
    """
    where = settings.rules.repo or ""
    if repo_id == where:
        raise BadInput(
            f"{settings.channel} lives in {where}, which takes copies of another repository only.",
            hint=f"Promote from there, also what was here before: hubver promote ORG/NAME@{revision}",
        )
    work = _Promoting(
        Hub.of(settings, repo_id), Hub.of(settings, where), repo_id, where, revision, override, settings, tell
    )
    try:
        done, found = transaction.change(work.hub, where, settings, work.attempt, tell)
    except NotFound as error:
        if error.fact.startswith(f"{where} "):
            error.hint = f"Make it, and say who may see it: hf repo create {where} --private"
        raise
    return work.complete(done, found) if settings.channel == settings.production else done


@dataclass(frozen=True)
class _Promoting:
    source_hub: Hub
    hub: Hub
    repo_id: str
    where: str
    revision: str
    override: str | None
    settings: Settings
    tell: Callable[[str], None]

    def attempt(self, way: Way, there: Standing) -> tuple[Promotion, Candidate]:
        settings, channel = self.settings, self.settings.channel
        here = Standing(self.source_hub, self.repo_id, self.source_hub.refs(self.repo_id))
        found = candidate.find(here, self.revision, settings)
        source = Source(repo_id=self.repo_id, sha=found.sha)
        previous = there.at(channel)
        running = self._running(there, previous)
        if previous is not None and running == source:
            binding.check_not_astray(there, channel, found.release)
            release = Release(sha=previous.sha, version=found.release.version)
            already = Promotion(self.where, channel, release, previous, None, already=True, source=source)
            return replace(already, pull_request=found.pull_request), found
        binding.check_admitted(here, settings, found.release)
        baseline = Release(sha=running.sha, version=previous.version if previous else None) if running else None
        verdict = binding.binding_verdict(
            here, settings, self.revision, release=found.release, previous=baseline, override=self.override is not None
        )
        release = self._copied(there, source, found.release)
        self._check_unchanged(here)
        self.tell(f"moving {channel} of {self.where} to {release}")
        done = moving.move(
            way,
            there,
            settings,
            release,
            verdict=verdict,
            final_tag=release.version,
            pull_request=found.pull_request,
            override=self.override,
            source=source,
        )
        return done, found

    def complete(self, done: Promotion, found: Candidate) -> Promotion:
        """Tag a candidate's final version and merge its pull request, where it came from. What fails is only noted."""
        notes = []
        if found.final_tag is not None:
            try:
                move(self.source_hub, self.repo_id, [Move(f"refs/tags/{found.final_tag}", None, found.sha)])
            except HubverError as error:
                notes.append(f"{found.sha[:8]} is not tagged {found.final_tag} in {self.repo_id}: {error}")
        merged = merge(
            self.source_hub, self.repo_id, found.release, found.pull_request, channel=done.channel, tell=self.tell
        )
        notes += [merged.note] if merged.note else []
        return replace(done, merged=merged.merged, note=" ".join(notes) or None)

    def _check_unchanged(self, here: Standing) -> None:
        """Copying takes its time, in which somebody may have quarantined the candidate, or a gate refused it.

        Raises:
            StaleRef: something was written to the ledger meanwhile, so all is decided anew; the copy is there by then.
        """
        if self.source_hub.refs(self.repo_id).branches.get(LEDGER) != here.refs.branches.get(LEDGER):
            raise StaleRef(
                f"The ledger of {self.repo_id} moved while {self.revision} was copied.",
                hint="Run the same command again.",
            )

    def _running(self, there: Standing, previous: Release | None) -> Source | None:
        """What the channel has now, by what it is a copy of."""
        if previous is None:
            return None
        found = copies.find(there.entries(), previous.sha)
        if found is None and self.override is not None:
            return None  # somebody answers for going on from what hubver did not bring there
        return copies.checked(found, previous.sha, where=self.where, of_repo=self.repo_id)

    def _copied(self, there: Standing, source: Source, release: Release) -> Release:
        """The release as it will be there: the copy that was promoted before, or one that is made now."""
        made = (event.release.sha for _, event in there.events(Promoted) if event.source == source)
        sha = next(made, None) or copy(self.source_hub, source, self.hub, self.where, name=str(release), tell=self.tell)
        if there.state.is_quarantined(sha):
            raise NotGated(
                f"{release} is quarantined in {self.where}, so it goes to no channel there.",
                hint=f"Lift that with: hubver quarantine {self.where}@{release} --lift",
            )
        tagged = there.refs.tags.get(release.version or "", sha)
        if tagged != sha:
            raise NotGated(f"{release} is another commit in {self.where} already.", expected=sha[:8], found=tagged[:8])
        return Release(sha=sha, version=release.version)
