"""`hubver.json`: the record of one training run, and the draft that a run leaves before it is published.

Pure. What is not known is null and named in `gaps`, never guessed. All digests are lower-case hexadecimal sha256 of the
bytes that travel; all sizes are bytes; all times are UTC.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from hubver.documents import Document, Part, canonical_json

WeightsKind = Literal["adapter", "full"]

# Where a published revision keeps its record.
RECORD_FILE = "hubver.json"


class FileEntry(Part):
    """One file: its path with forward slashes, its size in bytes and its sha256."""

    path: str
    size: int
    sha256: str


class Gap(Part):
    """Something that is not known about the run, as `part.field`, and why."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class Base(Part):
    """The model that training started from.

    Attributes:
        id: its Hub id, or null for a model that came from a local folder.
        requested_revision: the revision that training asked for.
        sha: the commit that the revision was.
        config_sha256: digest of its `config.json`.
        weights_file: the file that `weights_sha256` is of: the shard index, or the only weights file.
        dtype: the dtype it was loaded in, such as `bfloat16`.
    """

    id: str | None = None
    requested_revision: str | None = None
    sha: str | None = None
    config_sha256: str | None = None
    weights_file: str | None = None
    weights_sha256: str | None = None
    dtype: str | None = None


class DataSource(Part):
    """One dataset of the run. It is pinned by `hub_sha`, by `files`, or by `content_sha256`.

    Attributes:
        role: `train` or `eval`; null for data that was only declared.
        content_sha256: digest of the rows in order (see `hubver.record.data.content_digest`).
        columns: as the trainer saw them, after its own preprocessing.
    """

    name: str
    role: str | None = None
    split: str | None = None
    hub_id: str | None = None
    hub_sha: str | None = None
    files: tuple[FileEntry, ...] = ()
    content_sha256: str | None = None
    rows: int | None = None
    columns: tuple[str, ...] = ()


class Tokenizer(Part):
    """The tokenizer published beside the weights. `sample_sha256` is of a fixed conversation through its template."""

    tokenizer_class: str | None = None
    files: tuple[FileEntry, ...] = ()
    chat_template_sha256: str | None = None
    sample_sha256: str | None = None
    special_tokens: dict[str, Any] = Field(default_factory=dict)
    vocab_size: int | None = None


class Seeds(Part):
    """What decides the random numbers, and whether the kernels were told to be deterministic."""

    seed: int | None = None
    data_seed: int | None = None
    full_determinism: bool | None = None
    deterministic_algorithms: bool | None = None
    cudnn_benchmark: bool | None = None


class Resources(Part):
    """What the run cost: seconds of wall time, bytes at the peak, and throughput."""

    wall_seconds: float | None = None
    peak_memory_bytes: int | None = None
    peak_accelerator_memory_bytes: int | None = None
    samples_per_second: float | None = None
    tokens_per_second: float | None = None


class Training(Part):
    """How the model was trained.

    Attributes:
        wrapper_class: the class that the model was wrapped in to be trained (DDP, FSDP); the model's own if none was.
        arguments_class: the class of the trainer's arguments, such as `trl.trainer.sft_config.SFTConfig`.
        arguments: those that differ from the class's defaults, redacted.
        effective_batch_size: examples per optimizer step: per device x accumulation x world size.
        log_history: what the trainer logged, oldest first.
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


class Code(Part):
    """Which code ran.

    Attributes:
        remote: the address of the repository, without credentials.
        dirty: tracked files differed from the commit.
        diff_sha256: digest of the published `run/code.diff`, where dirty.
        untracked: how many files git neither tracked nor ignored.
        entry_point: the script, relative to the repository.
        argv: its arguments, redacted.
    """

    sha: str | None = None
    remote: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    diff_sha256: str | None = None
    untracked: int | None = None
    entry_point: str | None = None
    argv: tuple[str, ...] = ()


class Environment(Part):
    """Where it ran. `packages` maps every installed distribution to its version."""

    os: str | None = None
    machine: str | None = None
    python: str | None = None
    packages: dict[str, str] = Field(default_factory=dict)
    accelerator: str | None = None
    accelerator_count: int | None = None
    driver: str | None = None
    cuda: str | None = None
    threads: int | None = None
    cpu_count: int | None = None
    cpu_capability: str | None = None
    launcher: str | None = None
    world_size: int | None = None
    container: str | None = None


class Tensor(Part):
    """One tensor, from the header of a safetensors file."""

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]


class Lora(Part):
    """What the tensors themselves say of a LoRA adapter; `alpha` is the configuration's word."""

    ranks: tuple[int, ...] = ()
    alpha: float | None = None
    targets: tuple[str, ...] = ()


class Weights(Part):
    """The published weights, from their headers alone."""

    kind: WeightsKind
    format: str = "safetensors"
    parameters: int = 0
    tensors: tuple[Tensor, ...] = ()
    lora: Lora | None = None


class Metric(Part):
    """One number that says how good the model is. `interval` is its 95 % confidence interval."""

    name: str
    value: float | None
    n: int | None = None
    task: str | None = None
    interval: tuple[float, float] | None = None
    higher_is_better: bool | None = None


class RunRecord(Document):
    """The record of a run. In a draft, `repo_id`, `version`, `weights` and `files` are not known yet.

    Attributes:
        run_id: names the run; the same run published again keeps it.
        files: every published file except `hubver.json` and `README.md`.
    """

    document_name: ClassVar[str] = "run record"

    format: Literal["hubver.run/1"] = "hubver.run/1"
    run_id: str
    repo_id: str | None = None
    version: str | None = None
    created: AwareDatetime
    message: str | None = None
    base_model: Base = Base()
    data: tuple[DataSource, ...] = ()
    tokenizer: Tokenizer = Tokenizer()
    training: Training = Training()
    code: Code = Code()
    environment: Environment = Environment()
    weights: Weights | None = None
    metrics: tuple[Metric, ...] = ()
    files: tuple[FileEntry, ...] = ()
    gaps: tuple[Gap, ...] = ()


def json_schema() -> bytes:
    """The JSON Schema of `hubver.json`, as kept in `run-record.schema.json`."""
    schema = RunRecord.model_json_schema(mode="validation")
    return canonical_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
