"""The model card: record, verdict and changes in, `README.md` out, with what people wrote in it kept.

Whatever comes from a record is escaped on its way into the page, so that the name of a dataset cannot become a link, a
table or a second block of metadata. Metadata that hubver does not write itself, and the section between the marks, are
the people's own and are carried from card to card.
"""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubver.diff import Change
    from hubver.gate.verdict import Verdict
    from hubver.record.schema import Link, RunRecord

NOTES_BEGIN = "<!-- hubver: what is written from here is kept -->"
NOTES_END = "<!-- hubver: until here -->"
_EMPTY_NOTES = (
    "## About this model\n\nWhat is it for, and what not? Write it here; every later card keeps this section."
)
# As the Hub finds it (huggingface_hub, repocard.py, REGEX_YAML_BLOCK).
_METADATA = re.compile(r"\A\s*^---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_NOTES = re.compile(rf"^{re.escape(NOTES_BEGIN)}$(?P<notes>.*)^{re.escape(NOTES_END)}$", re.DOTALL | re.MULTILINE)
_ADDRESS = re.compile(r"https?://[\w./?&=%~:@+,;#-]+")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&$#])")
_TASKS = {
    "CAUSAL_LM": "text-generation",
    "SEQ_2_SEQ_LM": "text2text-generation",
    "SEQ_CLS": "text-classification",
    "TOKEN_CLS": "token-classification",
    "QUESTION_ANS": "question-answering",
    "FEATURE_EXTRACTION": "feature-extraction",
}
# As these tools tag their own cards.
_TOOL_TAGS = {"axolotl": "axolotl", "llamafactory": "llama-factory", "trl": "trl", "unsloth": "unsloth"}


def render(record: RunRecord, *, changes: Sequence[Change], verdict: Verdict | None, previous: bytes | None) -> bytes:
    """The card of a run.

    Args:
        record: the run, complete.
        changes: what differs from the version before; empty for a first one.
        verdict: what the gate found, if it has judged this run.
        previous: the card that this one replaces, whose free section and own metadata are kept. A card that no hubver
            wrote is kept whole, as the free section; metadata that cannot be read is dropped.
    """
    metadata, notes = _kept(previous)
    page = (
        _templates()
        .get_template("card.md.j2")
        .render(
            record=record,
            verdict=verdict,
            groups=_grouped(changes),
            adapter=record.weights is not None and record.weights.kind == "adapter",
            metadata=_Safe(_yaml(_metadata(record, verdict, metadata))),
            begin=_Safe(NOTES_BEGIN),
            end=_Safe(NOTES_END),
            notes=_Safe(notes),
        )
    )
    return (page.rstrip() + "\n").encode()


class _Safe(str):
    """Text that is meant as it stands; everything else is escaped."""

    __slots__ = ()


def _kept(previous: bytes | None) -> tuple[dict[str, Any], str]:
    """The metadata and the free section of the card before."""
    text = (previous or b"").decode("utf-8", "replace")
    head = _METADATA.match(text)
    body = text[head.end() :] if head else text
    metadata = _read_metadata(head["yaml"] if head else "")
    marked = _NOTES.search(body)
    # A card of ours without the marks had its free section taken out; the rest of it is written anew.
    unmarked = "" if "hubver" in _texts(metadata.get("tags")) else body
    notes = (marked["notes"] if marked else unmarked).strip()
    return metadata, notes or _EMPTY_NOTES


def _read_metadata(text: str) -> dict[str, Any]:
    try:
        metadata = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return {str(key): value for key, value in metadata.items()} if isinstance(metadata, dict) else {}


def _metadata(record: RunRecord, verdict: Verdict | None, before: dict[str, Any]) -> dict[str, Any]:
    """The Hub's metadata (hub docs, "Model cards"); what is not known is left out, the licence above all."""
    adapter = record.weights is not None and record.weights.kind == "adapter"
    own: dict[str, Any] = {
        "base_model": record.base_model.id,
        "base_model_relation": ("adapter" if adapter else "finetune") if record.base_model.id else None,
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": before.get("pipeline_tag") or _TASKS.get(_task_type(record), "text-generation"),
        "datasets": list(dict.fromkeys(source.hub_id for source in record.data if source.hub_id)) or None,
        "tags": list(dict.fromkeys([*_texts(before.get("tags")), *_tags(record)])),
        "model-index": _model_index(record, verdict),
    }
    theirs = {key: value for key, value in before.items() if key not in own}
    return {key: value for key, value in {**own, **theirs}.items() if value is not None}


def _task_type(record: RunRecord) -> str:
    return str((record.training.peft or {}).get("task_type"))


def _tags(record: RunRecord) -> list[str]:
    lora = record.weights is not None and record.weights.lora is not None
    trl = (record.training.trainer_class or "").startswith("trl.")
    tool = _TOOL_TAGS.get(record.training.framework or "")
    return ["hubver", *(["lora"] if lora else []), *(["trl"] if trl else []), *([tool] if tool else [])]


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _model_index(record: RunRecord, verdict: Verdict | None) -> list[dict[str, Any]] | None:
    """The results in the Hub's form (hub docs, "Model cards", evaluation results); null where there is none."""
    task = _TASKS.get(_task_type(record), "text-generation")
    evaluation = next((source for source in record.data if source.role == "eval"), None)
    name = evaluation.name if evaluation else "evaluation"
    kind = (evaluation.hub_id if evaluation else None) or "custom"
    results = [
        _result(
            task, ("custom", metric.task) if metric.task else (kind, name), (metric.name, metric.name, metric.value)
        )
        for metric in record.metrics
        if metric.value is not None
    ]
    results += [
        _result(task, ("custom", gate.task), (gate.policy, gate.gate or gate.policy, gate.value))
        for gate in (verdict.gates if verdict is not None else ())
        if gate.value is not None
    ]
    model = (record.repo_id or record.run_id).rpartition("/")[2]
    return [{"name": model, "results": results}] if results else None


def _result(task: str, dataset: tuple[str, str], metric: tuple[str, str, float]) -> dict[str, Any]:
    """One result: the task's type, the dataset's type and name, the metric's type, name and value."""
    return {
        "task": {"type": task},
        "dataset": {"type": dataset[0], "name": _flat(dataset[1])},
        "metrics": [{"type": _flat(metric[0]), "name": _flat(metric[1]), "value": metric[2]}],
    }


def _yaml(metadata: dict[str, Any]) -> str:
    """On no line of its own may a value end the block, so lines are never folded; PyYAML quotes what YAML would read."""
    text: str = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=2**31)
    return text.strip()


