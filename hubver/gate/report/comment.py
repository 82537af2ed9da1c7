"""A verdict as GitHub-flavoured Markdown, for a pull request's comment and a step summary. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.gate.report.words import bounds, count, marked, number, probability, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubver.gate.verdict import GateResult, Verdict

_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "not-applicable": "➖", "error": "💥"}  # noqa: RUF001 - a mark
# A comment on GitHub holds 65,536 characters. Bytes are counted, and some left, for those who add a line of their own.
_MOST_BYTES = 60_000
# So that one very long name or reason cannot take the place of all others.
_MOST_LETTERS = 600


@dataclass(frozen=True)
class _Block:
    """Lines that stand together; of the rows, those are left out that the comment has no room for."""

    head: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    noun: str = "lines"


def markdown(verdict: Verdict) -> str:
    """The verdict as Markdown, at most 65,536 bytes: the sentence first, then the gates, then what went wrong."""
    refused = [result for result in verdict.gates if result.outcome != "pass"]
    blocks = [
        _Block(head=(f"### {_MARKS[verdict.outcome]} {escaped(sentence(verdict))}",)),
        _Block(rows=tuple(f"- **{escaped(problem)}**" for problem in verdict.problems), noun="problems"),
        _gates(verdict.gates),
        _Block(
            rows=tuple(
                f"- {_mark(result)} `{result.policy}` of {escaped(result.task)}: {escaped(result.reason)}"
                for result in refused
            ),
            noun="reasons",
        ),
        *(_slices(result) for result in verdict.gates if result.slices),
        _beside(verdict.gates),
    ]
    footer = _footer(verdict)
    return "\n".join([*_fitted(blocks, _MOST_BYTES - len(footer.encode())), "", footer]) + "\n"


def _fitted(blocks: Iterable[_Block], room: int) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        if not (block.head or block.rows):
            continue
        frame = [*([""] if lines else []), *block.head]
        room -= sum(_size(line) for line in (*frame, *block.tail)) + 80
        rows = []
        for row in block.rows:
            if _size(row) > room:
                break
            room -= _size(row)
            rows.append(row)
        left_out = len(block.rows) - len(rows)
        if block.rows and not rows and block.head:
            continue  # a table without rows says nothing
        lines += [*frame, *rows, *block.tail]
        if left_out:
            lines += ["", f"{left_out} more {block.noun} are in the JSON report."]
    return lines


def _size(line: str) -> int:
    return len(line.encode()) + 1


def _gates(gates: tuple[GateResult, ...]) -> _Block:
    if not gates:
        return _Block()
    rows = []
    for result in gates:
        policy = f"{result.policy} (advisory)" if result.tier == "advisory" else result.policy
        cells = (escaped(policy), escaped(result.task), number(result.value), number(result.production))
        rows.append(_row(_mark(result), *cells, marked(result), number(result.threshold), count(result)))
    return _Block(
        (
            "| | Gate | Task | Candidate | Production | Interval | Threshold | n |",
            "|---|---|---|---:|---:|---|---:|---:|",
        ),
        tuple(rows),
        noun="gates",
    )


def _slices(result: GateResult) -> _Block:
    what = "Limit" if result.policy == "budget" else "Slice"
    rows = tuple(
        _row(
            _MARKS[item.outcome],
            escaped(item.name),
            number(item.value),
            number(item.production),
            marked(item),
            count(item),
            escaped(item.reason),
        )
        for item in result.slices
    )
    # What passed is there for those who look.
    head = (
        f"<details{' open' if result.outcome != 'pass' else ''}><summary>{what}s of {escaped(result.task)}</summary>",
        "",
        f"| | {what} | Candidate | Production | Interval | n | |",
        "|---|---|---:|---:|---|---:|---|",
    )
    return _Block(head, rows, ("", "</details>"), f"{what.lower()}s")


def _beside(gates: tuple[GateResult, ...]) -> _Block:
    rows = []
    for result in gates:
        if result.bootstrap is None and result.mcnemar is None and result.e_values is None:
            continue
        p_value = "-" if result.mcnemar is None else probability(result.mcnemar)
        e_values = (
            (f"{result.e_values.support:.3g}", f"{result.e_values.against:.3g}") if result.e_values else ("-", "-")
        )
        rows.append(_row(escaped(result.policy), escaped(result.task), *e_values, bounds(result.bootstrap), p_value))
    if not rows:
        return _Block()
    head = (
        "<details><summary>Evidence, and what is reported beside it for one fixed n</summary>",
        "",
        "| Gate | Task | e-value for | e-value against | Bootstrap | McNemar p |",
        "|---|---|---:|---:|---|---:|",
    )
    return _Block(head, tuple(rows), ("", "</details>"), "rows")


def _mark(result: GateResult) -> str:
    return _MARKS[result.outcome]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _footer(verdict: Verdict) -> str:
    code = verdict.gates_code
    gates = f"gates `{code.digest[:12]}`" + (f" at commit `{code.commit[:12]}`" if code.commit else "")
    dirty = " with uncommitted changes" if code.dirty else ""
    commits = " · ".join(
        f"{name} `{subject.sha}`"
        for name, subject in (("candidate", verdict.candidate), ("production", verdict.baseline))
        if subject and subject.sha
    )
    return (
        f"<sub>{commits + ' · ' if commits else ''}{gates}{dirty} · hubver {verdict.hubver_version} · "
        f"{verdict.duration_seconds:.1f} s · {verdict.created}</sub>"
    )


# One pass, so that no escape is escaped again. An underscore within a word means nothing in GitHub's Markdown.
_ESCAPES = {ord(character): f"&#{ord(character)};" for character in "\\`*[]<>|@#!&~"}


def escaped(value: str) -> str:
    """Text from a run, made harmless in Markdown: no table cell, mention, tag or image can come of it."""
    cut = value if len(value) <= _MOST_LETTERS else f"{value[:_MOST_LETTERS]} …"
    return " ".join(cut.translate(_ESCAPES).split())
