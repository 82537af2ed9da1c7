"""`hubver smoke`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, plain, step, visible

if TYPE_CHECKING:
    from rich.text import Text


@click.command("smoke")
@click.argument("target", metavar="ORG/NAME[@REV]")
@click.option("--channel", metavar="NAME", help="What is in this channel of hubver.toml; production if left out.")
@click.option("--at", metavar="SHA", help="The commit that must be there, such as the one that was just promoted.")
@click.option(
    "--tests", type=click.Path(path_type=Path, file_okay=False), help="The folder of smoke tests [default: smoke]."
)
@click.option("--prompt", "prompts", multiple=True, metavar="TEXT", help="Ask this; several until it says something.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    target: str,
    channel: str | None,
    at: str | None,
    tests: Path | None,
    prompts: tuple[str, ...],
    as_json: bool,
) -> None:
    """See whether what was promoted answers: resolved and loaded as applications do, asked, and put to the smoke tests.

    Exits with 0 if it answers, and with 1 if it does not: another commit, a revision that cannot be loaded, an empty answer,
    a test that failed. Needs no right to write, and runs no code of the model's repository unless hubver.toml says so.
    """
    from hubver.smoke import smoke

    found = smoke(target, channel=channel, at=at, tests=tests, prompts=prompts, progress=step)

    def human() -> Text:
        name = f"{found.repo_id}@{found.revision}"
        at_sha = f" ({found.version or 'no version'}, {found.sha[:8]})" if found.sha else ""
        lines = [f"{at_sha} {'answers.' if found.passed else 'does not answer as it should.'}"]
        lines += [f"  {visible(problem)}" for problem in found.problems]
        if (answered := found.answered) is not None:
            lines.append(f"  loaded in {answered.load_seconds:.1f} s, answered in {answered.answer_seconds:.1f} s")
        if found.tests is not None:
            lines.append(f"  smoke tests: {found.tests} passed")
        return headed(name, "\n".join(lines))

    give({**plain(found), "passed": found.passed}, as_json, human)
    if not found.passed:
        context.exit(1)