def _grouped(changes: Iterable[Change]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for change in changes:
        if change.group != "weights":  # a new version has other weights
            groups.setdefault(change.group, []).append(change.sentence)
    return groups


@cache
def _templates() -> Environment:
    """The templates lie inside the package once installed, and beside it in a checkout."""
    here = Path(__file__).resolve().parent
    folders = [here / "model_cards", here.parent / "model_cards"]
    environment = Environment(  # noqa: S701  # the page is Markdown: HTML's escapes would show; see finalize
        loader=FileSystemLoader([folder for folder in folders if folder.is_dir()]),
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "code": _code,
        "link": _link,
        "command": shlex.join,
        "literal": _literal,
        "number": _number,
        "short": _short,
    }
    return environment


def _escaped(value: Any) -> str:
    if isinstance(value, _Safe):
        return value
    return "unknown" if value is None else _MARKDOWN.sub(r"\\\1", _flat(str(value)))


def _flat(text: str) -> str:
    """On one line, without control characters: whatever needs a line of its own in Markdown or YAML loses it."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _code(value: Any) -> _Safe:
    """Inline code, outside tables. A backtick inside needs a longer fence (CommonMark, section 6.1)."""
    text = _flat(str(value)) or " "
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return _Safe(f"{fence}{pad}{text}{pad}{fence}")


def _link(link: Link) -> _Safe:
    """A tracker's page, by the tracker's name. An address that could end the link early is left out."""
    name = _escaped(link.kind)
    return _Safe(f"[{name}]({link.url})" if link.url and _ADDRESS.fullmatch(link.url) else name)


def _literal(value: Any) -> _Safe:
    """A string in the example code: JSON's literals are Python's."""
    return _Safe(json.dumps(_flat(str(value)), ensure_ascii=False))


def _number(value: Any) -> _Safe:
    if value is None:
        return _Safe("unknown")
    return _Safe(f"{value:,}" if isinstance(value, int) else f"{value:.4g}")


def _short(value: str | None) -> str | None:
    return value[:12] if value else None
