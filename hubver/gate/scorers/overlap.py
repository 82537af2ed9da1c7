"""ROUGE, BLEU and chrF of single answers, by the libraries that papers cite, brought to [0, 1].

A mean of sentence-level scores is no corpus score: BLEU over a whole test set counts n-grams of all answers together. A
gate needs one score for each example, to pair and to bet on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from hubver.errors import BadInput

RougeKind = Literal["1", "2", "L"]


@dataclass(frozen=True)
class Rouge:
    """The F-measure of ROUGE, by `rouge_score`; made by `rouge`.

    Attributes:
        kind: 1 or 2 for words or pairs of them, L for the longest common subsequence.
        stemmer: whether words are cut to their English stems first.
    """

    kind: RougeKind
    stemmer: bool = False
    libraries: ClassVar[tuple[str, ...]] = ("rouge_score",)

    def __call__(self, prediction: str, expected: str) -> float:
        """Score one example."""
        name = f"rouge{self.kind}"
        return _within(_rouge(name, self.stemmer).score(expected, prediction)[name].fmeasure)


@dataclass(frozen=True)
class SacreBleu:
    """Sentence-level BLEU or chrF, by `sacrebleu`, divided by 100; made by `bleu` and `chrf`.

    Attributes:
        kind: which of the two.
        tokenize: BLEU's tokeniser.
        word_order: chrF's n-grams of words; 2 makes chrF++ of it.
        lowercase: whether case is ignored.
    """

    kind: Literal["bleu", "chrf"]
    tokenize: str | None = None
    word_order: int = 0
    lowercase: bool = False
    libraries: ClassVar[tuple[str, ...]] = ("sacrebleu",)

    def __call__(self, prediction: str, expected: str) -> float:
        """Score one example."""
        return _within(_sacrebleu(self).sentence_score(prediction, [expected]).score / 100)


def rouge(kind: RougeKind = "L", *, stemmer: bool = False) -> Rouge:
    """A scorer by ROUGE-1, ROUGE-2 or ROUGE-L (needs `hubver[metrics]`).

    Raises:
        BadInput: there is no such ROUGE.
    """
    if kind not in ("1", "2", "L"):
        raise BadInput(f"There is no ROUGE-{kind} here.", expected='"1", "2" or "L"')
    return Rouge(kind, stemmer)


def bleu(*, tokenize: str = "13a", lowercase: bool = False) -> SacreBleu:
    """A scorer by sentence BLEU, up to the n-grams that the answer has (`effective_order`; needs `hubver[metrics]`)."""
    return SacreBleu("bleu", tokenize=tokenize, lowercase=lowercase)


def chrf(*, word_order: int = 0, lowercase: bool = False) -> SacreBleu:
    """A scorer by chrF, or by chrF++ with `word_order=2` (needs `hubver[metrics]`)."""
    return SacreBleu("chrf", word_order=word_order, lowercase=lowercase)


def _within(score: float) -> float:
    # Rounding carries a perfect BLEU to 100.00000000000004.
    return min(1.0, float(score))


@cache
def _rouge(name: str, stemmer: bool) -> Any:  # noqa: FBT001 - only called here
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([name], use_stemmer=stemmer)


@cache
def _sacrebleu(scorer: SacreBleu) -> Any:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    if scorer.kind == "bleu":
        return BLEU(effective_order=True, tokenize=scorer.tokenize, lowercase=scorer.lowercase)
    return CHRF(word_order=scorer.word_order, lowercase=scorer.lowercase)
