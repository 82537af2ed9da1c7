"""A training's checkpoints, from the trainer's save to the Hub."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hubver.checkpoints.branch import checkpoint_id
from hubver.checkpoints.publisher import Publisher
from hubver.checkpoints.spool import Entry, Spool, holds_model
from hubver.errors import HubverError
from hubver.record import draft
from hubver.record.schema import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubver.checkpoints.spool import Keep

_log = logging.getLogger("hubver")


class Checkpoints:
    """Sets aside what a trainer saves, and has it published while training goes on. It never breaks training.

    Args:
        output: the trainer's output folder.
        repo_id: where to publish; None to leave all of it waiting for `hubver push --pending`.
        keep: publish all, or skip those that a newer one has overtaken before their turn came.
        say: told what became of each, in one line; called from another thread.
    """

    def __init__(self, output: Path, repo_id: str | None, keep: Keep, say: Callable[[str], None]) -> None:
        self.output = output
        self.publisher = Publisher(output, say) if repo_id is not None else None
        self._repo_id = repo_id
        self._keep: Keep = keep
        self._best: tuple[int, draft.Draft] | None = None

    def saved(self, state: Any, run: draft.Draft) -> None:
        """Set aside the checkpoint that the trainer has just saved.

        Args:
            state: the trainer's.
            run: the draft of the run's record, as of now.
        """
        step = state.global_step
        best = None if state.best_global_step is None else state.best_global_step == step
        own = _of_checkpoint(run, Checkpoint(of_run=run.record.run_id, step=step, epoch=state.epoch, best=best))
        if best:
            self._best = (step, own)
        self._add(step, own, self._keep)

    def ended(self, state: Any, run: draft.Draft) -> None:
        """Ask for the best checkpoint's tag, and for that checkpoint itself where it was skipped."""
        step = state.best_global_step
        if step is None:
            return
        if self._best is not None and self._best[0] == step and not self._is_published(step):
            self._add(step, self._best[1], "all")
        self._try(Entry(kind="best", of_run=run.record.run_id, repo_id=self._repo_id, step=step))

    def _is_published(self, step: int) -> bool:
        outcomes = self.publisher.outcomes if self.publisher is not None else ()
        return any(one["step"] == step and one["failure"] is None for one in outcomes)

    def _add(self, step: int, own: draft.Draft, keep: Keep) -> None:
        folder = self.output / f"checkpoint-{step}"
        if not holds_model(folder):
            _log.warning("%s holds no model in safetensors files, so it is not published.", folder)
            return
        of_run = run_of(own)
        self._try(Entry(kind="checkpoint", of_run=of_run, repo_id=self._repo_id, step=step, keep=keep), folder, own)

    def _try(self, entry: Entry, folder: Path | None = None, record: draft.Draft | None = None) -> None:
        try:
            Spool(self.output).add(entry, folder, record)
        except (OSError, ValueError, HubverError) as error:
            _log.warning("The %s could not be set aside, so it is not published: %s", entry.name, error)
            return
        if self.publisher is not None:
            self.publisher.wake()


def run_of(own: draft.Draft) -> str:
    """The id of the run that a checkpoint's record is of."""
    checkpoint = own.record.training.checkpoint
    return checkpoint.of_run if checkpoint is not None else own.record.run_id


def _of_checkpoint(run: draft.Draft, checkpoint: Checkpoint) -> draft.Draft:
    """The run's draft as that of one checkpoint, which is a run of its own: it has other weights than the run's end."""
    training = run.record.training.model_copy(update={"checkpoint": checkpoint})
    run_id = checkpoint_id(checkpoint.of_run, checkpoint.step)
    return draft.Draft(run.record.model_copy(update={"run_id": run_id, "training": training}), run.diff)
