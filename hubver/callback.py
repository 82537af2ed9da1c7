"""`HubverCallback`: watches any transformers or TRL trainer, and leaves the record of the run beside its output.

    trainer = SFTTrainer(..., callbacks=[HubverCallback(push_to="org/router")])

It never breaks training and never makes it wait: what cannot be recorded is a gap in the record, checkpoints are
published by a process of their own, and what could not be published is set aside and reported with the command that
finishes it.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock, Timeout
from transformers import TrainerCallback

from hubver.checkpoints.spool import Entry, Spool, let_go
from hubver.checkpoints.watched import Checkpoints
from hubver.errors import BadInput, HubverError
from hubver.record import draft
from hubver.record.observe import live, watch
from hubver.record.observe.background import Reader
from hubver.record.secrets import redact
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.checkpoints.spool import Waiting
    from hubver.publish import Published
    from hubver.versions import Bump

_log = logging.getLogger("hubver")


class HubverCallback(TrainerCallback):  # type: ignore[misc]  # transformers ships no types to mypy here
    """Record a training run, and publish it at the end if asked.

    Without `push_to` the record waits in the output folder as `hubver-run.json`, where `hubver push` finds it after
    the model was saved. Only the main process acts.

    Args:
        push_to: the repo to publish to, `ORG/NAME`; None to publish later.
        data: what the run was trained on, beyond what the trainer holds: files, folders, `org/name@COMMIT`, datasets.
        base_model: the base's name on the Hub, `org/name` or `org/name@revision`, where training loads it from a
            folder.
        bump: which part of the last version to raise; what changed decides if None.
        version: the version to give it, such as `v1.2.0`; the next one if None.
        message: one line saying what is new.
        checkpoints: which of the trainer's saves to publish, as commits of the branch `runs/<run id>`: none of them;
            the newest that waits whenever the last one has arrived; or all. Without `push_to` they are set aside for
            `hubver push --pending`.
        wait: for how many seconds training's end may wait for checkpoints that are still being published.

    Attributes:
        published: what was published, after training.
        failure: why publishing failed, if it did.
    """

    def __init__(
        self,
        push_to: str | None = None,
        *,
        data: Sequence[Any] = (),
        base_model: str | None = None,
        bump: Bump | None = None,
        version: str | None = None,
        message: str | None = None,
        checkpoints: Literal["none", "newest", "all"] = "none",
        wait: float = 300.0,
    ) -> None:
        if checkpoints not in ("none", "newest", "all"):
            raise BadInput(f"{checkpoints!r} says not which checkpoints to publish.", expected="none, newest or all")
        self.push_to = push_to
        self.data = tuple(data)
        self.base_model = base_model
        self.bump = bump
        self.version = version
        self.message = message
        self.checkpoints = checkpoints
        self.wait = wait
        self.published: Published | None = None
        self.failure: Exception | None = None
        self._reader: Reader | None = None
        self._checkpoints: Checkpoints | None = None
        self._lock: FileLock | None = None
        self._started = 0.0

    def on_train_begin(self, args: Any, state: Any, _control: Any, **kwargs: Any) -> None:
        """Record everything that is known before the first step, so that a killed run has its record too."""
        self._reader = self._checkpoints = None
        self.published = self.failure = None
        if not state.is_world_process_zero or not self._take_lock(Path(args.output_dir)):
            return
        self._started = time.monotonic()
        said = watch.Said(self.data, self.base_model, self.message)
        begun = watch.begin(watch.Held.of_callback(args, state, kwargs), said, watch.utc_now())
        self._reader = Reader(begun, forks=args.dataloader_num_workers > 0)
        self._leave(Path(args.output_dir), args, state, kwargs, finished=False)
        Spool(Path(args.output_dir)).sweep()
        if self.checkpoints != "none" and not _is_reproduced():
            self._checkpoints = Checkpoints(Path(args.output_dir), self.push_to, self.checkpoints, _say)

    def on_save(self, args: Any, state: Any, _control: Any, **kwargs: Any) -> None:
        """Bring the draft up to date, and set the checkpoint aside to be published while training goes on."""
        run = self._leave(Path(args.output_dir), args, state, kwargs, finished=False)
        if run is None or self._checkpoints is None:
            return
        try:
            self._checkpoints.saved(state, run)
        except Exception as error:  # noqa: BLE001  # a stranger's trainer may hold anything, and training must go on
            _log.warning("This checkpoint could not be set aside, so it is not published: %s", redact(str(error)))

    def on_train_end(self, args: Any, state: Any, _control: Any, **kwargs: Any) -> None:
        """Complete the record; with `push_to`, save the model and publish it after its checkpoints."""
        output = Path(args.output_dir)
        try:
            # The other processes of this run help to save, and need not wait for what follows; another run that lost
            # the lock keeps out.
            if self.push_to is not None and (self._reader is not None or not state.is_world_process_zero):
                self._save(output / draft.FINAL_FOLDER, kwargs)
            run = self._leave(output, args, state, kwargs, finished=True)
            if run is not None:
                self._end(output, state, run)
        except Exception as error:  # noqa: BLE001  # the training's result must not be lost to whatever went wrong here
            self._report(error, output / draft.FINAL_FOLDER)
        finally:
            if self._lock is not None:
                self._lock.release(force=True)

    def _end(self, output: Path, state: Any, run: draft.Draft) -> None:
        """Publish what is left of a run, its end last. Killed anywhere, what is not done waits in the spool."""
        if self.push_to is None:
            if self._checkpoints is not None:
                self._checkpoints.ended(state, run)
                _say(f"checkpoints wait to be published: hubver push --pending {output} ORG/NAME")
            return
        draft.write(output / draft.FINAL_FOLDER, run)
        if _is_reproduced():
            return  # `hubver reproduce` compares what was saved, and nobody asked to publish it again
        waiting = self._set_end_aside(output, run)
        if self._checkpoints is not None and self._checkpoints.publisher is not None:
            self._checkpoints.ended(state, run)
            self._checkpoints.publisher.finish(self.wait)
            if left := Spool(output).checkpoints():
                _say(f"{left} of the run's checkpoints could not be published yet: hubver push --pending {output}")
        self._publish(output / draft.FINAL_FOLDER, self.push_to)
        if waiting is not None:
            Spool(output).drop(waiting)

    def _take_lock(self, folder: Path) -> bool:
        """Launchers have been seen to start several independent runs, all rank 0, with one output folder."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # One lock a process: a run that was interrupted in a notebook must not shut out the next.
            self._lock = FileLock(folder / ".hubver-run.lock", is_singleton=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            self._lock = None
            _log.warning("Another run is recording into %s, so this one is not recorded.", folder)
            return False
        except OSError as error:
            self._lock = None
            _log.warning("%s cannot be written, so this run is not recorded: %s", folder, error)
            return False
        return True

    def _leave(
        self, folder: Path, args: Any, state: Any, kwargs: dict[str, Any], *, finished: bool
    ) -> draft.Draft | None:
        """Write what is known now into a folder; None if this process records nothing."""
        if self._reader is None:
            return None
        begun = self._reader.whole() if finished else self._reader.now()
        held = watch.Held.of_callback(args, state, kwargs)
        wall = time.monotonic() - self._started
        record = watch.until_now(begun.record, held, wall, watch.utc_now() if finished else None)
        current = draft.Draft(record, begun.diff)
        try:
            draft.write(folder, current)
        except (OSError, ValueError) as error:
            _log.warning("The record of this run could not be left in %s: %s", folder, error)
        return current

    def _set_end_aside(self, output: Path, run: draft.Draft) -> Waiting | None:
        entry = Entry(
            kind="final",
            of_run=run.record.run_id,
            repo_id=self.push_to,
            version=self.version,
            bump=self.bump,
            message=self.message,
        )
        try:
            return Spool(output).add(entry, output / draft.FINAL_FOLDER, run)
        except OSError as error:
            _log.warning("The end of the run could not be set aside; if publishing it fails, push it anew: %s", error)
            return None

    def _save(self, final: Path, kwargs: dict[str, Any]) -> None:
        """Save the model for publishing. Every process takes part: a sharded model is gathered from all of them."""
        if self._reader is not None:
            let_go(final)
        trainer = live.trainer_above()
        if trainer is not None:
            # As for the trainer's own saves: without this, `push_to_hub=True` would upload this folder as well.
            trainer.save_model(str(final), _internal_call=True)
        elif self._reader is not None:
            kwargs["model"].save_pretrained(final)
            if kwargs.get("processing_class") is not None:
                kwargs["processing_class"].save_pretrained(final)

    def _publish(self, final: Path, repo_id: str) -> None:
        from hubver.publish import push

        self.published = push(final, repo_id, version=self.version, bump=self.bump, message=self.message)
        done = "already published" if self.published.already else "published"
        _say(f"{done} {repo_id} {self.published.version}: {self.published.url}")
        for hint in self.published.hints:
            _say(hint)

    def _report(self, error: Exception, final: Path) -> None:
        self.failure = error
        hint = getattr(error, "hint", None)
        _log.error(
            "Training is done, but the run could not be published.\n  %s\n%s  To publish it: hubver push %s %s",
            redact(str(error)),
            f"  {redact(hint)}\n" if hint else "",
            final,
            self.push_to or "ORG/NAME",
        )


def _is_reproduced() -> bool:
    try:
        return Settings.load().reproducing
    except HubverError:
        return False  # settings that cannot be read are said when something is published


def _say(line: str) -> None:
    """Trainers print their own results too; at the default level a log would not show where the run has gone."""
    sys.stderr.write(f"hubver: {line}\n")
