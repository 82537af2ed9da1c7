"""LLaMA-Factory: its log, tags in the card, and the command of its web page.

The log is always there (`llamafactory/train/callbacks.py`, `LogCallback`). The card is transformers' own, tagged
`llama-factory` (`llamafactory/train/trainer_utils.py`, `create_modelcard_and_push`), with the names of the datasets in
its first sentence; newer PEFT takes the tag out again. `training_args.yaml` is the whole command that the web page ran
(`llamafactory/webui/common.py`, `save_cmd`), so what it says is what the trainer was given. A run from the command line
leaves no configuration.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hubver.record.frameworks import bounded
from hubver.record.frameworks.place import Found
from hubver.record.frameworks.sources import named
from hubver.record.schema import Gap

if TYPE_CHECKING:
    from hubver.record.frameworks.place import Place
    from hubver.record.schema import DataSource

COMMAND = "training_args.yaml"
# One JSON object a line, with `current_steps` and `total_steps` in each.
LOG = "trainer_log.jsonl"
# A hundred thousand lines.
_LARGEST_LOG = 32 << 20
_LOGGED = {"current_steps": "step", "lr": "learning_rate", "loss": "loss", "eval_loss": "eval_loss", "epoch": "epoch"}
_FIRST_SENTENCE = re.compile(
    r"^This model is a fine-tuned version of \[[^\]\n]{0,300}\]\([^)\n]{0,300}\) on (?P<data>[^\n]{0,2000}) datasets?\.$",
    re.MULTILINE,
)
# Arguments of transformers that LLaMA-Factory hands on as they are (`llamafactory/hparams/training_args.py`).
_HANDED_ON = (
    "adam_beta1",
    "adam_beta2",
    "bf16",
    "fp16",
    "gradient_accumulation_steps",
    "learning_rate",
    "lr_scheduler_type",
    "max_grad_norm",
    "max_steps",
    "num_train_epochs",
    "optim",
    "per_device_train_batch_size",
    "seed",
    "warmup_ratio",
    "warmup_steps",
    "weight_decay",
)


def recognise(place: Place) -> Found | None:
    """What LLaMA-Factory tells of its run; None where it was another tool's."""
    log = _log(place)
    if not log and "llama-factory" not in place.card.tags:
        return None
    command = bounded.text_of(place.run_folder / COMMAND)
    if command is None:
        reason = "a run of llamafactory-cli leaves none in its output folder"
        return _of_card(place, log, Gap(field="training.configuration", reason=reason))
    try:
        given = bounded.yaml_of(command)
    except ValueError as error:
        return _of_card(place, log, Gap(field="training.configuration", reason=f"{COMMAND} cannot be read: {error}"))
    revision = given.get("model_revision")
    base = given.get("model_name_or_path")
    return Found(
        "llamafactory",
        bounded.published(given),
        arguments={name: bounded.published({name: given[name]})[name] for name in _HANDED_ON if name in given},
        base=(base, revision if isinstance(revision, str) else None) if isinstance(base, str) else None,
        data=(*_listed(given.get("dataset"), "train"), *_listed(given.get("eval_dataset"), "eval")),
        log=log,
    )


def _of_card(place: Place, log: tuple[dict[str, Any], ...], gap: Gap) -> Found:
    sentence = _FIRST_SENTENCE.search(place.card.text)
    names = re.findall(r"(?:^|, | and )the (\S+?)(?=,| and |$)", sentence["data"]) if sentence else []
    data = tuple(named(name, "train", local=True) for name in names)
    return Found("llamafactory", data=data, log=log, gaps=(gap,))


def _log(place: Place) -> tuple[dict[str, Any], ...]:
    """Its log with the trainer's own names. A line that was cut short, as by a kill, is passed over."""
    rows = []
    for line in (bounded.text_of(place.run_folder / LOG, _LARGEST_LOG) or "").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and "current_steps" in row and "total_steps" in row:
            rows.append({name: row[key] for key, name in _LOGGED.items() if key in row})
    return tuple(rows)


def _listed(value: Any, role: str) -> list[DataSource]:
    """Names in `dataset_info.json`, with commas between them; they are no names on the Hub."""
    names = value.split(",") if isinstance(value, str) else []
    return [named(name.strip(), role, local=True) for name in names if name.strip()]
