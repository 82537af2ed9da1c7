"""Tasks of lm-evaluation-harness (0.4.13): it makes documents and prompts and judges answers, and our engine answers.

What is the harness's: documents, prompts, few-shot examples, choices, filters, and `process_results`, which scores each
document. What is ours: the model, the batches, what is kept and never asked twice, and the decision. Where a prompt does
not fit the model, the harness cuts it and our engine refuses.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput, MissingPackage, NotFound
from hubver.gate.asking.examples import Examples, digest_of
from hubver.gate.asking.requests import digest
from hubver.gate.backends.lm_eval_documents import PERPLEXITIES, documents, judged, turns_as_text
from hubver.gate.scorers import identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubver.gate.asking.examples import Answers
    from hubver.gate.backends.lm_eval_documents import Document
    from hubver.settings import Settings

# What `simple_evaluate` seeds the choice of few-shot examples with.
_FEWSHOT_SEED = 1234


@dataclass(frozen=True)
class LmEvalTask:
    """A task of lm-evaluation-harness. Made by `lm_eval_task`.

    Attributes:
        name: for people and reports; unique in a gates folder.
        task: its name in the harness; None for the same.
        include_path: the folder of the task's YAML, relative to the gates file; None for a task that comes with the
            harness, which takes some seconds to list them all.
        metric: which of the task's metrics is the score; None for the first.
        filter: which of the task's filters answers go through; None for the first.
        num_fewshot: how many examples stand before each; None for what the task says.
        limit: use the first so many documents, as the harness does.
        slice_by: the field of a document that `worst_slice` groups by.
        chat: whether each prompt goes through the model's own chat template, with few-shot examples as turns of it.
    """

    name: str
    task: str | None = None
    include_path: str | Path | None = None
    metric: str | None = None
    filter: str | None = None
    num_fewshot: int | None = None
    limit: int | None = None
    slice_by: str | None = None
    chat: bool = False

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise BadInput(f"The task {self.name!r} has no examples.", expected="a limit of 1 or more, or None")

    def load(self, folder: Path, settings: Settings) -> Examples:  # noqa: ARG002 - the harness asks the Hub itself
        """Let the harness make its requests.

        Raises:
            BadInput: there is no such task, metric or filter, or it cannot be scored example by example.
            MissingPackage: lm-evaluation-harness is not installed.
            HarnessFailed: the harness broke.
        """
        with _harness(f"preparing the task {self.name!r}"):
            task = self._built(folder)
            metric, filtered = self._metric(task), self._filter(task)
            found = documents(task, self.name, chat=self.chat)
            expected = {name: _text(task.doc_to_target(document.content)) for name, document in found.items()}
            requests = {name: document.requests for name, document in found.items()}
            stated = {
                "kind": "lm_eval",
                "version": importlib.metadata.version("lm_eval"),
                "task": _stated(task),
                "metric": metric,
                "filter": filtered,
                "slice_by": self.slice_by,
                "requests": {name: [digest(request) for request in some] for name, some in requests.items()},
            }

        def judge(answers: Answers) -> Mapping[str, object]:
            answered = {name: found[name].answered(some) for name, some in answers.items()}
            with _harness(f"scoring the task {self.name!r}"):
                return judged(task, answered, metric, filtered)

        return Examples(
            task=self.name,
            requests=requests,
            judge=judge,
            digest=digest_of(stated),
            expected=expected,
            slices={name: self._slice(document) for name, document in found.items()} if self.slice_by else {},
            scorer=f"the metric {metric} of lm-evaluation-harness",
        )

    def _built(self, folder: Path) -> Any:
        """The harness's task, with its requests made."""
        from lm_eval.tasks import TaskManager

        wanted = self.task or self.name
        path = None if self.include_path is None else folder / self.include_path
        if path is not None and not path.is_dir():
            raise NotFound(f"There is no folder {path}, where the task {self.name!r} is to lie.")
        manager = TaskManager(include_path=None if path is None else str(path), include_defaults=path is None)
        if wanted not in manager.all_subtasks:
            known = manager.all_subtasks if path is not None else ()
            is_group = wanted in manager.all_tasks
            raise BadInput(
                f"{wanted!r} is a group of tasks." if is_group else f"The harness knows no task {wanted!r}.",
                expected=f"one of {', '.join(known)}" if known else "one task",
                hint="Ask one gate about each of its tasks." if is_group else "List them with: lm_eval ls tasks",
            )
        task = manager.load(wanted)["tasks"][wanted]
        if self.num_fewshot is not None or task.get_config("num_fewshot") is None:
            task.set_config(key="num_fewshot", value=self.num_fewshot or 0)
        task.set_fewshot_seed(seed=_FEWSHOT_SEED)
        task.build_all_requests(
            limit=self.limit,
            apply_chat_template=self.chat,
            fewshot_as_multiturn=self.chat,
            chat_template=turns_as_text if self.chat else None,
        )
        return task

    def _metric(self, task: Any) -> str:
        known = list(task.aggregation())
        metric = self.metric or next(iter(known), "")
        if metric not in known:
            raise BadInput(
                f"The task {self.name!r} has no metric {metric!r}.", expected=f"one of {', '.join(known) or 'none'}"
            )
        if metric not in PERPLEXITIES and task.higher_is_better().get(metric) is False:
            raise BadInput(
                f"The metric {metric!r} of the task {self.name!r} is better where it is lower, and a score is not.",
                hint="Name another with metric=.",
            )
        return metric

    def _filter(self, task: Any) -> str:
        known = [ensemble.name for ensemble in task._filters]  # noqa: SLF001 - the harness has no public name for them
        chosen = self.filter or known[0]
        if chosen not in known:
            raise BadInput(f"The task {self.name!r} has no filter {chosen!r}.", expected=f"one of {', '.join(known)}")
        return chosen

    def _slice(self, document: Document) -> str:
        if not isinstance(document.content, dict) or document.content.get(self.slice_by or "") is None:
            raise BadInput(f"A document of the task {self.name!r} has no field {self.slice_by!r} to slice by.")
        return str(document.content[self.slice_by])


