"""Tasks that are declared in `hubver.toml`, and known by their names.

A table of such a task, whose paths are relative to the file it stands in::

    [tasks.tickets]
    rows = "gates/tickets.jsonl"
    scorer = "token_f1"
    slice_by = "queue"

    [tasks.topics]
    kind = "choice"
    dataset = "acme/topics@0123456789abcdef0123456789abcdef01234567"
    file = "test.parquet"
    choices = ["billing", "delivery"]
    answer = "topic"

    [tasks.amounts]
    rows = "gates/amounts.csv"
    scorer = { name = "regex", pattern = '([0-9]+) EUR', mode = "extract" }
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput, BadSettings
from hubver.gate import scorers
from hubver.gate.backends.lm_eval import LmEvalTask
from hubver.gate.rows import hub_rows, hub_split
from hubver.gate.tasks.choice import ChoiceTask
from hubver.gate.tasks.generation import Task
from hubver.gate.tasks.perplexity import PerplexityTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.gate.asking.examples import AnyTask
    from hubver.settings import Settings

_KINDS: dict[str, type[Any]] = {
    "generation": Task,
    "choice": ChoiceTask,
    "perplexity": PerplexityTask,
    "lm_eval": LmEvalTask,
}
_PLAIN: dict[str, Callable[[str, str], float]] = {
    "exact_match": scorers.exact_match,
    "normalised_match": scorers.normalised_match,
    "token_f1": scorers.token_f1,
    "json_valid": scorers.json_valid,
}
_MADE: dict[str, Callable[..., Any]] = {
    "json_match": scorers.json_match,
    "json_fields": scorers.json_fields,
    "regex": scorers.regex,
    "rouge": scorers.rouge,
    "bleu": scorers.bleu,
    "chrf": scorers.chrf,
}
# What a table says of its rows, beside the options of its kind of task.
_WHERE = ("rows", "dataset", "file", "split", "config", "lock")
_TEXT, _NUMBER, _LIST = (str,), (int,), (list,)
# What TOML values an option may have.
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_WHERE, _TEXT),
    **dict.fromkeys(("kind", "slice_by", "prompt", "expected", "answer", "separator", "normalise", "text"), _TEXT),
    **dict.fromkeys(("task", "include_path", "metric", "filter"), _TEXT),
    **dict.fromkeys(("limit", "max_new_tokens", "samples", "num_fewshot"), _NUMBER),
    **dict.fromkeys(("temperature", "top_p"), (float, int)),
    **dict.fromkeys(("messages", "choices"), (str, list)),
    "stop": _LIST,
    "chat": (bool,),
    "scorer": (str, dict),
}
_NAMES = {
    bool: "true or false",
    str: "a text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}


def declared(name: str, settings: Settings) -> AnyTask:
    """The task of this name in `hubver.toml`.

    Raises:
        BadSettings: there is none, or its table cannot be used; the message names the file and the key.
    """
    table = settings.tasks.get(name)
    if table is None:
        raise BadSettings(
            f"There is no task {name!r} in {settings.source or 'hubver.toml'}.",
            expected=f"one of {', '.join(sorted(settings.tasks))}" if settings.tasks else None,
            hint=f'Declare it: [tasks.{name}], and below it: rows = "FILE.jsonl"',
        )
    return _Table(name, table, settings).task()


@dataclass(frozen=True)
class _Table:
    name: str
    values: Any
    settings: Settings

    def task(self) -> AnyTask:
        if not isinstance(self.values, dict):
            raise self.wrong(None, "it is no table")
        kind = self.values.get("kind", "generation")
        if kind not in _KINDS:
            raise self.wrong("kind", "there is no such kind of task", expected=f"one of {', '.join(_KINDS)}")
        made = _KINDS[kind]
        options = {field.name for field in fields(made)} - {"name", "rows"}
        allowed = {"kind", *options, *(() if made is LmEvalTask else _WHERE)}
        for key, value in self.values.items():
            if key not in allowed:
                raise self.wrong(key, f"a task of the kind {kind!r} has no such option", expected=_one_of(allowed))
            # By type and not isinstance: to Python, true is a number.
            if type(value) not in _TYPES[key]:
                wanted = " or ".join(_NAMES[kind] for kind in _TYPES[key])
                raise self.wrong(key, f"{value!r} is of the wrong type", expected=wanted)
        chosen = {key: value for key, value in self.values.items() if key in options}
        if "scorer" in chosen:
            chosen["scorer"] = self.scorer(chosen["scorer"])
        if "include_path" in chosen:
            chosen["include_path"] = self.settings.root / chosen["include_path"]
        rows = {} if made is LmEvalTask else {"rows": self.rows()}
        try:
            task: AnyTask = made(name=self.name, **rows, **chosen)
        except BadInput as error:
            raise self.wrong(None, error.fact.rstrip("."), expected=error.expected, hint=error.hint) from None
        return task

    def rows(self) -> Any:
        where = {key: self.values[key] for key in _WHERE if key in self.values}
        if where.keys() == {"rows"}:
            return self.settings.root / where["rows"]
        lock = str(self.settings.root / where["lock"]) if "lock" in where else None
        try:
            if where.keys() - {"lock"} == {"dataset", "file"}:
                return hub_rows(where["dataset"], where["file"], lock=lock)
            if where.keys() - {"lock", "config"} == {"dataset", "split"}:
                return hub_split(where["dataset"], where["split"], config=where.get("config"), lock=lock)
        except BadInput as error:
            raise self.wrong("dataset", error.fact.rstrip("."), expected=error.expected, hint=error.hint) from None
        raise self.wrong(
            None,
            f"it says where its rows are by {', '.join(where) or 'nothing'}",
            expected='rows = "FILE"; or dataset = "ORG/NAME@COMMIT" with file = "FILE" or split = "SPLIT"',
        )

    def scorer(self, value: Any) -> Any:
        if isinstance(value, str) and value in _PLAIN:
            return _PLAIN[value]
        options: dict[str, Any] = dict(value) if isinstance(value, dict) else {"name": value}
        name, given = options.get("name"), {key: item for key, item in options.items() if key != "name"}
        if not isinstance(name, str) or name not in (_PLAIN.keys() | _MADE.keys()):
            raise self.wrong(
                "scorer",
                f"there is no scorer {name!r}",
                expected=_one_of(_PLAIN.keys() | _MADE.keys()),
                hint="A scorer of your own belongs in a gates file: Task(scorer=...).",
            )
        if name in _PLAIN and given:
            raise self.wrong("scorer", f"{name} has no options", expected=f'scorer = "{name}"')
        listed = given.pop("fields", []) if name.startswith("json_") else []
        try:
            return _PLAIN[name] if name in _PLAIN else _MADE[name](*listed, **given)
        except (BadInput, TypeError) as error:
            raise self.wrong("scorer", f"{name} cannot be made like this: {error}".rstrip(".")) from None

    def wrong(self, key: str | None, what: str, *, expected: str | None = None, hint: str | None = None) -> BadSettings:
        where = f"[tasks.{self.name}] in {self.settings.source or 'the settings'}"
        what = f"{key}: {what}" if key else what
        return BadSettings(f"{where} cannot be used: {what}.", expected=expected, hint=hint)


def _one_of(names: Any) -> str:
    return f"one of {', '.join(sorted(names))}"
