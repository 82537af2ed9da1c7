"""The parts of a record that are about the model: its base, its tokenizer, its weights."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from hubver.documents import Part
from hubver.record.schema.common import FileEntry

WeightsKind = Literal["adapter", "full"]


class Base(Part):
    """The model that training started from.

    Attributes:
        id: its Hub id, or null for a model that came from a local folder.
        requested_revision: the revision that training asked for.
        sha: the commit that the revision was.
        config_sha256: digest of its `config.json`.
        weights_file: the file that `weights_sha256` is of: the shard index, or the only weights file.
        dtype: the dtype it was loaded in, such as `bfloat16`.
        files: configuration and weights of a base that is no commit of a Hub, so that it can be known again.
        quantisation: the configuration it was quantised with when it was loaded, or null.
    """

    id: str | None = None
    requested_revision: str | None = None
    sha: str | None = None
    config_sha256: str | None = None
    weights_file: str | None = None
    weights_sha256: str | None = None
    dtype: str | None = None
    files: tuple[FileEntry, ...] = ()
    quantisation: dict[str, Any] | None = None


class Tokenizer(Part):
    """The tokenizer published beside the weights.

    Attributes:
        sample: a fixed conversation through its chat template; null where it has none or the text is long.
        sample_sha256: digest of that text, always whole.
        padding_side: `left` or `right`, as it was set while training.
    """

    tokenizer_class: str | None = None
    files: tuple[FileEntry, ...] = ()
    chat_template_sha256: str | None = None
    sample: str | None = None
    sample_sha256: str | None = None
    special_tokens: dict[str, Any] = Field(default_factory=dict)
    vocab_size: int | None = None
    padding_side: str | None = None
    model_max_length: int | None = None


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
    """The published weights, from their headers alone.

    Attributes:
        tensors: all of them, or none where they are too many for a record to list.
        tensor_count: how many there are.
        remote_code: modules that loading would take from the repo (`auto_map`); they run on whoever trusts them.
    """

    kind: WeightsKind
    format: str = "safetensors"
    parameters: int = 0
    tensors: tuple[Tensor, ...] = ()
    tensor_count: int | None = None
    lora: Lora | None = None
    remote_code: tuple[str, ...] = ()
