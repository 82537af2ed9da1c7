"""The record of a run while it runs: begun before the first step, kept up to date, ended with the last.

What cannot be had of a stranger's objects becomes a gap; recording never breaks a training.
"""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from hubver.record import draft
from hubver.record.draft import Draft
from hubver.record.folder import trainer_state
from hubver.record.observe import arguments, functions, links, live, resources
from hubver.record.observe.held import Held, Said
from hubver.record.observe.notes import Notes
from hubver.record.observe.reading import PENDING_BASE, PENDING_DATA, Reading
from hubver.record.place import accelerator, code
from hubver.record.schema import Base, DataSource, Environment, Function, Gap, Resources, RunRecord, Tokenizer, Training
from hubver.record.sources import base_model, data

__all__ = ["Begun", "Held", "Said", "begin", "until_now", "utc_now"]


@dataclass(frozen=True)
class Begun:
    """A run before its first step: what is known at once, and what takes reading.

    The reading asks nothing of the trainer, the model or torch, and draws no random numbers, so it may be done in
    another thread (see `hubver.record.observe.background`). It may take minutes, and never raises.

    Attributes:
        draft: the record; what was not read yet is a gap in it.
    """

    draft: Draft
    reading: Reading

    def with_data(self) -> Begun:
        """The same with every row and file of the data read."""
        notes = Notes()
        return self._without(PENDING_DATA, notes, {"data": self.reading.data(notes)})

    def with_base(self) -> Begun:
        """The same with all weights read of a base that is no commit of the Hub."""
        notes = Notes()
        base = notes.ask("base_model", self.reading.base, self.draft.record.base_model)
        return self._without(PENDING_BASE, notes, {"base_model": base})

    def _without(self, pending: Gap, notes: Notes, known: dict[str, Any]) -> Begun:
        record = self.draft.record
        gaps = (*(gap for gap in record.gaps if gap != pending), *notes.gaps)
        return Begun(Draft(record.model_copy(update={**known, "gaps": gaps}), self.draft.diff), self.reading)


def begin(held: Held, said: Said, now: datetime) -> Begun:
    """The record before the first step. A resumed run keeps its run id."""
    notes = Notes()
    args, state = held.args, held.state
    earlier = notes.ask("run_id", lambda: draft.read(Path(args.output_dir)), None) if state.global_step else None
    where = notes.ask("code", lambda: code.of_process(sys.argv, Path.cwd()), code.UNKNOWN)
    nameless = base_model.Settled(Base(), ())
    base = notes.ask("base_model", lambda: live.base_of(args, held.model, said.base_model), nameless)
    record = RunRecord(
        run_id=earlier.record.run_id if earlier else f"run-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}",
        created=now,
        message=said.message,
        base_model=base.base,
        data=_sketches(held, notes),
        tokenizer=notes.ask("tokenizer", lambda: live.tokenizer_of(held.processing), Tokenizer()),
        training=_training(held, notes).model_copy(update={"started": now, "resumed": state.global_step > 0}),
        code=where.code,
        environment=notes.ask("environment", lambda: accelerator.environment_of(args), Environment()),
    )
    reading = Reading(
        settled=base,
        datasets=tuple(held.datasets()),
        declared=tuple(said.data),
        root=where.root,
        directory=Path.cwd(),
        argv=tuple(sys.argv[1:]),
        script=where.script,
    )
    gaps = (*notes.gaps, *base.gaps, *where.gaps, *_unsaid(record, said), PENDING_BASE, PENDING_DATA)
    return Begun(Draft(record.model_copy(update={"gaps": gaps}), where.diff), reading)


def _sketches(held: Held, notes: Notes) -> tuple[DataSource, ...]:
    found = [notes.ask("data", partial(data.sketch, item, name, role), None) for role, name, item in held.datasets()]
    return tuple(source for source in found if source is not None)


def _training(held: Held, notes: Notes) -> Training:
    """How the training is set up."""
    args, none = held.args, arguments.Changed({}, ())
    given = notes.ask("training.arguments", lambda: arguments.changed(args), none)
    notes.gaps += given.gaps
    training = notes.ask(
        "training", lambda: live.training_of(args, held.model, held.trainer, held.optimizer), Training()
    )
    datasets = [dataset for _, _, dataset in held.datasets()]
    nobody: tuple[Function, ...] = ()
    own = notes.ask("training.functions", lambda: functions.functions_of(held.trainer, held.model, datasets), nobody)
    followed = links.links_of(held.callbacks())
    return training.model_copy(update={"arguments": given.values, "functions": own, "links": followed})


def until_now(begun: RunRecord, held: Held, wall_seconds: float, finished: datetime | None) -> RunRecord:
    """The record brought up to date.

    Args:
        begun: what `begin` made of the run.
        held: what the trainer holds now.
        wall_seconds: since it began.
        finished: when it ended; None while it runs.
    """
    notes = Notes()
    state = held.state
    history = trainer_state.clean_history(state.log_history)
    metrics, gaps = trainer_state.metrics_of(history)
    log, left_out = trainer_state.thinned(history)
    cost = notes.ask(
        "training.resources",
        lambda: resources.resources_of(held.args, state, history, wall_seconds),
        Resources(wall_seconds=wall_seconds),
    )
    training = begun.training.model_copy(
        update={
            "epochs": state.epoch,
            "steps": state.global_step,
            "log_history": log,
            "resources": cost,
            "finished": finished,
            "links": links.joined(begun.training.links, links.links_of(held.callbacks())),
            # The model is wrapped for training only after the run has begun.
            "wrapper_class": notes.ask(
                "training.wrapper_class", lambda: live.wrapping_of(held.trainer, held.model), None
            ),
        }
    )
    running = [] if finished else [Gap(field="training.finished", reason="the run had not ended")]
    update = {"training": training, "metrics": metrics, "gaps": (*begun.gaps, *gaps, *left_out, *notes.gaps, *running)}
    return begun.model_copy(update={**update, "created": finished or begun.created})


def utc_now() -> datetime:
    """The time, for the callback: the one place from which a trainer's clock is read."""
    return datetime.now(timezone.utc)


def _unsaid(record: RunRecord, said: Said) -> list[Gap]:
    """What the run itself could not know."""
    training = record.training
    because = {
        "data": (
            not record.data and not said.data,
            "the trainer holds no dataset; HubverCallback(data=...) can name it",
        ),
        "training.trainer_class": (training.trainer_class is None, "the trainer was not found on the stack"),
        "training.seeds.seed": (training.seeds.seed is None, "the run set no seed"),
        "environment.container": (
            record.environment.container is not None,
            "the image's digest cannot be seen from inside",
        ),
    }
    return [Gap(field=name, reason=reason) for name, (unknown, reason) in because.items() if unknown]
