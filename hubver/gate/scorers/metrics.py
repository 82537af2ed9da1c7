"""Metrics of the `evaluate` library as scorers: each example is computed alone."""

from __future__ import annotations

import hashlib
import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hubver.errors import BadInput, MissingPackage
from hubver.gate.running.public import said


@dataclass(frozen=True)
class Metric:
    """A metric of `evaluate`, example by example; made by `metric`.

    Attributes:
        name: its own.
        code: SHA-256 of its module's source.
        key: which of its numbers is the score; None for the only one.
        scale: what that number is at best.
        options: handed to `compute`, as pairs.
        module: the metric itself.
    """

    name: str
    code: str
    key: str | None
    scale: float
    options: tuple[tuple[str, Any], ...]
    module: Any = field(compare=False, repr=False)
    libraries: ClassVar[tuple[str, ...]] = ("evaluate",)

    def __call__(self, prediction: str, expected: str) -> float:
        """Score one example.

        Raises:
            ValueError: the metric gives no such number, or several.
        """
        found = self.module.compute(predictions=[prediction], references=[expected], **dict(self.options)) or {}
        numbers = {name: value for name, value in found.items() if self.key in (None, name)}
        if len(numbers) != 1:
            raise ValueError(f"the metric gives {', '.join(found)}: name one of them with key=")
        (number,) = numbers.values()
        # Some give a list with one entry for each prediction.
        (one,) = number if isinstance(number, list) else (number,)
        return float(one) / self.scale


def metric(source: Any, *, key: str | None = None, scale: float = 1.0, **options: Any) -> Metric:
    """A scorer that asks a metric of `evaluate` about one example at a time.

    Args:
        source: an `evaluate.Metric`, or the folder or file of a metric's module. A name on the Hub is refused, as
            `evaluate` would run whatever code lies there on the day of the gate.
        key: which of the metric's numbers is the score; None where there is only one.
        scale: what that number is at best, such as 100.
        options: handed to the metric's `compute`.

    Raises:
        BadInput: this is no metric, or no module lies there.
        MissingPackage: `evaluate` is not installed.
    """
    module = _loaded(source) if isinstance(source, str | Path) else source
    if not callable(getattr(module, "compute", None)):
        raise BadInput("This is no metric of the evaluate library.", found=repr(type(module).__name__))
    return Metric(
        name=str(getattr(module, "name", type(module).__name__)),
        code=_code(type(module)),
        key=key,
        scale=scale,
        options=tuple(sorted(options.items())),
        module=module,
    )


def _loaded(source: str | Path) -> Any:
    if not Path(source).exists():
        raise BadInput(
            f"There is no metric's module {str(source)!r} on this machine.",
            hint="Write: metric(Path(__file__).parent / FOLDER), with the module's own copy in the repository.",
        )
    try:
        import evaluate
    except ModuleNotFoundError:
        raise MissingPackage(
            f"The metric {str(source)!r} needs the package 'evaluate'.",
            hint="Install it with: pip install 'hubver[metrics]'",
        ) from None
    try:
        # In memory: each example would else be a file.
        return evaluate.load(str(source), keep_in_memory=True)
    except Exception as error:  # a module is anybody's code
        raise BadInput(f"The metric {str(source)!r} cannot be loaded: {said(error)}.") from error


def _code(kind: type) -> str:
    module = sys.modules.get(kind.__module__)
    try:
        source = inspect.getsource(module or kind)
    except (OSError, TypeError):
        source = f"{kind.__module__}.{kind.__qualname__}"
    return hashlib.sha256(source.encode()).hexdigest()
