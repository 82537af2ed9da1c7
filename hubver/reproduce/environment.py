"""What differs between the environment of a run and the one here, and what each difference may do to the result.

Pure. A difference is graded by what it can change: nothing, the last digits of the weights, or what is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.record.schema import Environment

Grade = Literal["same", "harmless", "may change bytes", "will change the result"]
_SAME: Grade = "same"
_HARMLESS: Grade = "harmless"
_BYTES: Grade = "may change bytes"
_RESULT: Grade = "will change the result"
GRADES: tuple[Grade, ...] = (_SAME, _HARMLESS, _BYTES, _RESULT)


@dataclass(frozen=True)
class Compared:
    """One property of the environment.

    Attributes:
        name: a field of the record's environment, or the name of a package.
        recorded: as it was; None where the record does not say.
        here: as it is; None where it is not known or not installed.
        grade: what the difference can do.
        reason: why, in a few words; empty where it is the same.
    """

    name: str
    recorded: str | None
    here: str | None
    grade: Grade
    reason: str = ""


# Field of the record → what another value of it can do, and why.
_FIELDS: dict[str, tuple[Grade, str]] = {
    "accelerator": (_RESULT, "each kind of device has its own kernels and its own random numbers"),
    "accelerator_count": (_RESULT, "the batch is split another way"),
    "world_size": (_RESULT, "the batch is split another way"),
    "machine": (_BYTES, "another processor family adds up in another order"),
    "cpu_capability": (_BYTES, "wider vectors add up in another order"),
    "threads": (_BYTES, "another number of threads adds up in another order"),
    "blas": (_BYTES, "another library multiplies matrices in another order"),
    "cuda": (_BYTES, "other kernels may be chosen"),
    "driver": (_HARMLESS, "kernels come with torch, not with the driver"),
    "launcher": (_HARMLESS, "only how the processes are started"),
    "os": (_HARMLESS, "training does not ask it"),
    "cpu": (_HARMLESS, "what matters of it is its vector instructions, compared above"),
    "cpu_count": (_HARMLESS, "what matters is the number of threads, compared above"),
    "memory_bytes": (_HARMLESS, "only whether the run fits"),
    "container": (_HARMLESS, "what is inside it is compared by itself"),
}
# Package → what another major, minor or patch version can do, and why. A package that is not here is harmless.
_PACKAGES: dict[str, tuple[Grade, Grade, Grade, str]] = {
    "torch": (_RESULT, _BYTES, _BYTES, "its kernels, optimizers and random numbers compute the weights"),
    "transformers": (_RESULT, _BYTES, _BYTES, "its trainer and models compute the weights"),
    "trl": (_RESULT, _RESULT, _BYTES, "its trainers prepare the data, and their defaults change"),
    "peft": (_RESULT, _BYTES, _BYTES, "it makes and initialises the adapter"),
    "accelerate": (_RESULT, _BYTES, _HARMLESS, "it splits the batches among processes"),
    "datasets": (_RESULT, _BYTES, _HARMLESS, "it reads, orders and shuffles the rows"),
    "tokenizers": (_RESULT, _BYTES, _BYTES, "it cuts the text into tokens"),
    "sentencepiece": (_RESULT, _BYTES, _HARMLESS, "it cuts the text into tokens"),
    "numpy": (_BYTES, _BYTES, _HARMLESS, "shuffles draw from its random numbers"),
    "bitsandbytes": (_RESULT, _BYTES, _BYTES, "it quantises the base, and has optimizers of its own"),
    "deepspeed": (_RESULT, _BYTES, _BYTES, "it splits model and optimizer"),
    "flash-attn": (_BYTES, _BYTES, _BYTES, "its kernels compute attention"),
    "xformers": (_BYTES, _BYTES, _BYTES, "its kernels compute attention"),
    "triton": (_BYTES, _BYTES, _BYTES, "it compiles kernels"),
    "liger-kernel": (_BYTES, _BYTES, _BYTES, "its kernels compute the loss"),
    "unsloth": (_RESULT, _RESULT, _BYTES, "it replaces the model's kernels"),
    "safetensors": (_BYTES, _HARMLESS, _HARMLESS, "it writes the file that the weights are in"),
}


def compare(recorded: Environment, here: Environment) -> tuple[Compared, ...]:
    """Every property that the record knows and that matters, and every package that differs; the gravest first.

    Args:
        recorded: of the run.
        here: of the interpreter that would run it again. What it leaves out (null) is not compared, but for packages.
    """
    found = [*_fields(recorded, here), _python(recorded.python, here.python), *_packages(recorded, here)]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -GRADES.index(one.grade)))


def gravest(compared: tuple[Compared, ...]) -> Grade:
    """The gravest grade among them; `same` of none."""
    return max((one.grade for one in compared), key=GRADES.index, default=_SAME)


def _fields(recorded: Environment, here: Environment) -> Iterator[Compared]:
    for name, (grade, reason) in _FIELDS.items():
        was, now = getattr(recorded, name), getattr(here, name)
        if was is not None and now is not None:
            yield _one(name, was, now, grade, reason)


def _one(name: str, was: Any, now: Any, grade: Grade, reason: str) -> Compared:
    return (
        Compared(name, str(was), str(now), _SAME) if was == now else Compared(name, str(was), str(now), grade, reason)
    )


def _python(was: str | None, now: str | None) -> Compared | None:
    if was is None or now is None:
        return None
    minor = was.split(".")[:2] == now.split(".")[:2]
    reason = "a patch of the same Python" if minor else "other builds of every package go with another Python"
    return _one("python", was, now, _HARMLESS if minor else _BYTES, reason)


def _packages(recorded: Environment, here: Environment) -> Iterator[Compared]:
    for name, was in recorded.packages.items():
        now = here.packages.get(name)
        known = _PACKAGES.get(name)
        if was == now:
            if known:
                yield Compared(name, was, now, _SAME)
        elif known is None:
            yield Compared(name, was, now, _HARMLESS, "training is not known to depend on it")
        elif now is None:
            yield Compared(name, was, None, _RESULT, f"not installed here; {known[-1]}")
        else:
            yield Compared(name, was, now, known[_changed_part(was, now)], known[-1])  # type: ignore[arg-type]  # the index is 0, 1 or 2, never that of the reason


def _changed_part(was: str, now: str) -> int:
    """0 where the major version differs, 1 the minor, 2 anything after it (a local build such as `+cpu` included)."""
    one, other = (version.partition("+")[0].split(".") for version in (was, now))
    if one[:1] != other[:1]:
        return 0
    return 1 if one[:2] != other[:2] else 2
