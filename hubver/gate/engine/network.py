"""A base model in memory, and the adapters that sit on it: one at a time is worn, or none."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from hubver import safe_weights
from hubver.gate.asking import adapter
from hubver.gate.engine import likelihood, placement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubver.gate.engine.source import ModelSource


class Network:
    """A base model, or a whole one.

    Args:
        what: whose it is, such as "the base model of candidate".
        folder: of its weights and configuration.
        remote_code: whether code that it brings along may run.

    Raises:
        Unsafe: its weights are a pickle.

    Attributes:
        module: the torch module; a `PeftModel` from the first adapter on.
    """

    def __init__(self, what: str, folder: Path, *, remote_code: bool = False) -> None:
        from transformers import AutoModelForCausalLM, GenerationConfig

        safe_weights.check(what, folder)
        module = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=placement.precision(),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=remote_code,  # False, and not None, which would make transformers ask on the terminal
        )
        # The model's own defaults (sampling, repetition penalties) would leak into answers; only its stops are kept.
        module.generation_config = GenerationConfig(eos_token_id=module.generation_config.eos_token_id)
        self.module: Any = module.to(placement.device()).eval()
        self._adapters = 0

    def put(self, source: ModelSource) -> str:
        """Put an adapter on, beside those that are there.

        Returns:
            its name on this network.

        Raises:
            HarnessFailed: a part of it was dropped.
        """
        from peft import PeftModel

        name = f"{source.name}-{self._adapters}"
        if self._adapters:
            self.module.load_adapter(source.folder, adapter_name=name)
        else:
            self.module = PeftModel.from_pretrained(self.module, source.folder, adapter_name=name)
        self._adapters += 1
        adapter.check_all_applied(source.name, source.folder, self.module, on_network=name)
        self.module.eval()
        return name

    @contextlib.contextmanager
    def wearing(self, name: str | None) -> Iterator[Any]:
        """The module with one adapter active; with None, as the base was before any."""
        if name is not None:
            self.module.set_adapter(name)
            yield self.module
        elif self._adapters:
            with self.module.disable_adapter():
                yield self.module
        else:
            yield self.module

    @functools.cached_property
    def shares_prompts(self) -> bool:
        """Whether a prompt may serve several continuations; adapters that leave the base alone change nothing of that."""
        return likelihood.can_share(self.module)
