"""A verdict in words: a rich table for a terminal, single lines for progress, properties for JUnit's XML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.gate.report.words import beside, count, marked, number, sentence

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.table import Table

    from hubver.gate.verdict import GateResult, SliceResult, Verdict

_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "not-applicable": "dim", "error": "red"}
COLUMNS = ("Gate", "Task", "Candidate", "Production", "Interval", "Threshold", "n")
_NUMBERS = {"Candidate", "Production", "Threshold", "n"}
# What a narrow terminal does without: the reasons below the table, and the reports, say both.
_SPARE = {"Interval", "Threshold"}
_UNLIMITED = 10_000


def line(result: GateResult) -> str:
    """One result in one line of plain text."""
    tier = " (advisory)" if result.tier == "advisory" else ""
    return f"{result.outcome:<14} {result.policy} of {result.task}{tier}: {result.reason}"


def properties(result: GateResult) -> list[tuple[str, object]]:
    """One result as the properties of a test case in JUnit's XML, as it was found: before Holm over all gates."""
    prefix = f"gate.{result.policy}.{result.task}"
    interval = (result.interval.low, result.interval.high) if result.interval else (None, None)
    fields: dict[str, object] = {
        "outcome": result.outcome,
        "tier": result.tier,
        "value": result.value,
        "production": result.production,
        "threshold": result.threshold,
        "low": interval[0],
        "high": interval[1],
        "alpha": result.alpha,
        "n": result.n,
        "planned": result.planned,
        "reason": result.reason,
    }
    return [(f"{prefix}.{name}", value) for name, value in fields.items() if value is not None]


def terminal(verdict: Verdict) -> RenderableType:
    """The verdict for a terminal: the sentence, the gates, why those that did not pass did not, and what is beside."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(sentence(verdict), style=f"bold {_COLOURS[verdict.outcome]}")]
    parts += [Text(f"  {problem}", style="red") for problem in verdict.problems]
    if verdict.gates:
        parts += [Text(), _Gates(verdict.gates)]
    refused = [result for result in verdict.gates if result.outcome != "pass"]
    if refused:
        parts.append(Text())
    parts += [Text(f"  {_called(result)}: {result.reason}") for result in refused]
    for result in refused:
        parts += [Text(f"    {_part(item)}", style=_COLOURS[item.outcome]) for item in result.slices]
    others = [(result, words) for result in verdict.gates if (words := beside(result))]
    if others:
        parts += [Text(), Text("  Beside the decision, for one fixed n:", style="dim")]
    parts += [Text(f"    {_called(result)}: {words}", style="dim") for result, words in others]
    return Group(*parts)


def _called(result: GateResult) -> str:
    return f"{result.policy} of {result.task}" + (" (advisory)" if result.tier == "advisory" else "")


def _part(item: SliceResult) -> str:
    return f"{item.outcome:<12} {item.name} ({count(item)}): {item.reason}"


@dataclass(frozen=True)
class _Gates:
    """The table of gates: all of it where it fits, else without what can be spared; words are never cut."""

    results: tuple[GateResult, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = self._table(COLUMNS)
        fits = console.measure(whole, options=options.update(max_width=_UNLIMITED)).maximum <= options.max_width
        yield whole if fits else self._table(tuple(name for name in COLUMNS if name not in _SPARE))

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
            values = dict(zip(COLUMNS, cells(result), strict=True))
            # An advisory result has no colour: it stops nothing.
            style = _COLOURS[result.outcome] if result.tier == "critical" else "dim"
            outcome = Text(result.outcome if result.tier == "critical" else f"({result.outcome})", style=style)
            table.add_row(outcome, *(Text(values[name]) for name in columns))
        return table


def cells(result: GateResult) -> tuple[str, ...]:
    """One result as the cells of a table with `COLUMNS`."""
    return (
        result.policy,
        result.task,
        number(result.value),
        number(result.production),
        marked(result),
        number(result.threshold),
        count(result),
    )
