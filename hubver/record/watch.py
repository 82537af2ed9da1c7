"""The record of a run while it runs: begun before the first step, kept up to date, ended with the last.

What cannot be had of a stranger's objects becomes a gap; recording never breaks a training.
"""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hubver.record import arguments, base_model, code, data, draft, live, trainer_state
from hubver.record.schema import Base, DataSource, Environment, Gap, Resources, RunRecord, Tokenizer, Training
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")


@dataclass(frozen=True)
class Said:
    """What the user said of the run: more data, the base's name on the Hub, one line on what is new."""

    data: Sequence[Any] = ()
    base_model: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Held:
    """What the trainer holds, as it hands it to callbacks; and the trainer itself, where it was found."""

    args: Any
    state: Any
    trainer: Any
    model: Any
    processing: Any
    optimizer: Any
    loaders: dict[str, Any]

    @classmethod
    def of_callback(cls, args: Any, state: Any, kwargs: dict[str, Any]) -> Held:
        """From the arguments of a `TrainerCallback` event."""
        loaders = {role: kwargs.get(f"{role}_dataloader") for role in ("train", "eval")}
        trainer, model = live.trainer_above(), kwargs.get("model")
        return cls(args, state, trainer, model, kwargs.get("processing_class"), kwargs.get("optimizer"), loaders)

    def datasets(self) -> list[tuple[str, str, Any]]:
        """Role, name and dataset of each; a trainer may hold several to evaluate on, by name."""
        found: list[tuple[str, str, Any]] = []
        for role, loader in self.loaders.items():
            dataset = getattr(self.trainer, f"{role}_dataset", None)
            dataset = getattr(loader, "dataset", None) if dataset is None else dataset
            named = dataset if type(dataset) is dict else {role: dataset}
            found += [(role, name, item) for name, item in named.items() if item is not None]
        return found


def begin(held: Held, said: Said, now: datetime) -> draft.Draft:
    """The record before the first step. A resumed run keeps its run id."""
    notes = _Notes()
    args, state = held.args, held.state
    earlier = notes.ask("run_id", lambda: draft.read(Path(args.output_dir)), None) if state.global_step else None
    where = notes.ask("code", lambda: code.of_process(sys.argv, Path.cwd()), code.UNKNOWN)
    nameless = base_model.Settled(Base(), ())
    base = notes.ask("base_model", lambda: live.base_of(args, held.model, said.base_model), nameless)
    training = notes.ask(
        "training", lambda: live.training_of(args, held.model, held.trainer, held.optimizer), Training()
    )
    given = notes.ask("training.arguments", lambda: arguments.changed(args), arguments.Changed({}, ()))
    known = {"arguments": given.values, "started": now, "resumed": state.global_step > 0}
    record = RunRecord(
        run_id=earlier.record.run_id if earlier else f"run-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}",
        created=now,
        message=said.message,
        base_model=base.base,
        data=_data(held, said, notes),
        tokenizer=notes.ask("tokenizer", lambda: live.tokenizer_of(held.processing), Tokenizer()),
        training=training.model_copy(update=known),
        code=where.code,
        environment=notes.ask("environment", lambda: live.environment_of(args), Environment()),
    )
    gaps = (*notes.gaps, *base.gaps, *given.gaps, *where.gaps, *_unsaid(record))
    return draft.Draft(record.model_copy(update={"gaps": gaps}), where.diff)


def until_now(begun: RunRecord, held: Held, wall_seconds: float, finished: datetime | None) -> RunRecord:
    """The record brought up to date.

    Args:
        begun: what `begin` made of the run.
        held: what the trainer holds now.
        wall_seconds: since it began.
        finished: when it ended; None while it runs.
    """
    notes = _Notes()
    state = held.state
    history = trainer_state.clean_history(state.log_history)
    metrics, gaps = trainer_state.metrics_of(history)
    log, left_out = trainer_state.thinned(history)
    resources = notes.ask(
        "training.resources",
        lambda: live.resources_of(held.args, history, wall_seconds, state.num_input_tokens_seen),
        Resources(wall_seconds=wall_seconds),
    )
    training = begun.training.model_copy(
        update={
            "epochs": state.epoch,
            "steps": state.global_step,
            "log_history": log,
            "resources": resources,
            "finished": finished,
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


@dataclass
class _Notes:
    """Asks for one part after the other; one that cannot be had becomes a gap."""

    gaps: list[Gap] = field(default_factory=list)

    def ask(self, part: str, get: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return get()
        except Exception as error:  # noqa: BLE001  # a stranger's objects may raise anything, and training must go on
            self.gaps.append(Gap(field=part, reason=redact(f"{type(error).__name__}: {error}")[:300]))
            return otherwise


def _data(held: Held, said: Said, notes: _Notes) -> tuple[DataSource, ...]:
    sources: list[DataSource] = []
    unknown: data.Found = data.Found((), ())
    for role, name, dataset in held.datasets():
        found = notes.ask("data", lambda d=dataset, n=name, r=role: data.describe(d, n, r), unknown)  # type: ignore[misc]  # mypy infers no lambda with defaults
        sources += found.sources
        notes.gaps += found.gaps
    for item in said.data:
        found = notes.ask("data", lambda i=item: data.declared(i), unknown)  # type: ignore[misc]  # as above
        sources += found.sources
        notes.gaps += found.gaps
    return tuple(sources)


def _unsaid(record: RunRecord) -> list[Gap]:
    """What the run itself could not know."""
    training = record.training
    because = {
        "data": (not record.data, "the trainer holds no dataset; HubverCallback(data=...) can name it"),
        "training.trainer_class": (training.trainer_class is None, "the trainer was not found on the stack"),
        "training.seeds.seed": (training.seeds.seed is None, "the run set no seed"),
        "environment.container": (
            record.environment.container is not None,
            "the image's digest cannot be seen from inside",
        ),
    }
    return [Gap(field=name, reason=reason) for name, (unknown, reason) in because.items() if unknown]
