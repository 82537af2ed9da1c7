"""`hubver lock`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, plain, step, visible

if TYPE_CHECKING:
    from rich.text import Text

    from hubver.locking.check import Report
    from hubver.locking.verb import Change, Locked


@click.command("lock")
@click.argument("targets", metavar="[ORG/NAME[@REV]]...", nargs=-1)
@click.option("--update", is_flag=True, help="Move the named models, or all, to what their revisions mean now.")
@click.option("--check", is_flag=True, help="Write nothing; say whether every pin still holds.")
@click.option("--current", is_flag=True, help="With --check: a pin that is not what its revision means now fails too.")
@click.option("--remove", is_flag=True, help="Take the named models out.")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    default=Path("hubver.lock"),
    show_default=True,
    help="The lock file.",
)
@json_option
@click.pass_context
def command(
    context: click.Context,
    targets: tuple[str, ...],
    update: bool,
    check: bool,
    current: bool,
    remove: bool,
    file: Path,
    as_json: bool,
) -> None:
    """Pin models to the commits that their revisions mean now, and to the bytes of their files.

    Without REV: what the lock file asks for already, else production. Commit hubver.lock to the application's repository,
    load with hubver.load(lock="hubver.lock"), and let CI run hubver lock --check.

    Exit codes: 0 done, or every pin holds; 1 a pin does not hold, or what would be locked does not fit together; 2 wrong
    usage or a lock file that cannot be used; 3 the Hub or the network failed.
    """
    _one_of(update=update, check=check, remove=remove)
    if current and not check:
        raise click.UsageError("--current goes with --check.")
    if check:
        if targets:
            raise click.UsageError("--check looks at every model of the lock file: name none.")
        _check(context, file, current=current, as_json=as_json)
        return
    from hubver.locking.verb import lock, unlock

    done = unlock(*targets, file=file) if remove else lock(*targets, file=file, update=update, progress=step)
    changes = [{**plain(change), "base_changed": change.base_changed} for change in done.changes] if as_json else []
    give({**plain(done), "changes": changes} if as_json else done, as_json, lambda: _changes(done))


def _one_of(**modes: bool) -> None:
    chosen = [f"--{name}" for name, is_set in modes.items() if is_set]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} are different things: ask for one of them.")


def _check(context: click.Context, file: Path, *, current: bool, as_json: bool) -> None:
    from hubver.locking.check import check_lock

    report = check_lock(file, current=current, progress=step)
    give({**plain(report), "passed": report.passed} if as_json else report, as_json, lambda: _findings(report))
    if not report.passed:
        context.exit(1)


def _changes(done: Locked) -> Text:
    text = headed(done.file, " was written" if done.written else " says so already, and was not touched")
    for change in done.changes:
        text.append(f"\n  {visible(_line(change))}")
    return text


def _line(change: Change) -> str:
    before, after = change.before, change.after
    if after is None:
        return f"- {change.repo_id}"
    now = f"{after} ({after.sha[:8]})"
    if before is None:
        return f"+ {change.repo_id}  {now}, asked for {change.revision}"
    if before.sha == after.sha:
        return f"= {change.repo_id}  {now}"
    base = f"base {change.base_before} → {change.base_after}" if change.base_changed else "same base"
    return f"↑ {change.repo_id}  {before} ({before.sha[:8]}) → {now}, {base}"


def _findings(report: Report) -> Text:
    text = headed(report.file, " holds" if report.passed else " does not hold")
    for model in report.models:
        text.append(f"\n  {visible(model.repo_id)}  {visible(model.version or '')} ({model.sha[:8]})")
        for fault in model.faults:
            text.append("\n  ✗ ", style="red").append(visible(str(fault)))
        if model.moved is not None:
            mark, style = ("✗", "red") if report.current else ("·", "dim")
            text.append(f"\n  {mark} ", style=style).append(visible(str(model.moved)))
    if any(model.moved for model in report.models):
        text.append("\n  Move on with: hubver lock --update", style="dim")
    return text