def lm_eval_task(
    name: str,
    *,
    task: str | None = None,
    include_path: str | Path | None = None,
    metric: str | None = None,
    filter: str | None = None,  # noqa: A002 - the harness's own word
    num_fewshot: int | None = None,
    limit: int | None = None,
    slice_by: str | None = None,
    chat: bool = False,
) -> LmEvalTask:
    """A task of lm-evaluation-harness (needs `hubver[lm-eval]`); see `LmEvalTask`.

    The score of an example is what the harness's `process_results` gives for its metric. Perplexities become
    exp(log-probability / length) = 1 / perplexity of the document, with the metric's own length (words, bytes; the
    `perplexity` of a target has none), so that all are in (0, 1]. A metric that only exists over all documents, such as
    corpus BLEU, is refused when it is judged.

    The harness reads its datasets as the task says, at a commit only if the task names one; whatever they hold is part of
    the task's digest, so that a change is seen.
    """
    return LmEvalTask(name, task, include_path, metric, filter, num_fewshot, limit, slice_by, chat)


def _stated(task: Any) -> Any:
    """What the harness's scores depend on beside its requests: the configuration, without where the data lies."""
    config = {
        key: value for key, value in vars(task.config).items() if not key.startswith("dataset") and key != "metadata"
    }
    return _plain([config, f"{type(task).__module__}.{type(task).__qualname__}"])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if callable(value):
        return identity(value)
    return value if isinstance(value, str | int | float | bool | None) else _plain(vars(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


@contextlib.contextmanager
def _harness(doing: str) -> Any:
    try:
        importlib.metadata.version("lm_eval")
    except importlib.metadata.PackageNotFoundError:
        raise MissingPackage(
            f"This needs lm-evaluation-harness, which is not installed: {doing}.",
            hint="Install it with: pip install 'hubver[lm-eval]'",
        ) from None
    from hubver.gate.asking.quiet import library

    # It shows progress bars, and has no switch for them.
    with library(doing), contextlib.redirect_stderr(io.StringIO()):
        yield
