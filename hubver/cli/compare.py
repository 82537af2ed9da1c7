"""`hubver compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, json_option, step, visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from hubver.gate.compare import Comparison, Numbers, TaskCompared
    from hubver.gate.report.appendix import Shown


@click.command("compare")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--task", "tasks", multiple=True, metavar="NAME|FILE.py:NAME", help="A task; may be repeated [default: all]."
)
@click.option("--gates", type=click.Path(path_type=Path), help="Where the tasks are [default: gates].")
@click.option(
    "--examples", type=click.IntRange(0, 100), default=0, metavar="N", help="Show the N examples that B lost most on."
)
@json_option
def command(a: str, b: str, tasks: tuple[str, ...], gates: Path | None, examples: int, as_json: bool) -> None:
    r"""Compare two models on the same examples: one engine, paired, no verdict.

    A and B are ORG/NAME@REV, ORG/NAME for what is in production, or folders. Every difference is B - A.

    \b
      hubver compare acme/router acme/router@v1.3.0
      hubver compare ./out-a ./out-b --task tickets --examples 5
    """
    from hubver.gate.compare import compare

    found = compare(a, b, tasks=tasks, gates=gates, examples=examples, progress=step)
    give(found, as_json, lambda: _shown(found))


def _shown(found: Comparison) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [
        Text.assemble(("A  ", "dim"), visible(_who(found.a, found.a_sha))),
        Text.assemble(("B  ", "dim"), visible(_who(found.b, found.b_sha))),
    ]
    for task in found.tasks:
        parts += [Text(), _table(task)]
        for example in task.worst:
            parts += [Text(), *_example(example)]
    return Group(*parts)


def _who(revision: str, sha: str | None) -> str:
    return f"{revision} ({sha[:8]})" if sha and sha != revision else revision


def _table(task: TaskCompared) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(Text(visible(task.whole.name)), overflow="fold")
    for name in ("A", "B", "B - A", "interval", "better", "worse", "same", "McNemar p"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("all", *_cells(task.whole))
    for part in task.slices:
        table.add_row(Text(f"  {visible(part.name)}"), *_cells(part))
    return table


def _cells(found: Numbers) -> tuple[str, ...]:
    p_value = "-" if found.mcnemar is None else "< 0.001" if found.mcnemar < 0.001 else f"{found.mcnemar:.3f}"
    return (
        f"{found.a:.3f}",
        f"{found.b:.3f}",
        f"{found.difference:+.3f}",
        f"[{found.low:+.3f}, {found.high:+.3f}]",
        str(found.won),
        str(found.lost),
        str(found.tied),
        p_value,
    )


def _example(example: Shown) -> list[RenderableType]:
    from rich.text import Text

    head = f"{example.name}  {example.before:.3g} → {example.score:.3g}" + (
        f"  {example.slice}" if example.slice else ""
    )
    lines: list[RenderableType] = [Text(f"  {visible(head)}", style="bold")]
    asked = (("asked", example.prompt), ("expected", example.expected), ("A", example.other), ("B", example.candidate))
    for name, text in asked:
        if text:
            indented = visible(text).replace("\n", "\n" + " " * 12)
            lines.append(Text.assemble((f"  {name:<8}  ", "dim"), indented))
    return lines
