"""`hubver init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, note, visible

if TYPE_CHECKING:
    from rich.text import Text

    from hubver.ci.scaffold.project import Ci, Project
    from hubver.ci.scaffold.verb import Scaffolded
    from hubver.ci.scaffold.writing import File


@click.command("init")
@click.option("--model", metavar="ORG/NAME", help="The model's repository on the Hub; it need not be there yet.")
@click.option("--channel", metavar="NAME", help="The channel that versions go to; production if left out.")
@click.option(
    "--ci",
    type=click.Choice(["github", "gitlab", "shell", "none"]),
    help="What runs the gates [default: gitlab where the remote is there, else github].",
)
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    help="Held-out examples, as JSON Lines, JSON, CSV or Parquet with a prompt and a completion each.",
)
@click.option("--shards", type=int, metavar="N", help="How many machines share the examples [default: 1].")
@click.option("--pin", metavar="OWNER/REPO@SHA", help="Whose workflows to call; those of this hubver if left out.")
@click.option("--force", metavar="FILE", multiple=True, help="Write this file although it is there and differs.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be written.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@json_option
def command(
    model: str | None,
    channel: str | None,
    ci: Ci | None,
    examples: Path | None,
    shards: int | None,
    pin: str | None,
    force: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Set up gates and their CI in the project that this folder belongs to.

    Writes hubver.toml, gates, a smoke test and a workflow, and says what to click. What is there already is left alone, and
    shown where it differs; run it again at any time.
    """
    from hubver.ci.scaffold.project import Project
    from hubver.ci.scaffold.verb import Asked, init

    project = Project.at(Path.cwd())
    if model is None:
        model = _model(project, ask=not yes and sys.stdin.isatty())
    asked = Asked(model=model, ci=ci, channel=channel, shards=shards, examples=examples, pin=pin)
    done = init(project, asked, force=force, dry_run=dry_run)
    for line in done.notes:
        note(line)
    give(done, as_json, lambda: _page(done, dry_run=dry_run))


def _model(project: Project, *, ask: bool) -> str | None:
    """The model: what was chosen before, or what somebody answers."""
    from hubver.ci.scaffold.project import Earlier

    return Earlier.of(project).model or (click.prompt("Model on the Hub (ORG/NAME)", err=True) if ask else None)


def _page(done: Scaffolded, *, dry_run: bool) -> Text:
    text = headed(done.model, f" in {done.root}")
    for file in done.files:
        text.append(f"\n  {visible(_line(file, dry_run=dry_run))}")
    for file in done.files:
        if file.diff and not file.written:
            text.append(f"\n\n{visible(file.diff.expandtabs().rstrip())}", style="dim")
    if not done.changed:
        text.append("\n\nNothing was to be written.")
    for number, one in enumerate(done.clicks):
        text.append(f"\n\n{'In the browser, once:' if number == 0 else ''}\n" if number == 0 else "\n")
        text.append(f"  {visible(one.page)}\n", style="bold")
        text.append(f"    {visible(one.do)}" + ("" if one.needed else " (optional)"))
        for name, value in one.fields.items():
            text.append(f"\n      {visible(f'{name}: {value}')}")
    text.append("\n\nNext:")
    for line in done.commands:
        text.append(f"\n  {visible(line)}")
    return text


def _line(file: File, *, dry_run: bool) -> str:
    if file.written or (dry_run and file.state == "new"):
        return f"+ {file.path}"
    if file.state == "same":
        return f"= {file.path}"
    return f"≠ {file.path}  is there, differs and was left alone; replace it with --force {file.path}"
