"""Scorers of plain text."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from hubver.errors import BadInput

Mode = Literal["search", "fullmatch", "extract"]
_MODES = ("search", "fullmatch", "extract")


def exact_match(prediction: str, expected: str) -> float:
    """1.0 where both are the same text, white space at the ends aside; else 0.0."""
    return float(prediction.strip() == expected.strip())


def normalised_match(prediction: str, expected: str) -> float:
    """Like `exact_match`, but blind to case, to runs of white space and to Unicode forms (NFKC)."""
    return float(_normalised(prediction) == _normalised(expected))


def token_f1(prediction: str, expected: str) -> float:
    """The F1 of words in common, as SQuAD 1.1's evaluation has it: blind to case, punctuation and the English articles.

    Where nothing is left of either, 1.0 if nothing is left of both, else 0.0, as in SQuAD 2.0.
    """
    ours, wanted = _words(prediction), _words(expected)
    if not ours or not wanted:
        return float(ours == wanted)
    common = sum((Counter(ours) & Counter(wanted)).values())
    return 2 * common / (len(ours) + len(wanted))


@dataclass(frozen=True)
class Regex:
    """A pattern that the prediction is held to; made by `regex`.

    Attributes:
        pattern: in Python's syntax.
        mode: how it is used.
    """

    pattern: str
    mode: Mode

    def __call__(self, prediction: str, expected: str) -> float:
        """Score one example."""
        if self.mode == "fullmatch":
            return float(re.fullmatch(self.pattern, prediction.strip()) is not None)
        found = re.search(self.pattern, prediction)
        if self.mode == "search" or found is None:
            return float(found is not None)
        part = found[1] if found.re.groups else found[0]
        return float((part or "").strip() == expected.strip())


def regex(pattern: str, mode: Mode = "search") -> Regex:
    """A scorer that looks for a pattern.

    Args:
        pattern: in Python's syntax.
        mode: `search`: 1.0 where it is found anywhere in the prediction. `fullmatch`: 1.0 where it is all of the
            prediction, white space at the ends aside. `extract`: 1.0 where its first group (without one, all of it), at
            the first place it is found, is the expected answer. Only `extract` looks at what was expected.

    Raises:
        BadInput: it is no pattern, or no mode.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadInput(f"The pattern {pattern!r} is none: {error}.") from None
    if mode not in _MODES:
        raise BadInput(f"A pattern cannot be used to {mode!r}.", expected=f"one of {', '.join(_MODES)}")
    return Regex(pattern, mode)


_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
