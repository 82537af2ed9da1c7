"""`hubver gate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, json_option, step

if TYPE_CHECKING:
    from rich.console import RenderableType


@click.command("gate")
@click.argument("target", metavar="ORG/NAME@REV")
@click.option("--gates", type=click.Path(path_type=Path, file_okay=False), help="The folder of gates [default: gates].")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where the reports go [default: here].")
@json_option
@click.pass_context
def command(context: click.Context, target: str, gates: Path | None, out: Path | None, as_json: bool) -> None:
    """Judge a revision with the project's gates, against what is in production now.

    Runs pytest on exactly that commit, writes gate-report.json and gate-report.md, and records the verdict in the
    ledger. Exits with 0 for a pass and 1 for anything else.
    """
    from hubver.gate import report
    from hubver.gate.judge import judge

    judgement = judge(target, gates=gates, out=out, progress=step)

    def human() -> RenderableType:
        from rich.console import Group

        found = report.terminal(judgement.verdict)
        return Group(found, f"Next: hubver promote {target}") if judgement.verdict.passed else found

    give(judgement, as_json, human)
    if not judgement.verdict.passed:
        context.exit(1)
