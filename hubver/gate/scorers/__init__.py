"""Scorers: from a prediction and what was expected to a score in [0, 1]. Any such callable will do.

A scorer sees one example at a time, so that scores can be paired, sliced and bet on; one marked by `batched` sees many,
and still scores each as if it were alone.

``texts``     the same text, words in common, patterns    ``structures``  JSON
``overlap``   ROUGE, BLEU, chrF                           ``metrics``     whatever `evaluate` has
``identity``  what tells one scorer from another          ``batches``     many at once
"""

from __future__ import annotations

from hubver.gate.scorers.batches import Batched, BatchScorer, Scorer, batched, score_all
from hubver.gate.scorers.identity import identity, name_of
from hubver.gate.scorers.metrics import metric
from hubver.gate.scorers.overlap import bleu, chrf, rouge
from hubver.gate.scorers.structures import json_fields, json_match, json_valid
from hubver.gate.scorers.texts import exact_match, normalised_match, regex, token_f1

__all__ = [
    "BatchScorer",
    "Batched",
    "Scorer",
    "batched",
    "bleu",
    "chrf",
    "exact_match",
    "identity",
    "json_fields",
    "json_match",
    "json_valid",
    "metric",
    "name_of",
    "normalised_match",
    "regex",
    "rouge",
    "score_all",
    "token_f1",
]
