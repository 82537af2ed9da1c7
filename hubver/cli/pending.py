"""What `hubver push --pending` does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from hubver.cli.output import give, headed, step, warn

if TYPE_CHECKING:
    from pathlib import Path

    from rich.text import Text

    from hubver.checkpoints.pending import Outcome


def refuse_beside_pending(context: click.Context) -> None:
    """Each waiting thing says itself how it is to be published.

    Raises:
        click.UsageError: another option was given that says so too.
    """
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in ("folder", "repo", "pending", "as_json"):
            raise click.UsageError(f"{parameter.opts[0]} cannot be given with --pending.")


def publish_pending(folder: Path, repo: str | None, as_json: bool) -> None:
    """Publish what a training left waiting in its output folder.

    Raises:
        HubverError: why the first entry that still waits does.
    """
    from hubver.checkpoints.pending import finish
    from hubver.target import Target

    outcomes = list(finish(folder, Target.repo(repo) if repo is not None else None, progress=step))
    failed = [outcome for outcome in outcomes if outcome.failure is not None]
    for outcome in failed:
        warn(f"{outcome.name} of {outcome.run_id} still waits in {outcome.folder}: {outcome.failure}")
    done = [replace(outcome, failure=None) for outcome in outcomes if outcome.failure is None]
    give({"published": done, "failed": len(failed)}, as_json, lambda: _words(folder, done, len(failed)))
    if failed and failed[0].failure is not None:
        raise failed[0].failure


def _words(folder: Path, done: list[Outcome], failed: int) -> Text:
    from rich.text import Text

    if not done:
        return Text(f"Nothing in {folder} could be published." if failed else f"Nothing waits in {folder}.")
    lines = [
        headed(
            outcome.name,
            f" {'was already' if outcome.already else 'is'} on the Hub: {outcome.repo_id}\n  {outcome.url}",
        )
        for outcome in done
    ]
    return Text("\n").join(lines)
