"""`hubver bisect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, note, step, visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hubver.gate.bisect import Bisection, Step

_COLOURS = {"good": "green", "bad": "red", "unknown": "yellow"}


@click.command("bisect")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--good", required=True, metavar="VERSION", help="A version that passes.")
@click.option("--bad", required=True, metavar="VERSION", help="A later one that fails.")
@click.option("--gate", required=True, metavar="NAME", help="The test to ask, such as test_accuracy.")
@click.option("--gates", type=click.Path(path_type=Path, file_okay=False), help="The folder of gates [default: gates].")
@json_option
def command(repo: str, good: str, bad: str, gate: str, gates: Path | None, as_json: bool) -> None:
    """Find the first version that a gate refuses, in about log2(n) gates, and what changed in it.

    Comparisons are with the good version. Answers are kept, so that the next search asks less. Nothing is promoted.
    """
    from hubver.gate.bisect import bisect

    def told(found: Step) -> None:
        note(f"{found.version} is {found.answer}: {found.reason}")

    found = bisect(repo, good=good, bad=bad, gate=gate, gates=gates, progress=step, told=told)
    give(found, as_json, lambda: _shown(found))


def _shown(found: Bisection) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(overflow="fold")
    for judged in found.steps:
        answer = Text(judged.answer, style=_COLOURS[judged.answer])
        table.add_row(visible(judged.version), answer, Text(visible(judged.reason)))
    lines: list[RenderableType] = [table, Text()]
    if found.first_bad is None:
        names = ", ".join(found.suspects)
        lines.append(headed("The first bad version is one of ", f"{names}; {found.before} is good."))
        lines.append(Text("  Those between could not be judged: more examples might tell."))
        return Group(*lines)
    lines.append(headed(found.first_bad, f" is the first bad version; {found.before} before it is good."))
    if found.changes is None:
        lines.append(Text("  What changed is not known: one of them has no hubver.json."))
    elif not found.changes:
        lines.append(Text("  Their records do not differ."))
    lines += [Text(visible(f"  {change.group}: {change.sentence}")) for change in found.changes or ()]
    return Group(*lines)
