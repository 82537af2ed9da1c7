"""What a comparison of weights finds, as plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hubver.diff.weights.numbers import Measured


@dataclass(frozen=True)
class Side:
    """The weights of one revision.

    Attributes:
        kind: an adapter or a whole model.
        size: bytes of the safetensors files.
        parameters: numbers in them.
        dtypes: in safetensors' words.
        modules: how many LoRA updates there are.
        ranks: of the tensors, ascending.
        alphas: of the configuration, ascending.
        targets: the last parts of the modules' names.
        norm: the Frobenius norm of all updates together, scaled; None for a whole model.
        effective_rank: the median of the modules'; None for a whole model.
        contradictions: where the configuration says something else than the tensors.
        notes: what is left out or assumed.
    """

    kind: Literal["adapter", "full"]
    size: int
    parameters: int
    dtypes: tuple[str, ...]
    modules: int = 0
    ranks: tuple[int, ...] = ()
    alphas: tuple[float, ...] = ()
    targets: tuple[str, ...] = ()
    norm: float | None = None
    effective_rank: float | None = None
    contradictions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Update:
    """One side's update of one module. `alpha` is None where it is not known, and the norm is then unscaled."""

    rank: int
    alpha: float | None
    measured: Measured


@dataclass(frozen=True)
class Module:
    """The updates of one module of the base.

    Attributes:
        name: in the base.
        target: the last part of the name.
        layer: the first number in it.
        a: None where A does not change this module, or holds no numbers for it that can be read.
        b: likewise.
        cosine: of the two updates; None where there are not two, where one is nothing, or where their shapes differ.
    """

    name: str
    target: str
    layer: int | None
    a: Update | None
    b: Update | None
    cosine: float | None


@dataclass(frozen=True)
class TensorCompared:
    """A tensor that is no half of a LoRA update.

    Attributes:
        where: which side has it.
        same: whether the values are equal; None where only one side has it, or the shapes differ.
        relative: ||b - a|| / ||a||; None where it cannot be had, as of quantised tensors.
        layer: the first number in its name.
        note: why it was not compared.
    """

    name: str
    where: Literal["both", "a", "b"]
    same: bool | None
    relative: float | None
    layer: int | None
    note: str | None = None


@dataclass(frozen=True)
class WeightsCompared:
    """The weights of two revisions.

    Attributes:
        identical: whether the files are the same bytes.
        cosine: of all updates together; None where that says nothing.
        modules: every LoRA update, in the order of the files.
        tensors: everything else.
        not_compared: why nothing could be compared at all; None where it could.
        read: bytes of tensors that were read.
    """

    a: Side
    b: Side
    identical: bool
    cosine: float | None
    modules: tuple[Module, ...] = ()
    tensors: tuple[TensorCompared, ...] = ()
    not_compared: str | None = None
    read: int = 0
