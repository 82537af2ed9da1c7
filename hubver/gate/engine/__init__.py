"""The engine: the base model once in memory, candidate and production as adapters on it, swapped in place.

``source``     where a model lies             ``network``     a base in memory, and its adapters
``backend``    what any engine can be asked   ``loading``     `Engine`: loads each base once
``encoding``   prompts to tokens              ``model``       `LoadedModel`: answers requests
``batches``    how many fit at once           ``generation``, ``drawing``, ``likelihood``, ``trees``: the answers themselves
``placement``  device, precision, threads     ``timing``, ``faults``: what else gates ask of models

torch, transformers and peft are imported when the first model is loaded, and not before.
"""

from __future__ import annotations

from hubver.gate.engine.backend import Backend, Respondent
from hubver.gate.engine.faults import template_fault, tokenizer_fault
from hubver.gate.engine.loading import Engine
from hubver.gate.engine.model import LoadedModel
from hubver.gate.engine.source import ModelSource
from hubver.gate.engine.timing import Timing, time_requests

__all__ = [
    "Backend",
    "Engine",
    "LoadedModel",
    "ModelSource",
    "Respondent",
    "Timing",
    "template_fault",
    "time_requests",
    "tokenizer_fault",
]
