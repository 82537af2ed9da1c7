"""Prompts to tokens, exactly as lm-evaluation-harness (0.4.13, `TemplateLM._encode_pair` and `HFLM.tok_encode`) does it.

A text that already starts with the beginning-of-sequence token gets no second one. A chat gets none at all from the
tokenizer: its template writes those it wants, as `apply_chat_template` in transformers has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput, HarnessFailed
from hubver.gate.asking.requests import Chat
from hubver.gate.running.public import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubver.gate.asking.requests import Likelihood, Prompt

    # A text, and whether the tokenizer adds its special tokens.
    Text = tuple[str, bool]
    Tokens = tuple[int, ...]
    # What came before, and the text's own tokens. A text too long for the model is several, one after another.
    Pair = tuple[Tokens, Tokens]


class Encoder:
    """Makes tokens of one model's prompts.

    Args:
        name: the model's, for people.
        tokenizer: its own.
        limit: how many tokens it can see at once; None where its configuration does not say.
    """

    def __init__(self, name: str, tokenizer: Any, limit: int | None) -> None:
        self._name = name
        self.tokenizer = tokenizer
        self._limit = limit
        prefix = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self._prefix: int | None = prefix
        self._prefix_text = "" if prefix is None else str(tokenizer.decode([prefix]))

    def prompts(self, prompts: Iterable[Prompt], *, room: int = 0) -> list[list[int]]:
        """The tokens of some prompts.

        Args:
            prompts: texts and chats.
            room: how many tokens must fit behind each.

        Raises:
            BadInput: a prompt has no tokens or does not fit, or there is no chat template.
            HarnessFailed: the chat template broke.
        """
        texts = [self._text(prompt) for prompt in prompts]
        tokens = self._tokens(texts)
        for text in texts:
            if not tokens[text]:
                raise BadInput(f"The tokenizer of {self._name} makes no tokens of a prompt.")
            if self._limit is not None and len(tokens[text]) + room > self._limit:
                raise self._too_long(f"A prompt of {len(tokens[text])} tokens and {room} new ones")
        return [tokens[text] for text in texts]

    def continuations(self, requests: Sequence[Likelihood]) -> list[list[list[Pair]]]:
        """For each request and each of its continuations: the pairs whose log-probabilities add up to its own.

        There is one pair, but for a document (an empty prompt) longer than the model sees: that is cut into windows as
        lm-evaluation-harness's `loglikelihood_rolling` cuts it.

        Raises:
            BadInput: a continuation has no tokens or does not fit, or there is no chat template.
            HarnessFailed: the chat template broke.
        """
        contexts = [self._text(request.prompt) for request in requests]
        # The harness moves white space at the end of a prompt to the continuation, where words begin with theirs.
        bare = [(text.rstrip(), special) for text, special in contexts]
        wholes = [
            [(text + continuation, special and bool(cut)) for continuation in request.continuations]
            for request, (text, special), (cut, _) in zip(requests, contexts, bare, strict=True)
        ]
        tokens = self._tokens([*(text for text in bare if text[0]), *(text for some in wholes for text in some)])
        return [
            [self._pairs(tokens[before] if before[0] else [], tokens[whole]) for whole in some]
            for before, some in zip(bare, wholes, strict=True)
        ]

    def render(self, chat: Chat) -> str:
        """A chat as one text, up to where the model's turn begins.

        Raises:
            BadInput: there is no chat template.
            HarnessFailed: the chat template broke.
        """
        if not self.tokenizer.chat_template:
            raise BadInput(
                f"The tokenizer of {self._name} has no chat template, and a prompt is a chat.",
                hint="Put chat_template.jinja beside the tokenizer, or write the prompt as one text.",
            )
        turns = [{"role": message.role, "content": message.content} for message in chat.messages]
        try:
            text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except Exception as error:
            raise HarnessFailed(
                f"The chat template of {self._name} cannot make a prompt of a chat: {said(error)}",
                found=", ".join(message.role for message in chat.messages),
            ) from error
        return str(text)

    def _text(self, prompt: Prompt) -> Text:
        if isinstance(prompt, Chat):
            return self.render(prompt), False
        return prompt, not (self._prefix_text and prompt.startswith(self._prefix_text))

    def _tokens(self, texts: Sequence[Text]) -> dict[Text, list[int]]:
        found: dict[Text, list[int]] = {}
        for special in (True, False):
            if some := [text for text, wanted in dict.fromkeys(texts) if wanted is special]:
                rows = self.tokenizer(some, add_special_tokens=special)["input_ids"]
                found.update(((text, special), row) for text, row in zip(some, rows, strict=True))
        return found

    def _pairs(self, before: list[int], whole: list[int]) -> list[Pair]:
        if not before:
            return self._from_the_beginning(whole)
        context, continuation = tuple(before), tuple(whole[len(before) :])
        if not continuation:
            raise BadInput(f"The tokenizer of {self._name} makes no tokens of a continuation.")
        # The last token is only ever told, never shown.
        if self._limit is not None and len(context) + len(continuation) - 1 > self._limit:
            raise self._too_long(f"A prompt of {len(context)} tokens and a continuation of {len(continuation)}")
        return [(context, continuation)]

    def _from_the_beginning(self, tokens: list[int]) -> list[Pair]:
        if self._prefix is None:
            raise BadInput(f"The tokenizer of {self._name} has no token to begin a document with.")
        if tokens and tokens[0] == self._prefix:
            tokens = tokens[1:]
        if not tokens:
            raise BadInput(f"The tokenizer of {self._name} makes no tokens of a continuation.")
        limit = self._limit or len(tokens)
        pairs: list[Pair] = [((self._prefix,), tuple(tokens[:limit]))]
        for start in range(limit, len(tokens), limit):
            end = min(start + limit, len(tokens))
            pairs.append((tuple(tokens[end - limit - 1 : start]), tuple(tokens[start:end])))
        return pairs

    def _too_long(self, what: str) -> BadInput:
        return BadInput(
            f"{what} do not fit {self._name}.",
            expected=f"at most {self._limit} tokens",
            hint="Shorten the prompts or lower max_new_tokens; a cut prompt would be another question.",
        )
