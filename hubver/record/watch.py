"""The record of a run while it runs: begun before the first step, kept up to date, ended with the last.

What cannot be had of a stranger's objects becomes a gap; recording never breaks a training.
"""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hubver.record import (
    accelerator,
    arguments,
    base_model,
    code,
    data,
    data_files,
    draft,
    live,
    resources,
    trainer_state,
)
from hubver.record.draft import Draft
from hubver.record.paths import portable
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


@dataclass(frozen=True)
class Begun:
    """A run before its first step: what is known at once, and what takes reading.

    Attributes:
        draft: the record without the digests of the base's weights and of the data, which it names as gaps.
    """

    draft: Draft
    _reading: _Reading

    def complete(self) -> Draft:
        """The same draft with those digests.

        It reads all of a local base's weights and every row and file of the data, which may take minutes. It never
        raises, and may run in another thread: it asks nothing of the trainer, the model or torch, and draws no random
        numbers.
        """
        notes = _Notes()
        reading, record = self._reading, self.draft.record
        base = notes.ask("base_model", reading.base, record.base_model)
        found = reading.data(notes)
        gaps = tuple(gap for gap in record.gaps if gap not in reading.pending)
        whole = {"base_model": base, "data": found, "gaps": (*gaps, *notes.gaps)}
        return Draft(record.model_copy(update=whole), self.draft.diff)


def begin(held: Held, said: Said, now: datetime) -> Begun:
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
    sources = [notes.ask("data", lambda d=d, n=n, r=r: data.sketch(d, n, r), None) for r, n, d in held.datasets()]  # type: ignore[misc]  # mypy infers no lambda with defaults
    record = RunRecord(
        run_id=earlier.record.run_id if earlier else f"run-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}",
        created=now,
        message=said.message,
        base_model=base.base,
        data=tuple(source for source in sources if source is not None),
        tokenizer=notes.ask("tokenizer", lambda: live.tokenizer_of(held.processing), Tokenizer()),
        training=training.model_copy(update=known),
        code=where.code,
        environment=notes.ask("environment", lambda: accelerator.environment_of(args), Environment()),
    )
    reading = _Reading(base, tuple(held.datasets()), tuple(said.data), where.root, tuple(sys.argv[1:]))
    gaps = (*notes.gaps, *base.gaps, *given.gaps, *where.gaps, *_unsaid(record, reading), *reading.pending)
    return Begun(Draft(record.model_copy(update={"gaps": gaps}), where.diff), reading)


@dataclass(frozen=True)
class _Reading:
    """What `Begun.complete` reads."""

    settled: base_model.Settled
    datasets: tuple[tuple[str, str, Any], ...]
    declared: tuple[Any, ...]
    root: Path | None
    argv: tuple[str, ...]
    pending: tuple[Gap, ...] = (
        Gap(field="base_model.weights_sha256", reason="its files were still being read"),
        Gap(field="data", reason="it was still being read"),
    )

    def base(self) -> Base:
        settled = self.settled
        return base_model.digested(settled.base, settled.folder) if settled.folder else settled.base

    def data(self, notes: _Notes) -> tuple[DataSource, ...]:
        script = Path(sys.argv[0]).resolve() if sys.argv and sys.argv[0] else None
        nothing: tuple[Path, ...] = ()
        near = notes.ask("data", lambda: data_files.candidates(self.argv, script), nothing)
        asked: list[Callable[[], data.Found]] = [
            partial(data.describe, dataset, name, role, self.root, near) for role, name, dataset in self.datasets
        ]
        asked += [partial(data.declared, item, self.root) for item in self.declared]
        sources: list[DataSource] = []
        for ask in asked:
            found = notes.ask("data", ask, data.Found(()))
            sources += found.sources
            notes.gaps += found.gaps
        return tuple(sources)


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
            self.gaps.append(Gap(field=part, reason=redact(portable(f"{type(error).__name__}: {error}"))[:300]))
            return otherwise


def _unsaid(record: RunRecord, reading: _Reading) -> list[Gap]:
    """What the run itself could not know."""
    training = record.training
    because = {
        "data": (
            not record.data and not reading.declared,
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
