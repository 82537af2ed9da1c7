"""Documents of lm-evaluation-harness: its instances as our requests, our answers as its responses, its scores as ours."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.gate.asking.examples import digest_of
from hubver.gate.asking.requests import Chat, Generation, Likelihood, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubver.gate.asking.requests import Answer, Prompt, Request

# Log-probabilities, with the length they are divided by: we score what they are the perplexity of.
PERPLEXITIES = frozenset({"perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte"})
# What the harness gives up at where neither task nor model says (`HFLM.max_gen_toks`).
_MAX_NEW_TOKENS = 256


@dataclass(frozen=True)
class Document:
    """A document, and what the harness asks about it.

    Attributes:
        content: as the harness has it.
        instances: of the harness, in its order.
        requests: to our engine.
        places: for each instance, and each time it is to be asked, the request and the continuation that answer it.
    """

    content: Any
    instances: tuple[Any, ...]
    requests: tuple[Request, ...]
    places: tuple[tuple[tuple[int, int], ...], ...]

    @classmethod
    def of(cls, instances: Sequence[Any], *, chat: bool) -> Document:
        """Bring a document's instances to requests; continuations of one prompt become one request."""
        texts: dict[str, list[str]] = {}
        for instance in instances:
            if instance.request_type == "loglikelihood":
                texts.setdefault(instance.args[0], []).append(instance.args[1])
        requests: list[Request] = [
            Likelihood(_prompt(prompt, chat=chat), tuple(dict.fromkeys(continuations)))
            for prompt, continuations in texts.items()
        ]
        places = []
        for instance in instances:
            if instance.request_type == "loglikelihood":
                prompt, text = instance.args[:2]
                at = list(texts).index(prompt)
                places.append((((at, list(dict.fromkeys(texts[prompt])).index(text)),)) * instance.repeats)
                continue
            asked = [_request(instance, repeat, chat=chat) for repeat in range(instance.repeats)]
            places.append(tuple((len(requests) + number, 0) for number in range(len(asked))))
            requests.extend(asked)
        return cls(instances[0].doc, tuple(instances), tuple(requests), tuple(places))

    def answered(self, answers: Sequence[Answer]) -> list[Any]:
        """Instances of its own with the answers in them, as the harness would have put them there."""
        return [
            replace(instance, resps=[_response(instance, answers[at], which) for at, which in some], filtered_resps={})
            for instance, some in zip(self.instances, self.places, strict=True)
        ]


def turns_as_text(turns: Sequence[Mapping[str, str]], *, add_generation_prompt: bool = True) -> str:
    """A chat as the text that stands for it among the harness's arguments: only the model knows its own template.

    Raises:
        BadInput: the model's turn is begun already.
    """
    if not add_generation_prompt:
        raise BadInput("The task begins the model's own turn (gen_prefix), which cannot be asked as a chat here.")
    return json.dumps([[turn["role"], turn["content"]] for turn in turns], ensure_ascii=False)


def _prompt(text: str, *, chat: bool) -> Prompt:
    # Where there is no prompt, there are no turns.
    return Chat(tuple(Message(*turn) for turn in json.loads(text))) if chat and text else text


def _request(instance: Any, repeat: int, *, chat: bool) -> Request:
    if instance.request_type == "loglikelihood_rolling":
        return Likelihood("", (instance.args[0],))
    if instance.request_type != "generate_until" or len(instance.args) > 2:
        raise BadInput(f"The harness asks for {instance.request_type} of more than text, which cannot be asked here.")
    from lm_eval.models.utils import normalize_gen_kwargs

    prompt, given = instance.args
    options = normalize_gen_kwargs(given, _MAX_NEW_TOKENS)
    request = Generation(_prompt(prompt, chat=chat), options.pop("max_gen_toks"), tuple(options.pop("until")))
    draws, temperature, top_p = options.pop("do_sample"), options.pop("temperature", 0.0), options.pop("top_p", 1.0)
    if options:
        raise BadInput(f"The harness asks to generate with {', '.join(options)}, which cannot be asked here.")
    return replace(request, draw=repeat, temperature=temperature, top_p=top_p) if draws else request


def _response(instance: Any, answer: Answer, which: int) -> Any:
    if isinstance(answer, str):
        return answer
    found = answer[which]
    if instance.request_type == "loglikelihood_rolling":
        return found.log_probability
    return found.log_probability, found.greedy


def documents(task: Any, name: str, *, chat: bool) -> dict[str, Document]:
    """The documents of a task, by id.

    Raises:
        BadInput: there are none, or the harness asks what cannot be asked here.
    """
    by_number: dict[int, list[Any]] = {}
    for instance in task.instances:
        by_number.setdefault(instance.doc_id, []).append(instance)
    found: dict[str, Document] = {}
    seen: Counter[str] = Counter()
    for instances in by_number.values():
        content = json.dumps(instances[0].doc, sort_keys=True, default=str)
        # Benchmarks do have documents twice, and the harness counts them twice.
        seen[content] += 1
        found[digest_of([content, seen[content]])] = Document.of(
            sorted(instances, key=lambda item: item.idx), chat=chat
        )
    if not found:
        raise BadInput(f"The task {name!r} has no documents.", hint="A gate over zero examples would pass anything.")
    return found


def judged(task: Any, answered: Mapping[str, list[Any]], metric: str, filtered: str) -> dict[str, object]:
    """What the harness finds for each document.

    Args:
        task: of the harness.
        answered: the instances of each document, with the answers in them.
        metric: whose number is the score.
        filtered: the filter whose answers count.

    Raises:
        BadInput: the metric gives no number for a single document.
    """
    task._instances = [instance for some in answered.values() for instance in some]  # noqa: SLF001 - has no public name
    task.apply_filters()
    found: dict[str, object] = {}
    for name, instances in answered.items():
        results = task.process_results(instances[0].doc, [instance.filtered_resps[filtered] for instance in instances])
        if metric not in results:
            raise BadInput(f"The harness gives {', '.join(results)}, and no {metric}")
        found[name] = _score(metric, results[metric])
    return found


def _score(metric: str, value: Any) -> object:
    if metric in PERPLEXITIES:
        log_probability, length = value if isinstance(value, tuple) else (value, 1)
        return math.exp(log_probability / length)
    if isinstance(value, tuple | list | dict | str):
        raise BadInput(f"{metric} is no number for one document, but for all together")
    return float(value)
