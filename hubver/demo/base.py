"""The demo's base model: a Llama of half a million parameters, trained here in seconds, at chance on the task.

Small enough for two processor cores, and a real model in every way that matters: transformers loads it, PEFT puts
adapters on it, and it learns the task from examples.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hubver.demo import tickets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SEED = 0
DOCUMENTS = 8_000
VOCABULARY = 1024
STEPS = 150
BATCH = 16
CONTEXT = 64
LEARNING_RATE = 3e-3
_WARMUP_STEPS = 20
_LONGEST = 256
_PAD, _END = "<pad>", "<eos>"


def train_base(folder: Path, *, progress: Callable[[str], None] | None = None) -> Path:
    """Train tokenizer and model, and save both to `folder` as a model repo on the Hub would hold them.

    The same machine with the same number of threads writes the same bytes. One thread or two, or another instruction
    set, adds up in another order and differs in the last digits; the card in the folder names the threads.

    Args:
        folder: created if need be; files of an earlier base in it are replaced.
        progress: told, in a few words, what happens now.

    Returns:
        `folder`.
    """
    import torch

    tell = progress or (lambda _: None)
    texts = tickets.corpus(DOCUMENTS, "base")
    tell("training a tokenizer")
    tokenizer = _tokenizer(texts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = _model(tokenizer)
        _pretrain(model, _blocks(tokenizer, texts), tell)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(_card(model.num_parameters(), torch.get_num_threads()), encoding="utf-8")
    return folder


def _tokenizer(texts: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[_PAD, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=_PAD,
        eos_token=_END,
        model_max_length=_LONGEST,
        padding_side="right",
    )


def _model(tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=_LONGEST,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _blocks(tokenizer: Any, texts: Sequence[str]) -> Any:
    """All documents one after the other, each ended by the end token, cut into rows of `CONTEXT` tokens."""
    import torch

    stream: list[int] = []
    for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]:
        stream += [*ids, tokenizer.eos_token_id]
    return torch.tensor(stream[: len(stream) // CONTEXT * CONTEXT]).view(-1, CONTEXT)


def _pretrain(model: Any, blocks: Any, tell: Callable[[str], None]) -> None:
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _rate)
    model.train()
    for step in range(STEPS):
        batch = blocks[torch.randint(len(blocks), (BATCH,))]
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if (step + 1) % 50 == 0 or step + 1 == STEPS:
            tell(f"training the base: step {step + 1} of {STEPS}, loss {loss.item():.2f}")


def _rate(step: int) -> float:
    """The share of `LEARNING_RATE` at a step: a linear rise, then a cosine fall to a twentieth."""
    rise = min(1.0, (step + 1) / _WARMUP_STEPS)
    return rise * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / STEPS)))


def _card(parameters: int, threads: int) -> str:
    return f"""---
library_name: transformers
pipeline_tag: text-generation
language: en
---
# A tiny base model for trying hubver

A Llama of {parameters:,} parameters, trained from scratch on {DOCUMENTS:,} generated sentences about support tickets:
{STEPS} steps of {BATCH} x {CONTEXT} tokens, AdamW at {LEARNING_RATE:g}, seed {SEED}, {threads} threads. It knows the
words and answers in the right form, but at chance: routing a ticket is what an adapter teaches it. It has no other use.
"""
