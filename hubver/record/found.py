"""What can be found out about a run that nobody watched: from the folder, from what its tools left there, from git."""

from __future__ import annotations

from datetime import timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.record.draft import RUN_FILE, Draft
from hubver.record.folder import adapter, trainer_state
from hubver.record.place import code, environment
from hubver.record.schema import Base, Gap, RunRecord
from hubver.record.sources import base_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from hubver.record.frameworks.detect import Seen
    from hubver.record.schema import Training

_LATE = "captured at push, not at training"
_UNSEEN = f"this folder holds no {RUN_FILE}"


def of_folder(folder: Path, configuration: Mapping[str, Any], *, adapted: bool, tools: Seen, now: datetime) -> Draft:
    """The draft of a run that left none; what it does not tell is gaps.

    Args:
        folder: the output folder.
        configuration: its `adapter_config.json`, or the `config.json` of a whole model.
        adapted: whether it holds an adapter.
        tools: what the training tools left there.
        now: the time, aware of its zone.
    """
    training, gaps = trainer_state.training_of(folder)
    if tools.log and not training.log_history:
        log, gaps = trainer_state.thinned(trainer_state.clean_history(tools.log))
        training = training.model_copy(update={"log_history": log})
    peft = adapter.described(configuration) if adapted else None
    training = training.model_copy(update={**tools.training, "peft": peft})
    metrics, metric_gaps = trainer_state.metrics_of([*training.log_history, trainer_state.results_of(folder)])
    state = _code(folder)
    here = environment.here()
    record = RunRecord(
        run_id="",
        created=now.astimezone(timezone.utc),
        base_model=_base(configuration, adapted=adapted, told=tools.base),
        data=tools.data,
        training=training,
        # The difference to the commit is of now, so it is no evidence, and would make the same folder another run.
        code=state.code.model_copy(update={"diff_sha256": None}),
        environment=here.model_copy(update={"packages": {**here.packages, **tools.versions}}),
        metrics=metrics,
        gaps=(
            *gaps,
            *metric_gaps,
            *(gap for gap in state.gaps if gap.field == "code.sha"),
            *tools.gaps,
            *_untold(training, tools),
        ),
    )
    return Draft(record, None)


def _untold(training: Training, tools: Seen) -> Iterator[Gap]:
    known = {
        "data": bool(tools.data),
        "training.arguments": bool(training.arguments),
        "training.seeds.seed": training.seeds.seed is not None,
    }
    yield from (Gap(field=name, reason=_UNSEEN) for name, told in known.items() if not told)
    yield Gap(field="code", reason=_LATE)
    told = f"; only these versions are the run's: {', '.join(sorted(tools.versions))}" if tools.versions else ""
    yield Gap(field="environment", reason=f"{_LATE}{told}")


def _base(configuration: Mapping[str, Any], *, adapted: bool, told: tuple[str, str | None] | None) -> Base:
    """The base as the saved configuration names it, else as the training tool was told it.

    A path of the machine it was trained on is no name. A whole model's configuration names none since transformers 5.
    """
    name = configuration.get("base_model_name_or_path" if adapted else "_name_or_path")
    revision = configuration.get("revision") if adapted else None
    told_name, told_revision = told or (None, None)
    if not _is_name(name):
        name, revision = told_name, told_revision
    elif name == told_name:
        revision = revision or told_revision
    return (
        Base(id=name, requested_revision=revision if isinstance(revision, str) else None) if _is_name(name) else Base()
    )


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and base_model.is_hub_id(name)


def _code(folder: Path) -> code.CodeState:
    """The repository that the user stands in, else the one that holds the folder.

    A folder that is itself the top of a repository is a clone of the model's own, not the code's.
    """
    state = code.of_directory(Path.cwd())
    if state.code.sha is not None or (folder / ".git").exists():
        return state
    around = code.of_directory(folder.resolve().parent)
    return around if around.code.sha is not None else state
