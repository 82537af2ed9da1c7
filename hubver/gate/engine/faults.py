"""Faults of a model's files that a score would not show for what they are: a swapped tokenizer, a broken chat template.

What they say names prompts by their number and never quotes them: it goes into reports that anyone may read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.errors import BadInput, HarnessFailed
from hubver.gate.asking import adapter
from hubver.gate.asking.quiet import library
from hubver.gate.asking.requests import Chat
from hubver.gate.engine.encoding import Encoder
from hubver.gate.engine.source import read_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.gate.asking.requests import Prompt
    from hubver.gate.engine.source import ModelSource


def tokenizer_fault(source: ModelSource, prompts: Sequence[Prompt]) -> str | None:
    """What is wrong with an adapter's tokenizer: it makes other tokens of a prompt than the base was trained on.

    An adapter that trained embeddings may have tokens of its own, and a whole model always may: neither is judged.

    Args:
        source: whose tokenizer.
        prompts: to compare on; a chat is compared as its own template writes it.

    Returns:
        one sentence; None where nothing is wrong.

    Raises:
        BadInput: a prompt is a chat and there is no chat template.
        HarnessFailed: a tokenizer cannot be read.
    """
    if source.base is None or not source.is_adapter or source.tokenizer_folder == source.base:
        return None
    with library(f"comparing the tokenizer of {source.name} with its base's"):
        if adapter.trains_embeddings(source.folder):
            return None
        own, base = (
            read_tokenizer(folder, remote_code=source.remote_code) for folder in (source.tokenizer_folder, source.base)
        )
        encoder = Encoder(source.name, own, None)
        for number, prompt in enumerate(prompts, start=1):
            is_chat = isinstance(prompt, Chat)
            text = encoder.render(prompt) if isinstance(prompt, Chat) else prompt
            ours, theirs = (tokenizer.encode(text, add_special_tokens=not is_chat) for tokenizer in (own, base))
            if ours != theirs:
                at = next((i for i, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), -1)
                where = f"token {at + 1}" if at >= 0 else f"{len(ours)} tokens instead of {len(theirs)}"
                return (
                    f"The tokenizer of {source.name} is not its base's: it reads prompt {number} of {len(prompts)} otherwise "
                    f"({where}), and the adapter trained no embeddings."
                )
        return None


def template_fault(source: ModelSource, chats: Sequence[Chat]) -> str | None:
    """What is wrong with a model's chat template: there is none, it breaks, or it leaves out what a message says.

    Args:
        source: whose template.
        chats: to try it on.

    Returns:
        one sentence; None where nothing is wrong.

    Raises:
        HarnessFailed: the tokenizer cannot be read.
    """
    if not chats:
        return None
    with library(f"reading the tokenizer of {source.name}"):
        encoder = Encoder(source.name, read_tokenizer(source.tokenizer_folder, remote_code=source.remote_code), None)
        for which, chat in enumerate(chats, start=1):
            try:
                text = encoder.render(chat)
            except (BadInput, HarnessFailed) as fault:
                return str(fault)
            for number, message in enumerate(chat.messages, start=1):
                # Templates of models that reason leave out what was thought in earlier turns, and are right to.
                content = message.content.rpartition("</think>")[2].strip()
                if content not in text:
                    return (
                        f"The chat template of {source.name} leaves out message {number} ({message.role}) "
                        f"of chat {which} of {len(chats)}."
                    )
    return None
