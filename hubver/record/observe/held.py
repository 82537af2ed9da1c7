"""What a recording is made from: what the user said of the run, and what its trainer holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.record.observe import live

if TYPE_CHECKING:
    from collections.abc import Sequence


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

    def callbacks(self) -> list[Any]:
        """The trainer's callbacks, the user's own among them."""
        return list(getattr(getattr(self.trainer, "callback_handler", None), "callbacks", ()))

    def datasets(self) -> list[tuple[str, str, Any]]:
        """Role, name and dataset of each; a trainer may hold several to evaluate on, by name."""
        found: list[tuple[str, str, Any]] = []
        for role, loader in self.loaders.items():
            dataset = getattr(self.trainer, f"{role}_dataset", None)
            dataset = getattr(loader, "dataset", None) if dataset is None else dataset
            named = dataset if type(dataset) is dict else {role: dataset}
            found += [(role, name, item) for name, item in named.items() if item is not None]
        return found
