"""Publish what waits in an output folder: its checkpoints, the best one's tag, and the run's end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver import publish
from hubver.checkpoints import branch
from hubver.checkpoints.spool import Spool
from hubver.errors import AlreadyExists, BadInput, BadToken, HubverError, Incomplete
from hubver.hub.client import Hub
from hubver.record import capture
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from hubver.checkpoints.spool import Kind, Waiting

# What trying again cannot mend; anything else may be the Hub's or the network's, and then waiting helps.
_LASTING = (BadInput, AlreadyExists, Incomplete)


@dataclass(frozen=True)
class Outcome:
    """What became of one entry.

    Attributes:
        name: such as `checkpoint-40`.
        revision: what to load it by: a version, a tag, or the commit's sha.
        already: whether it was on the Hub before.
        failure: why it still waits; None if it does not.
        folder: where it waits.
    """

    kind: Kind
    name: str
    run_id: str
    step: int | None
    repo_id: str | None
    sha: str | None = None
    revision: str | None = None
    url: str | None = None
    already: bool = False
    failure: HubverError | None = None
    folder: str | None = None

    @property
    def lasting(self) -> bool:
        """Whether it failed in a way that trying again cannot mend."""
        return isinstance(self.failure, _LASTING) and not isinstance(self.failure, BadToken)


def finish(
    output: Path,
    repo_id: str | None = None,
    *,
    kinds: Collection[Kind] = ("checkpoint", "best", "final"),
    but: Collection[str] = (),
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Iterator[Outcome]:
    """Publish all that waits, oldest first, each exactly once. Killed anywhere, the same call goes on.

    An entry that can never be published stays, is reported, and does not stop the others. Where the Hub cannot be
    reached, or does not take the token, all that is left stays, and the first of it is reported.

    Args:
        output: the trainer's output folder.
        repo_id: `ORG/NAME`, where the run has not said it.
        kinds: which of them; the others are left waiting.
        but: entries to leave alone, by the folder that their outcome named.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        BadInput: the folder does not exist, or cannot be written.
        BadDocument: an entry cannot be read.

    Yields:
        What became of each, as soon as it is known.
    """
    if not output.is_dir():
        raise BadInput(f"{output} is not a folder.", expected="the output folder of a training run")
    spool = Spool(output)
    if not spool.waiting():
        return
    tell = progress or (lambda _line: None)
    try:
        with spool.publishing(tell):
            doing = _Finishing(spool, repo_id, settings or Settings.load(), tell)
            yield from doing.run(kinds, but)
    except OSError as error:
        raise BadInput(f"{output} cannot be written: {error.strerror or error}.") from error


@dataclass
class _Finishing:
    spool: Spool
    repo_id: str | None
    settings: Settings
    tell: Callable[[str], None]

    def run(self, kinds: Collection[Kind], but: Collection[str]) -> Iterator[Outcome]:
        tried = set(but)
        # Looked up again each time: a training may still be adding to them.
        while (waiting := self._next(kinds, tried)) is not None:
            tried.add(str(waiting.folder))
            outcome = self._one(waiting)
            if outcome.failure is None:
                self.spool.drop(waiting)
            yield outcome
            if outcome.failure is not None and not outcome.lasting:
                return

    def _next(self, kinds: Collection[Kind], tried: Collection[str]) -> Waiting | None:
        for waiting in _without_superseded(self.spool):
            if waiting.entry.kind in kinds and str(waiting.folder) not in tried:
                return waiting
        return None

    def _one(self, waiting: Waiting) -> Outcome:
        entry = waiting.entry
        repo_id = entry.repo_id or self.repo_id
        known = Outcome(entry.kind, entry.name, entry.of_run, entry.step, repo_id, folder=str(waiting.folder))
        try:
            if repo_id is None:
                raise BadInput(
                    "The run did not say where to publish to.",
                    hint=f"Say it: hubver push --pending {self.spool.output} ORG/NAME",
                )
            if self.repo_id not in (None, repo_id):
                raise BadInput(f"The run is to be published to {repo_id}.", found=self.repo_id)
            hub = Hub.of(self.settings, repo_id)
            hub.need_token()
            done = {"checkpoint": self._checkpoint, "best": self._best, "final": self._final}[entry.kind]
            return replace(done(hub, repo_id, waiting, known), folder=None)
        except HubverError as error:
            return replace(known, failure=error)

    def _checkpoint(self, hub: Hub, repo_id: str, waiting: Waiting, known: Outcome) -> Outcome:
        _check_unchanged(waiting)
        self.tell(f"{known.name}: reading and hashing")
        taken = capture.complete(
            waiting.folder,
            repo_id=repo_id,
            version=None,
            message=waiting.entry.message,
            resolve_base=Hub.of(self.settings).resolve,
            now=datetime.now(timezone.utc),
        )
        _check_unchanged(waiting)
        checkpoint = taken.record.training.checkpoint
        if checkpoint is None:
            raise BadInput(f"The record in {waiting.folder} is not that of a checkpoint.")
        sent = branch.send(hub, repo_id, taken, checkpoint, self.tell)
        url = f"{hub.endpoint}/{repo_id}/tree/{sent.sha}"
        return replace(known, sha=sent.sha, revision=sent.sha, url=url, already=sent.already)

    def _best(self, hub: Hub, repo_id: str, waiting: Waiting, known: Outcome) -> Outcome:
        if waiting.entry.step is None:
            raise BadInput(f"{waiting.folder} names no step.", hint=f"To forget it: rm -r {waiting.folder}")
        tag, sha = branch.mark_best(hub, repo_id, waiting.entry.of_run, waiting.entry.step)
        return replace(known, sha=sha, revision=tag, url=f"{hub.endpoint}/{repo_id}/tree/{tag}")

    def _final(self, _hub: Hub, repo_id: str, waiting: Waiting, known: Outcome) -> Outcome:
        _check_unchanged(waiting)
        entry = waiting.entry
        done = publish.push(
            waiting.folder,
            repo_id,
            version=entry.version,
            bump=entry.bump,
            message=entry.message,
            settings=self.settings,
            progress=self.tell,
        )
        return replace(known, sha=done.sha, revision=done.version, url=done.url, already=done.already)


def _without_superseded(spool: Spool) -> list[Waiting]:
    """The entries that count; those that a newer one has made needless are dropped."""
    kept: list[Waiting] = []
    newer: set[str] = set()
    seen: set[tuple[str, str, int | None]] = set()
    for waiting in reversed(spool.waiting()):
        entry = waiting.entry
        same = (entry.of_run, entry.kind, entry.step)
        overtaken = entry.kind == "checkpoint" and entry.keep == "newest" and entry.of_run in newer
        if same in seen or overtaken:
            spool.drop(waiting)
            continue
        seen.add(same)
        if entry.kind == "checkpoint":
            newer.add(entry.of_run)
        kept.append(waiting)
    return kept[::-1]


def _check_unchanged(waiting: Waiting) -> None:
    changed = waiting.changed()
    if changed:
        raise BadInput(
            f"{changed[0]} of {waiting.entry.name} was written over by a later training, so what was saved is gone.",
            hint=f"To forget it: rm -r {waiting.folder}",
        )
