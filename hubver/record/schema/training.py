"""The parts of a record that are about the training itself."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from hubver.documents import Part
from hubver.record.schema.data import Function


class Seeds(Part):
    """What decides the random numbers, and whether the kernels were told to be deterministic."""

    seed: int | None = None
    data_seed: int | None = None
    full_determinism: bool | None = None
    deterministic_algorithms: bool | None = None
    cudnn_benchmark: bool | None = None


class Resources(Part):
    """What the run cost: seconds of wall time, bytes at the peak, and throughput.

    Attributes:
        accelerator_hours: wall time times the number of accelerators, in hours; null where there was none.
        tokens: that training has seen, padding included, where the trainer counted them.
        flops: floating point operations, as the trainer estimates them.
    """

    wall_seconds: float | None = None
    peak_memory_bytes: int | None = None
    peak_accelerator_memory_bytes: int | None = None
    samples_per_second: float | None = None
    tokens_per_second: float | None = None
    accelerator_hours: float | None = None
    tokens: int | None = None
    flops: float | None = None


class Checkpoint(Part):
    """Where in its run a checkpoint stands. The record of a whole run has none.

    Attributes:
        of_run: the run's own id; the checkpoint's is `<run id>-checkpoint-<step>`.
        best: whether it was the best so far by the trainer's own measure (`metric_for_best_model`).
    """

    of_run: str
    step: int
    epoch: float | None = None
    best: bool | None = None


class Link(Part):
    """A page that follows the same run: `kind` is `mlflow`, `wandb`, `trackio`, `tensorboard` and the like.

    Attributes:
        id: the tracker's own name of the run.
        url: its page, without credentials; null for one that is only on the machine.
    """

    kind: str
    id: str | None = None
    url: str | None = None


class Training(Part):
    """How the model was trained.

    Attributes:
        wrapper_class: the class that the model was wrapped in to be trained (DDP, FSDP); the model's own if none was.
        arguments_class: the class of the trainer's arguments, such as `trl.trainer.sft_config.SFTConfig`.
        arguments: those that differ from the class's defaults, redacted.
        effective_batch_size: examples per optimizer step: per device x accumulation x world size.
        log_history: what the trainer logged, oldest first.
        functions: the user's own functions that took part: formatting, collators, rewards, metrics.
        framework: what wrapped the trainer, such as `axolotl`, `unsloth` or `llamafactory`; null for none known.
        configuration: the wrapper's own configuration (YAML of axolotl or LLaMA-Factory), redacted.
        checkpoint: set where this is the record of a checkpoint.
        links: pages that follow the same run.
    """

    trainer_class: str | None = None
    wrapper_class: str | None = None
    model_class: str | None = None
    arguments_class: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    peft: dict[str, Any] | None = None
    optimizer: str | None = None
    scheduler: str | None = None
    precision: str | None = None
    quantisation: dict[str, Any] | None = None
    gradient_accumulation_steps: int | None = None
    effective_batch_size: int | None = None
    world_size: int | None = None
    epochs: float | None = None
    steps: int | None = None
    seeds: Seeds = Seeds()
    started: AwareDatetime | None = None
    finished: AwareDatetime | None = None
    resumed: bool | None = None
    resources: Resources = Resources()
    log_history: tuple[dict[str, Any], ...] = ()
    functions: tuple[Function, ...] = ()
    framework: str | None = None
    configuration: dict[str, Any] | None = None
    checkpoint: Checkpoint | None = None
    links: tuple[Link, ...] = ()


class Metric(Part):
    """One number that says how good the model is. `interval` is its 95 % confidence interval."""

    name: str
    value: float | None
    n: int | None = None
    task: str | None = None
    interval: tuple[float, float] | None = None
    higher_is_better: bool | None = None
