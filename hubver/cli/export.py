"""`hubver export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, step, warn

if TYPE_CHECKING:
    from rich.text import Text

_SHOWN = 20


@click.command("export")
@click.argument("repo", metavar="ORG/NAME", required=False)
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--check",
    "checked",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Check an export instead, and with ORG/NAME that the Hub still holds all of it.",
)
@click.option("--force", is_flag=True, help="Replace whatever is in FILE.")
@json_option
def command(repo: str | None, file: Path | None, checked: Path | None, force: bool, as_json: bool) -> int | None:
    """Write the whole audit trail, events and evidence, into one file: a git bundle of the ledger.

    Without FILE it is NAME-ledger.bundle. Anyone reads it with git alone: git bundle verify FILE, git clone FILE.
    With --check, the exit code is 1 where something is not as it should be.
    """
    if checked is not None:
        if file is not None or force:
            raise click.UsageError("--check takes one file, and writes none.")
        return _check(checked, repo, as_json=as_json)
    if repo is None:
        raise click.UsageError("Missing argument 'ORG/NAME'.")
    from hubver.export import export
    from hubver.progress import size

    made = export(repo, file, force=force, progress=step)

    def human() -> Text:
        how = ", which has replaced an older export" if made.replaced else ""
        return headed(made.file, f": {made.events} events of {made.repo_id}, {size(made.size)}{how}")

    give(made, as_json, human)
    return None


def _check(file: Path, repo: str | None, *, as_json: bool) -> int:
    from hubver.export import check

    found = check(file, repo, progress=step)
    for note in found.notes[:_SHOWN]:
        warn(str(note))

    def human() -> Text:
        if not found.ok:
            lines = [f"  {finding}" for finding in found.findings[:_SHOWN]]
            more = [f"  and {len(found.findings) - _SHOWN} more"] if len(found.findings) > _SHOWN else []
            return headed(found.file, "\n".join([" is not what it should be", *lines, *more]))
        span = f", {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}" if found.first and found.last else ""
        lines = [f": {found.events} events{span}; every object is whole, and each event follows from the one before"]
        if found.repo_id is not None:
            since = f", and {found.newer} newer ones" if found.newer else ", and no others"
            lines.append(f"  {found.repo_id} still holds all of them{since}")
        return headed(found.file, "\n".join(lines))

    give({**vars(found), "ok": found.ok}, as_json, human)
    return 0 if found.ok else 1
