"""Loading: each base once, and on it every adapter that leaves it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.gate.asking import adapter
from hubver.gate.asking.quiet import library
from hubver.gate.engine import placement
from hubver.gate.engine.batches import Batches, Budget
from hubver.gate.engine.encoding import Encoder
from hubver.gate.engine.model import LoadedModel
from hubver.gate.engine.network import Network
from hubver.gate.engine.source import ModelSource, read_tokenizer
from hubver.gate.engine.timing import time_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hubver.gate.asking.requests import Request
    from hubver.gate.engine.timing import Timing


class Engine:
    """Loads models, each base only once, and keeps them until the engine is dropped.

    Args:
        tell: told, before each step that may take long, what it is; and when a batch did not fit into memory.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self._tell = tell
        self._networks: dict[Path, Network] = {}
        self._loaded: dict[ModelSource, LoadedModel] = {}

    def load(self, source: ModelSource) -> LoadedModel:
        """The model of a source, in evaluation mode. A base that adapters sit on is not loaded again.

        Raises:
            HarnessFailed: it cannot be loaded, or parts of the adapter fit nothing in the base model.
            MissingPackage: torch, transformers or peft is not installed.
            Unsafe: its weights, or its base model's, are a pickle.
        """
        if source not in self._loaded:
            with library(f"loading {source.name}"):
                self._loaded[source] = self._adapted(source) if source.is_adapter else self._whole(source)
        return self._loaded[source]

    def time(self, sources: Sequence[ModelSource], requests: Sequence[Request]) -> list[tuple[Timing, ...]]:
        """How long each model takes for each request; see `timing`.

        Raises:
            HarnessFailed: a model cannot be loaded or run.
        """
        return time_requests([self.load(source) for source in sources], requests, repeats=1)

    def settings(self) -> dict[str, str | int | bool]:
        """What the numbers may depend on: device, precision, threads, vectorisation, batches and library versions."""
        with library("describing the engine"):
            budgets = [model.budget for model in self._loaded.values()] or [Budget.initial()]
            threads = max((model.threads for model in self._loaded.values()), default=None)
            return {
                **placement.described(),
                **({} if threads is None else {"threads": threads}),
                "batch_sequences": min(budget.sequences for budget in budgets),
                "batch_tokens": min(budget.tokens for budget in budgets),
            }

    def key(self) -> dict[str, str | int | bool]:
        """What tells whose answers may be used again: `settings` without the batches, which change no decision.

        Loads no model. `threads` is what the machine offers, of which a small model uses one.
        """
        with library("describing the engine"):
            return placement.described()

    def _whole(self, source: ModelSource) -> LoadedModel:
        return self._model(source, self._network(source, source.folder, source.name), None, shares_base=True)

    def _adapted(self, source: ModelSource) -> LoadedModel:
        if source.base is None:
            raise BadInput(f"The adapter {source.name} in {source.folder} names no base model.")
        adapter.check_weights(source.name, source.folder)
        if not adapter.leaves_base_alone(source.folder):
            self._tell(f"loading {source.name} on a base model of its own")
            network = Network(f"the base model of {source.name}", source.base, remote_code=source.remote_code)
            return self._model(source, network, network.put(source), shares_base=False)
        network = self._network(source, source.base, f"the base model of {source.name}")
        self._tell(f"putting {source.name} onto its base model")
        try:
            return self._model(source, network, network.put(source), shares_base=True)
        except Exception:
            # Who knows what it left in the base.
            del self._networks[source.base.resolve()]
            raise

    def _network(self, source: ModelSource, folder: Path, what: str) -> Network:
        key = folder.resolve()
        if key not in self._networks:
            self._tell(f"loading {what}")
            self._networks[key] = Network(what, folder, remote_code=source.remote_code)
        return self._networks[key]

    def _model(self, source: ModelSource, network: Network, worn: str | None, *, shares_base: bool) -> LoadedModel:
        limit = getattr(network.module.config.get_text_config(), "max_position_embeddings", None)
        tokenizer = read_tokenizer(source.tokenizer_folder, remote_code=source.remote_code)
        encoder = Encoder(source.name, tokenizer, limit)
        batches = Batches(source.name, Budget.initial(), self._tell)
        return LoadedModel(source, network, worn, encoder, batches, shares_base=shares_base)
