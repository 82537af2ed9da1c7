"""`HubverCallback`: watches any transformers or TRL trainer, and leaves the record of the run beside its output.

    trainer = SFTTrainer(..., callbacks=[HubverCallback(push_to="org/router")])

It never breaks training: what cannot be recorded is a gap in the record, and a push that fails is reported with the
command that finishes it.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from transformers import TrainerCallback

from hubver.record import draft, live, watch
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        bump: which part of the last version to raise.
        version: the version to give it, such as `v1.2.0`; the next one if None.
        message: one line saying what is new.

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
        bump: Bump = "minor",
        version: str | None = None,
        message: str | None = None,
    ) -> None:
        self.push_to = push_to
        self.data = tuple(data)
        self.base_model = base_model
        self.bump = bump
        self.version = version
        self.message = message
        self.published: Published | None = None
        self.failure: Exception | None = None
        self._draft: draft.Draft | None = None
        self._lock: FileLock | None = None
        self._started = 0.0

    def on_train_begin(self, args: Any, state: Any, _control: Any, **kwargs: Any) -> None:
        """Record everything that is known before the first step, so that a killed run has its record too."""
        self._draft = None
        self.published = self.failure = None
        if not state.is_world_process_zero or not self._take_lock(Path(args.output_dir)):
            return
        self._started = time.monotonic()
        said = watch.Said(self.data, self.base_model, self.message)
        self._draft = watch.begin(watch.Held.of_callback(args, state, kwargs), said, watch.utc_now()).complete()
        self._leave(Path(args.output_dir), args, state, kwargs, finished=False)

    def on_save(self, args: Any, state: Any, _control: Any, **kwargs: Any) -> None:
        """Bring the draft up to date, so that a checkpoint can be published by itself."""
        self._leave(Path(args.output_dir), args, state, kwargs, finished=False)

    def on_train_end(self, args: Any, state: Any, _control: Any, **kwargs: Any) -> None:
        """Complete the record; with `push_to`, save the model and publish it."""
        final = Path(args.output_dir) / draft.FINAL_FOLDER
        try:
            run = self._leave(Path(args.output_dir), args, state, kwargs, finished=True)
            # The other processes of this run help to save; another run that lost the lock keeps out.
            if self.push_to is not None and (run is not None or not state.is_world_process_zero):
                self._save(final, kwargs)
                if run is not None:
                    self._publish(final, self.push_to, run)
        except Exception as error:  # noqa: BLE001  # the training's result must not be lost to whatever went wrong here
            self._report(error, final)
        finally:
            if self._lock is not None:
                self._lock.release(force=True)

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
        if self._draft is None:
            return None
        held = watch.Held.of_callback(args, state, kwargs)
        wall = time.monotonic() - self._started
        record = watch.until_now(self._draft.record, held, wall, watch.utc_now() if finished else None)
        current = draft.Draft(record, self._draft.diff)
        try:
            draft.write(folder, current)
        except (OSError, ValueError) as error:
            _log.warning("The record of this run could not be left in %s: %s", folder, error)
        return current

    def _save(self, final: Path, kwargs: dict[str, Any]) -> None:
        """Save the model for publishing. Every process takes part: a sharded model is gathered from all of them."""
        trainer = live.trainer_above()
        if trainer is not None:
            # As for the trainer's own saves: without this, `push_to_hub=True` would upload this folder as well.
            trainer.save_model(str(final), _internal_call=True)
        elif self._draft is not None:
            kwargs["model"].save_pretrained(final)
            if kwargs.get("processing_class") is not None:
                kwargs["processing_class"].save_pretrained(final)

    def _publish(self, final: Path, repo_id: str, run: draft.Draft) -> None:
        from hubver.publish import push
        from hubver.settings import Settings

        draft.write(final, run)
        if Settings.load().reproducing:
            return  # `hubver reproduce` compares what was saved, and nobody asked to publish it again
        self.published = push(final, repo_id, version=self.version, bump=self.bump, message=self.message)
        done = "already published" if self.published.already else "published"
        # Trainers print their own results too; at the default level a log would not show where the run has gone.
        sys.stderr.write(f"hubver: {done} {repo_id} {self.published.version}: {self.published.url}\n")
        sys.stderr.writelines(f"hubver: {hint}\n" for hint in self.published.hints)

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
