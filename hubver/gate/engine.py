"""The engine: the base model once in memory, candidate and production as adapters on it, swapped in place.

Greedy decoding in length-sorted batches with left padding, so that the answers are those of one prompt after another.
torch, transformers and peft are imported when the first model is loaded, and not before.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.gate import adapter
from hubver.gate.quiet import library
from hubver.gate.requests import Generation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hubver.gate.requests import Answer, Prompt, Request

# Sequences, and tokens with padding, in one batch: small enough for a laptop, and no slower on two cores.
_BATCH_SEQUENCES = 64
_BATCH_TOKENS = 16_384
# Below this many parameters the threads of one step wait for each other longer than they work: measured on two busy
# cores, a model of half a million answered 8 to 20 times faster on one thread, and with the same texts.
_PARAMETERS_WORTH_THREADS = 20_000_000


@dataclass(frozen=True)
class ModelSource:
    """Where a model lies on this machine. No Hub is needed from here on.

    Attributes:
        name: candidate or production.
        folder: an adapter (with `adapter_config.json`) or a whole model, with its tokenizer if it has its own.
        base: the base model's folder; None for a whole model whose base is not known.
    """

    name: str
    folder: Path
    base: Path | None = None

    @property
    def is_adapter(self) -> bool:
        """Whether the folder holds an adapter, rather than a whole model."""
        return (self.folder / adapter.CONFIG).is_file()


class Engine:
    """Loads models, each base only once, and keeps them until the engine is dropped.

    Args:
        tell: told, before each step that may take long, what it is.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self._tell = tell
        self._bases: dict[Path, Any] = {}
        self._loaded: dict[ModelSource, LoadedModel] = {}

    def load(self, source: ModelSource) -> LoadedModel:
        """The model of a source, in evaluation mode.

        Raises:
            HarnessFailed: it cannot be loaded, or parts of the adapter fit nothing in the base model.
            MissingPackage: torch, transformers or peft is not installed.
            Unsafe: the adapter is a pickle.
        """
        if source not in self._loaded:
            with library(f"loading {source.name}"):
                self._loaded[source] = self._adapted(source) if source.is_adapter else self._whole(source)
        return self._loaded[source]

    def settings(self) -> dict[str, str | int | bool]:
        """What the numbers may depend on: device, precision, threads, vectorisation and library versions."""
        with library("describing the engine"):
            import torch

            device, dtype = _placement()
            return {
                "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
                "dtype": str(dtype).removeprefix("torch."),
                "threads": max((model.threads for model in self._loaded.values()), default=torch.get_num_threads()),
                "cpu_capability": torch.backends.cpu.get_cpu_capability(),
                "decoding": "greedy",
                "batch_sequences": _BATCH_SEQUENCES,
                **{name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")},
            }

    def difference_from_base(self, source: ModelSource, prompts: Sequence[Prompt]) -> float | None:
        """The greatest absolute difference of a logit between a model and its base, over some prompts.

        Returns:
            None where no base is known; NaN where a logit is none.

        Raises:
            HarnessFailed: a model cannot be loaded or run.
        """
        if source.base is None:
            return None
        model = self.load(source)
        self._tell(f"comparing {source.name} with its base model")
        with library(f"comparing {source.name} with its base model"), _threads(model.threads):
            import torch

            greatest = torch.zeros(())
            for prompt in prompts:
                ids = torch.tensor([model.encode(str(prompt))], device=model.network.device)
                with torch.inference_mode():
                    with model.active():
                        ours = model.network(input_ids=ids).logits.float()
                    with self._base_of(model) as base:
                        theirs = base(input_ids=ids).logits.float()
                shared = min(ours.shape[-1], theirs.shape[-1])
                # torch's maximum keeps a NaN, where Python's may lose it.
                greatest = torch.maximum(greatest, (ours[..., :shared] - theirs[..., :shared]).abs().max().cpu())
            return float(greatest)

    @contextlib.contextmanager
    def _base_of(self, model: LoadedModel) -> Iterator[Any]:
        if model.adapter is not None and model.shares_base:
            with model.network.disable_adapter():
                yield model.network
        else:
            yield _network(model.source.base)

    def _whole(self, source: ModelSource) -> LoadedModel:
        self._tell(f"loading {source.name}")
        return LoadedModel(source, _network(source.folder), _tokenizer(source), adapter=None, shares_base=False)

    def _adapted(self, source: ModelSource) -> LoadedModel:
        from peft import PeftModel

        if source.base is None:
            raise BadInput(f"The adapter {source.name} in {source.folder} names no base model.")
        adapter.check_weights(source.name, source.folder)
        shares = adapter.leaves_base_alone(source.folder)
        key = source.base.resolve()
        network = self._bases.get(key) if shares else None
        if network is None:
            self._tell(f"loading the base model of {source.name}")
            network = PeftModel.from_pretrained(_network(source.base), source.folder, adapter_name=source.name)
        else:
            self._tell(f"loading {source.name} onto the same base model")
            network.load_adapter(source.folder, adapter_name=source.name)
        adapter.check_all_applied(source.name, source.folder, network)
        if shares:
            self._bases[key] = network
        return LoadedModel(source, network.eval(), _tokenizer(source), adapter=source.name, shares_base=shares)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model that can answer. Made by `Engine.load`.

    Attributes:
        source: where it came from.
        network: the torch module, maybe shared with other adapters.
        tokenizer: its own.
        adapter: its adapter's name on the network; None for a whole model.
        shares_base: whether the network without the adapter is the untouched base model.
    """

    source: ModelSource
    network: Any
    tokenizer: Any
    adapter: str | None
    shares_base: bool

    @property
    def threads(self) -> int:
        """How many threads it runs on: it depends on the model and the machine, never on what else was loaded."""
        import torch

        small = self.network.num_parameters() < _PARAMETERS_WORTH_THREADS
        return 1 if small else torch.get_num_threads()

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to some requests, in their order.

        Raises:
            BadInput, HarnessFailed: see `generate`.
        """
        answers: dict[Request, Answer] = {}
        generations = [request for request in requests if isinstance(request, Generation)]
        for length in dict.fromkeys(request.max_new_tokens for request in generations):
            some = [request for request in generations if request.max_new_tokens == length]
            texts = self.generate([str(request.prompt) for request in some], max_new_tokens=length)
            answers.update(zip(some, texts, strict=True))
        return [answers[request] for request in requests]

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 64) -> list[str]:
        """The greedy answers to some prompts, in their order, without the prompt and without special tokens.

        Raises:
            BadInput: a prompt has no tokens, or does not fit the model's context together with its answer.
            HarnessFailed: the model broke.
        """
        with library(f"generating with {self.source.name}"), _threads(self.threads):
            ids = [self.encode(prompt) for prompt in prompts]
            self._check_lengths(ids, max_new_tokens)
            answers = [""] * len(ids)
            # By length, so that little is padded; by text too, so that batches do not depend on the caller's order.
            order = sorted(range(len(ids)), key=lambda at: (len(ids[at]), prompts[at]))
            with self.active():
                for batch in _batches(order, [len(item) for item in ids], max_new_tokens):
                    texts = self._answer([ids[at] for at in batch], max_new_tokens)
                    for at, text in zip(batch, texts, strict=True):
                        answers[at] = text
            return answers

    def encode(self, prompt: str) -> list[int]:
        """A prompt's tokens, with the special tokens that the tokenizer adds."""
        tokens: list[int] = self.tokenizer(prompt)["input_ids"]
        return tokens

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Make this model's adapter the active one on the shared network."""
        if self.adapter is not None:
            self.network.set_adapter(self.adapter)
        yield

    def _answer(self, batch: list[list[int]], max_new_tokens: int) -> list[str]:
        import torch
        from transformers import GenerationConfig

        width = max(len(item) for item in batch)
        end = _stop_tokens(self.network, self.tokenizer)
        pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else next(iter(end), 0)
        ids = torch.tensor([[pad] * (width - len(item)) + item for item in batch], device=self.network.device)
        mask = torch.tensor([[0] * (width - len(item)) + [1] * len(item) for item in batch], device=self.network.device)
        config = GenerationConfig(
            do_sample=False, max_new_tokens=max_new_tokens, pad_token_id=pad, eos_token_id=end or None
        )
        with torch.inference_mode():
            output = self.network.generate(input_ids=ids, attention_mask=mask, generation_config=config)
        answers = output[:, width:].tolist()
        texts: list[str] = [
            self.tokenizer.decode(answer, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            for answer in answers
        ]
        return texts

    def _check_lengths(self, ids: Sequence[Sequence[int]], max_new_tokens: int) -> None:
        context = getattr(self.network.config, "max_position_embeddings", None)
        for item in ids:
            if not item:
                raise BadInput(f"The tokenizer of {self.source.name} makes no tokens of a prompt.")
            if context is not None and len(item) + max_new_tokens > context:
                raise BadInput(
                    f"A prompt of {len(item)} tokens and {max_new_tokens} new ones do not fit {self.source.name}.",
                    expected=f"at most {context} tokens",
                    hint="Shorten the prompts or lower max_new_tokens; a cut prompt would be another question.",
                )


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _placement() -> tuple[str, Any]:
    import torch

    return ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)


def _network(folder: Path | None) -> Any:
    from transformers import AutoModelForCausalLM, GenerationConfig

    device, dtype = _placement()
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True).to(device).eval()
    # The model's own defaults (sampling, repetition penalties) would leak into `generate`; only its stops are kept.
    network.generation_config = GenerationConfig(eos_token_id=network.generation_config.eos_token_id)
    return network


def _tokenizer(source: ModelSource) -> Any:
    from transformers import AutoTokenizer

    own = any((source.folder / name).is_file() for name in ("tokenizer_config.json", "tokenizer.json"))
    return AutoTokenizer.from_pretrained(source.folder if own else source.base, local_files_only=True)


def _stop_tokens(network: Any, tokenizer: Any) -> list[int]:
    stops = network.generation_config.eos_token_id
    found = {tokenizer.eos_token_id, *(stops if isinstance(stops, list) else [stops])}
    return sorted(token for token in found if token is not None)


def _batches(order: Sequence[int], lengths: Sequence[int], new_tokens: int) -> Iterator[list[int]]:
    batch: list[int] = []
    for at in order:  # ascending lengths: the newest is the widest
        if batch and (len(batch) == _BATCH_SEQUENCES or (len(batch) + 1) * (lengths[at] + new_tokens) > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch
