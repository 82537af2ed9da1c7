"""`hubver diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, json_option, note, visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from hubver.diff.changes import Change
    from hubver.diff.difference import Difference


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--weights", is_flag=True, help="Compare the tensors, too: ranks, norms, directions, spectra.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it with pictures, weights included, as one page.",
)
@json_option
def command(a: str, b: str, weights: bool, page: Path | None, as_json: bool) -> None:
    r"""Say what differs between two revisions, and which factor changed.

    A and B are ORG/NAME@REV, ORG/NAME for what is in production, or folders; a bare REV as B is one of A's repository.

    \b
      hubver diff acme/router@v1.0.0 v1.1.0
      hubver diff ./out acme/router --weights
    """
    from hubver.cli.reading import progress
    from hubver.diff.difference import difference

    with progress(shown=weights or page is not None) as tell:
        found = difference(a, b, weights=weights or page is not None, progress=tell)
    if page is not None:
        from hubver.diff.page import html

        page.write_text(html(found), encoding="utf-8")
        note(f"The page is in {page}")
    give(found, as_json, lambda: _shown(found))


def _shown(found: Difference) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [
        Text.assemble(("A  ", "dim"), visible(str(found.a))),
        Text.assemble(("B  ", "dim"), visible(str(found.b))),
        Text(),
        Text(visible(found.summary), style="bold"),
        *(Text(f"contradiction in {visible(text)}", style="bold") for text in found.contradictions),
    ]
    for standing, title in (
        ("cause", ""),
        ("unknown", "Not recorded by both, so nobody can tell"),
        ("consequence", "What follows"),
        ("aside", "Without bearing on the model"),
    ):
        changes = [change for change in found.changes if change.standing == standing and change.group != "metrics"]
        if changes:
            parts += [Text(), *([Text(title, style="bold")] if title else []), _changes(changes)]
    if metrics := [change for change in found.changes if change.group == "metrics"]:
        parts += [Text(), _metrics(metrics)]
    if found.weights is not None:
        from hubver.cli.weights import shown as weights_shown

        parts += [Text(), *weights_shown(found.weights)]
    if found.next is not None:
        version = f", {found.next.version}" if found.next.version else ""
        parts += [Text(), Text(visible(f"After A, B is a {found.next.bump} version{version}: {found.next.reason}"))]
    return Group(*parts)


def _changes(changes: list[Change]) -> Table:
    """A line for each, below the name of its group."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    last = ""
    for change in changes:
        table.add_row("" if change.group == last else f"  {change.group}", Text(visible(change.sentence)))
        last = change.group
    return table


def _metrics(changes: list[Change]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Metric", overflow="fold")
    table.add_column("A", justify="right", no_wrap=True)
    table.add_column("B", justify="right", no_wrap=True)
    table.add_column("")
    for change in changes:
        values = ["-" if value is None else f"{value:.6g}" for value in (change.old, change.new)]
        judged = "better" if change.sentence.endswith("(better)") else "worse" if "(worse)" in change.sentence else ""
        table.add_row(Text(visible(change.field)), *values, judged)
    return table
