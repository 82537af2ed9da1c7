"""What a trainer's own `trainer_state.json` says of a run that no callback watched, and its metrics."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.record.schema import Checkpoint, Gap, Metric, Resources, Training
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STATE = "trainer_state.json"
# Where `Trainer.save_metrics` gathers what a script measured, the evaluation after training too.
_RESULTS = "all_results.json"
# The state of a million logged steps has some 150 MB.
_LARGEST = 256 << 20
# Entries of the log that a record keeps: far fewer than its limit in bytes, far more than any chart shows.
_KEPT = 2000
# A value in the log is a number; text is only cut short.
_TEXT = 200
_LOOKED_AT = 100 * _TEXT
# Evaluation also logs what it cost; those are no metrics of the model.
_COSTS = ("_runtime", "_per_second", "_preparation_time", "epoch", "_num_tokens", "_num_input_tokens_seen")
_LOWER = ("loss", "error", "perplexity", "wer", "cer", "rmse", "mae", "mse")
_HIGHER = ("accuracy", "f1", "precision", "recall", "exact_match", "bleu", "rouge", "reward", "auc", "mcc")


def training_of(folder: Path) -> tuple[Training, list[Gap]]:
    """The training as far as the folder tells: its own state file, else that of its newest checkpoint."""
    state = _read(folder)
    if state is None:
        return Training(), [Gap(field="training.log_history", reason=f"there is no {_STATE} that can be read")]
    history = state.get("log_history")
    log, gaps = thinned(clean_history(history if isinstance(history, list) else []))
    training = Training(
        epochs=_number(state.get("epoch")),
        steps=state["global_step"] if isinstance(state.get("global_step"), int) else None,
        log_history=log,
        resources=_resources(state, log),
    )
    return training, gaps


def checkpoint_of(folder: Path, run_id: str) -> Checkpoint | None:
    """Where a checkpoint stands in its run; None where its own state file does not say."""
    state = _object(folder / _STATE) or {}
    step, best = state.get("global_step"), state.get("best_model_checkpoint")
    if type(step) is not int:
        return None
    was_best = Path(best).name == folder.resolve().name if isinstance(best, str) else None
    return Checkpoint(of_run=run_id, step=step, epoch=_number(state.get("epoch")), best=was_best)


def results_of(folder: Path) -> dict[str, Any]:
    """What a script measured and saved with `Trainer.save_metrics`, by name; empty where it saved nothing."""
    results = _object(folder / _RESULTS)
    return {str(key): _plain(value) for key, value in (results or {}).items()}


def clean_history(history: Iterable[Any]) -> tuple[dict[str, Any], ...]:
    """The log with NaN and infinities as text: JSON has no word for them, and a diverged run must say so."""
    return tuple({str(key): _plain(value) for key, value in row.items()} for row in history if isinstance(row, dict))


def thinned(history: Sequence[dict[str, Any]]) -> tuple[tuple[dict[str, Any], ...], list[Gap]]:
    """The log as it is kept: at most 2,000 entries, evenly taken, with the first, the last and all evaluations.

    More evaluations than that are thinned as well. What was left out is a gap.
    """
    if len(history) <= _KEPT:
        return tuple(history), []
    evaluations = {n for n, row in enumerate(history) if any(key.startswith("eval_") for key in row)}
    wanted = evaluations | {0, len(history) - 1}
    others = [n for n in range(len(history)) if n not in wanted]
    kept = _evenly(sorted(wanted), _KEPT)
    kept = sorted(kept + _evenly(others, _KEPT - len(kept)))
    reason = f"{len(history)} entries were logged; {len(kept)} of them are kept, evenly taken, evaluations first"
    return tuple(history[n] for n in kept), [Gap(field="training.log_history", reason=reason)]


def _evenly(numbers: Sequence[int], count: int) -> list[int]:
    """At most so many of them, evenly spaced, first and last included where there is room for two."""
    if len(numbers) <= count:
        return list(numbers)
    step = (len(numbers) - 1) / max(count - 1, 1)
    return [numbers[round(n * step)] for n in range(count)]


def metrics_of(history: Iterable[Mapping[str, Any]], task: str | None = None) -> tuple[tuple[Metric, ...], list[Gap]]:
    """The last value of each `eval_*` metric that the trainer logged."""
    last: dict[str, Any] = {}
    for row in history:
        last |= {key: value for key, value in row.items() if key.startswith("eval_") and not key.endswith(_COSTS)}
    metrics = tuple(
        Metric(name=name, value=_number(value), task=task, higher_is_better=_direction(name))
        for name, value in sorted(last.items())
    )
    gaps = [Gap(field=f"metrics.{metric.name}", reason="not a number") for metric in metrics if metric.value is None]
    return metrics, gaps or ([] if metrics else [Gap(field="metrics", reason="the run logged no evaluation")])


def _resources(state: Mapping[str, Any], log: Sequence[Mapping[str, Any]]) -> Resources:
    """What the run cost, as the trainer counted it; the row that closes the log holds the times."""
    last: Mapping[str, Any] = next((row for row in reversed(log) if "train_runtime" in row), {})
    tokens = state.get("num_input_tokens_seen")
    return Resources(
        wall_seconds=_number(last.get("train_runtime")),
        samples_per_second=_number(last.get("train_samples_per_second")),
        tokens=tokens if type(tokens) is int and tokens > 0 else None,
        flops=_number(state.get("total_flos")) or None,
    )


def _read(folder: Path) -> dict[str, Any] | None:
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda path: (len(path.name), path.name), reverse=True)
    return next((state for place in (folder, *checkpoints) if (state := _object(place / _STATE)) is not None), None)


def _object(file: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(file.read_bytes()) if file.stat().st_size <= _LARGEST else None
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    # Cut short, a secret might no longer look like one.
    return value if isinstance(value, int | float | bool | None) else redact(str(value)[:_LOOKED_AT])[:_TEXT]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _direction(name: str) -> bool | None:
    if name.endswith(_LOWER):
        return False
    return True if name.endswith(_HIGHER) else None
