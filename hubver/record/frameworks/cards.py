"""The model card that a trainer generates: what of the run it names.

Three tools write one: transformers (`modelcard.py`, `TrainingSummary`), TRL (`templates/lm_model_card.md`) and PEFT
(`PeftModel.create_or_update_model_card`), the last also into a card of the others. A card that people wrote, or that
came with the base model, says nothing here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from hubver.record.frameworks import bounded
from hubver.record.observe.links import public_url
from hubver.record.schema import Link, Seeds
from hubver.record.secrets import redact

_FRONT = re.compile(r"\A\s*---[ \t]*\n(?P<yaml>.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_PEFT = re.compile(r"^- PEFT [0-9]", re.MULTILINE)
_PARAMETERS = re.compile(
    r"^The following hyperparameters were used during training:\n(?P<lines>(?:- [^\n]*\n)+)", re.MULTILINE
)
_PARAMETER = re.compile(r"^- (?P<name>\w+): (?P<value>.+)$", re.MULTILINE)
# `- TRL: 1.0` of TRL's template, `- Transformers 5.0` of transformers and PEFT.
_VERSION = re.compile(
    r"^- (?P<name>PEFT|TRL|Transformers|Pytorch|Datasets|Tokenizers):? (?P<version>[0-9][\w.+-]*)$", re.MULTILINE
)
_PACKAGES = {"Pytorch": "torch"}
_LINK = re.compile(
    r'alt="Visualize in (?P<kind>Weights & Biases|Trackio|Comet)"[^>\n]{0,200}>\]\((?P<url>https?://[^\s)]{1,500})\)'
)
_KINDS = {"Weights & Biases": "wandb", "Trackio": "trackio", "Comet": "comet"}
# What the card calls an argument; others have its name there.
_ARGUMENTS = {
    "learning_rate": "learning_rate",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "lr_scheduler_type": "lr_scheduler_type",
    "lr_scheduler_warmup_steps": "warmup_steps",
    "num_epochs": "num_train_epochs",
    "training_steps": "max_steps",
    "label_smoothing_factor": "label_smoothing_factor",
    "seed": "seed",
}


@dataclass(frozen=True)
class Card:
    """A generated card; empty if it is none.

    Attributes:
        metadata: the front matter.
        text: the whole card.
    """

    metadata: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    @classmethod
    def read(cls, text: str) -> Card:
        """A card; its metadata is empty where it cannot be read."""
        front = _FRONT.match(text)
        try:
            metadata = bounded.yaml_of(front["yaml"]) if front else {}
        except ValueError:
            metadata = {}
        return cls(metadata, text)

    @property
    def tags(self) -> frozenset[str]:
        """Its tags."""
        tags = self.metadata.get("tags")
        return frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset()

    @property
    def generated(self) -> bool:
        """Whether a training tool wrote it."""
        return "generated_from_trainer" in self.tags or _PEFT.search(self.text) is not None

    @property
    def base(self) -> str | None:
        """The base model that it names."""
        base = self.metadata.get("base_model")
        return base if isinstance(base, str) else None

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets that its metadata names."""
        named = self.metadata.get("datasets")
        names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
        return tuple(name for name in names if isinstance(name, str))

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the packages that it names."""
        return {
            _PACKAGES.get(found["name"], found["name"].lower()): found["version"]
            for found in _VERSION.finditer(self.text)
        }

    @property
    def links(self) -> tuple[Link, ...]:
        """The trackers' pages of the run, one of each that others can open."""
        named = {_KINDS[found["kind"]]: found["url"] for found in _LINK.finditer(self.text)}
        pages = {kind: _page(url) for kind, url in named.items()}
        return tuple(Link(kind=kind, url=page) for kind, page in pages.items() if page)

    @property
    def arguments(self) -> dict[str, Any]:
        """The trainer's arguments that transformers lists, whether they are defaults or not."""
        return {name: self._parameters[key] for key, name in _ARGUMENTS.items() if key in self._parameters}

    @property
    def training(self) -> dict[str, Any]:
        """Fields of the record's training part that follow from what transformers lists."""
        given = self._parameters
        if not given:
            return {}
        total = given.get("total_train_batch_size", given.get("train_batch_size"))
        seed = given.get("seed")
        fields = {
            "scheduler": given.get("lr_scheduler_type"),
            # Left out where it is 1 (`extract_hyperparameters_from_trainer`).
            "gradient_accumulation_steps": given.get("gradient_accumulation_steps", 1),
            "world_size": given.get("num_devices", 1),
            "effective_batch_size": total if isinstance(total, int) else None,
            "precision": "fp16" if "mixed_precision_training" in given else None,
            "seeds": Seeds(seed=seed) if isinstance(seed, int) else None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def _parameters(self) -> dict[str, Any]:
        listed = _PARAMETERS.search(self.text)
        if listed is None:
            return {}
        return {found["name"]: _value(found["value"]) for found in _PARAMETER.finditer(listed["lines"])}


def _page(url: str) -> str | None:
    try:
        return public_url(url)
    except ValueError:
        return None


def _value(text: str) -> Any:
    """A number as Python prints it, else the text."""
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        return value if math.isfinite(value) else text
    return redact(text)[:200]
