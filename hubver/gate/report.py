"""A verdict for people: Markdown for a pull request, a rich table for a terminal, single lines for progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.table import Table

    from hubver.gate.verdict import GateResult, Subject, Verdict

_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "not-applicable": "➖", "error": "💥"}  # noqa: RUF001 - a mark
_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "not-applicable": "dim", "error": "red"}
_COLUMNS = ("Gate", "Task", "Candidate", "Production", "Interval", "Threshold", "n")
_NUMBERS = {"Candidate", "Production", "Threshold", "n"}
# What a narrow terminal does without: the reasons below the table, and the reports, say both.
_SPARE = {"Interval", "Threshold"}
_UNLIMITED = 10_000
# A comment on the Hub or GitHub holds 65,536 characters; what is cut is in the JSON.
_MOST_ROWS = 100


def sentence(verdict: Verdict) -> str:
    """The verdict in one sentence, without marks or colours."""
    who = _named(verdict.candidate, verdict.repo_id)
    against = (
        f"against {_named(verdict.baseline, None)}" if verdict.baseline else "as a first release (no production yet)"
    )
    counts = verdict.counts
    parts = [
        f"{number} {word}"
        for number, word in (
            (counts.passed, "passed"),
            (counts.failed, "failed"),
            (counts.inconclusive, "undecided"),
            (counts.not_applicable, "not applicable"),
        )
        if number
    ]
    head = {
        "pass": "PASS",
        "fail": "FAIL",
        "inconclusive": "INCONCLUSIVE (not a pass)",
        "error": "ERROR (there is no verdict)",
    }[verdict.outcome]
    return f"{head}: {who} {against}; gates: {', '.join(parts) or 'none asked'}."


def line(result: GateResult) -> str:
    """One result in one line of plain text."""
    return f"{result.outcome:<14} {result.policy} of {result.task}: {result.reason}"


def markdown(verdict: Verdict) -> str:
    """The verdict as GitHub-flavoured Markdown: the sentence first, then the gates, then what went wrong."""
    lines = [f"### {_MARKS[verdict.outcome]} {_text(sentence(verdict))}", ""]
    if verdict.problems:
        lines += [*(f"- **{_text(problem)}**" for problem in verdict.problems), ""]
    if verdict.gates:
        lines += [f"| | {' | '.join(_COLUMNS)} |", "|---|---|---|---:|---:|---|---:|---:|"]
        for result in verdict.gates[:_MOST_ROWS]:
            cells = (_MARKS[result.outcome], *(_text(cell) for cell in _cells(result)))
            lines.append(f"| {' | '.join(cells)} |")
        if len(verdict.gates) > _MOST_ROWS:
            lines.append(f"\n{len(verdict.gates) - _MOST_ROWS} more gates are in the JSON report.")
        lines.append("")
    for result in verdict.gates:
        if result.outcome != "pass":
            lines.append(
                f"- {_MARKS[result.outcome]} `{result.policy}` of {_text(result.task)}: {_text(result.reason)}"
            )
    for result in verdict.gates:
        if result.slices and result.outcome != "pass":
            lines += ["", *_slices(result)]
    lines += ["", *_footer(verdict)]
    return "\n".join(lines) + "\n"


def terminal(verdict: Verdict) -> RenderableType:
    """The verdict for a terminal."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(sentence(verdict), style=f"bold {_COLOURS[verdict.outcome]}")]
    parts += [Text(f"  {problem}", style="red") for problem in verdict.problems]
    if verdict.gates:
        parts += [Text(), _Gates(verdict.gates)]
    reasons = [result for result in verdict.gates if result.outcome != "pass"]
    if reasons:
        parts.append(Text())
    parts += [Text(f"  {result.policy} of {result.task}: {result.reason}") for result in reasons]
    for result in reasons:
        parts += [
            Text(f"    {item.outcome:<12} {item.name}: {item.reason}", style=_COLOURS[item.outcome])
            for item in result.slices
        ]
    return Group(*parts)


@dataclass(frozen=True)
class _Gates:
    """The table of gates: all of it where it fits, else without what can be spared; words are never cut."""

    results: tuple[GateResult, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = self._table(_COLUMNS)
        fits = console.measure(whole, options=options.update(max_width=_UNLIMITED)).maximum <= options.max_width
        yield whole if fits else self._table(tuple(name for name in _COLUMNS if name not in _SPARE))

    def _table(self, columns: tuple[str, ...]) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("", no_wrap=True)
        for name in columns:
            # Only the task's name is anybody's choice, so it alone may be long.
            table.add_column(
                name, justify="right" if name in _NUMBERS else "left", no_wrap=name != "Task", overflow="fold"
            )
        for result in self.results:
            cells = dict(zip(_COLUMNS, _cells(result), strict=True))
            outcome = Text(result.outcome, style=_COLOURS[result.outcome])
            table.add_row(outcome, *(Text(cells[name]) for name in columns))
        return table


def _cells(result: GateResult) -> tuple[str, ...]:
    interval = f"[{result.interval.low:.3f}, {result.interval.high:.3f}]" if result.interval else "-"
    what = " (difference)" if result.interval and result.production is not None else ""
    return (
        result.policy,
        result.task,
        _number(result.value),
        _number(result.production),
        interval + what,
        _number(result.threshold),
        str(result.n),
    )


def _slices(result: GateResult) -> list[str]:
    what = "Limit" if result.policy == "budget" else "Slice"
    rows = [
        f"| {_MARKS[item.outcome]} | {_text(item.name)} | {_number(item.value)} | {_number(item.production)} "
        f"| {item.n} | {_text(item.reason)} |"
        for item in result.slices[:_MOST_ROWS]
    ]
    return [
        f"<details open><summary>{what}s of {_text(result.task)}</summary>",
        "",
        f"| | {what} | Candidate | Production | n | |",
        "|---|---|---:|---:|---:|---|",
        *rows,
        "",
        "</details>",
    ]


def _footer(verdict: Verdict) -> list[str]:
    code = verdict.gates_code
    gates = f"gates `{code.digest[:12]}`" + (f" at commit `{code.commit[:12]}`" if code.commit else "")
    dirty = " with uncommitted changes" if code.dirty else ""
    commits = " · ".join(
        f"{name} `{subject.sha}`"
        for name, subject in (("candidate", verdict.candidate), ("production", verdict.baseline))
        if subject and subject.sha
    )
    return [
        (
            f"<sub>{commits + ' · ' if commits else ''}{gates}{dirty} · hubver {verdict.hubver_version} · "
            f"{verdict.duration_seconds:.1f} s · {verdict.created}</sub>"
        )
    ]


def _named(subject: Subject | None, repo_id: str | None) -> str:
    if subject is None:
        return "nothing"
    name = f"{repo_id}@{subject.revision}" if repo_id else subject.revision
    return f"{name} ({subject.sha[:8]})" if subject.sha and subject.sha != subject.revision else name


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if abs(value) > 1 else f"{value:.3f}"


# One pass, so that no escape is escaped again. An underscore within a word means nothing in GitHub's Markdown.
_ESCAPES = {ord(character): f"&#{ord(character)};" for character in "\\`*[]<>|@#!&~"}


def _text(value: str) -> str:
    """Text from a run, made harmless in Markdown: no table cell, mention, tag or image can come of it."""
    return " ".join(value.translate(_ESCAPES).split())
