"""`hubver reproduce`."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, json_option, note, step, visible, warn
from hubver.errors import BadInput

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from hubver.reproduce.environment import Compared
    from hubver.reproduce.place import Place
    from hubver.reproduce.plan import Plan
    from hubver.reproduce.prepare import Prepared
    from hubver.reproduce.verb import Reproduction

_COLOURS = {
    "identical": "green",
    "within tolerance": "yellow",
    "different": "red",
    "same": "green",
    "harmless": "green",
    "may change bytes": "yellow",
    "will change the result": "red",
}
_MOST_SHOWN = 12


@click.command("reproduce")
@click.argument("target", metavar="ORG/NAME[@REV]")
@click.option("--dry-run", is_flag=True, help="Only show what would be run, and how the environments compare.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before running the code.")
@click.option("--venv", is_flag=True, help="Run in a fresh virtual environment with the recorded versions.")
@click.option("--exact", is_flag=True, help="Let only the same bytes count as a yes.")
@click.option("--gate", is_flag=True, help="Where bytes differ, compare on the project's tasks too.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Work in this new folder, and keep it.")
@click.option("--code", metavar="PATH|URL", help="A repository that has the code's commit [default: as recorded].")
@click.option("--data", multiple=True, metavar="NAME=PATH", help="Where data of the run is; may be repeated.")
@click.option("--base", type=click.Path(path_type=Path, exists=True, file_okay=False), help="The base model's folder.")
@click.option("--set", "values", multiple=True, metavar="OPTION=VALUE", help="What the record hides of the command.")
@click.option("--command", metavar="WORDS", help='Run this instead of the recorded command: "train.py --output out".')
@click.option("--anyway", is_flag=True, help="Go on with what is not as recorded, and name it as the cause.")
@json_option
def command(
    target: str,
    dry_run: bool,
    yes: bool,
    venv: bool,
    exact: bool,
    gate: bool,
    keep: Path | None,
    code: str | None,
    data: tuple[str, ...],
    base: Path | None,
    values: tuple[str, ...],
    command: str | None,
    anyway: bool,
    as_json: bool,
) -> int:
    r"""Run a published training again from its record, and compare what comes out.

    Fetches the code at its commit with its uncommitted changes, shows it the base model and the data at their pins and
    nothing else of a Hub, runs the recorded command, and compares every file. This runs the code of whoever published it,
    as you: no tokens are handed to it, and it is no sandbox. Without REV: production.

    \b
    Exit codes:
      0  the same bytes, or within tolerance: 5 % of what training changed
      1  a different model; with --gate, another score on any example; with --exact, any other byte
      2  the record does not say enough, or something that the run needs is missing or changed
      3  the run failed before it had made a model, or the Hub or the network did
    """
    from hubver.reproduce.plan import Given
    from hubver.reproduce.prepare import prepare
    from hubver.reproduce.verb import reproduce
    from hubver.settings import Settings

    settings = Settings.load()
    paths = {name: Path(path) for name, path in _pairs("--data", data).items()}
    given = Given(code, paths, base, _pairs("--set", values), command, anyway)
    step("reading the record, and comparing the environments")
    prepared = prepare(target, given, settings=settings)
    if dry_run:
        # The difference itself is in the repository as run/code.diff, and bytes are nothing that JSON can say.
        source = replace(prepared.plan.source, diff=None)
        give(replace(prepared, plan=replace(prepared.plan, source=source)), as_json, lambda: _planned(prepared))
        return 0
    _ask(prepared, yes=yes)
    with ExitStack() as stack:
        place = _place(keep, stack)
        here = Path(sys.executable)
        found = reproduce(
            prepared, place, given, interpreter=here, fresh=venv, gate=gate, settings=settings, progress=step
        )
        give(found, as_json, lambda: _told(found, kept=keep is not None))
    return 0 if found.grade == "identical" or (found.grade == "within tolerance" and not exact) else 1


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not (name and equals):
            raise click.UsageError(f"{option} {item}: it is no NAME=VALUE.")
        pairs[name] = value
    return pairs


def _place(keep: Path | None, stack: ExitStack) -> Place:
    from hubver.reproduce.place import Place

    if keep is None:
        # What a run leaves may be unreadable, or still vanish; neither is worth losing the answer.
        folder = tempfile.TemporaryDirectory(prefix="hubver-reproduce-", ignore_cleanup_errors=True)
        return Place(Path(stack.enter_context(folder)).resolve())
    if keep.exists() and any(keep.iterdir()):
        raise BadInput(f"{keep} is not empty.", expected="a new or empty folder", hint="Name another with --keep DIR")
    keep.mkdir(parents=True, exist_ok=True)
    return Place(keep.resolve())


def _ask(prepared: Prepared, *, yes: bool) -> None:
    """Say whose code is about to run, and ask; where nobody can answer, the answer is no."""
    plan = prepared.plan
    source = plan.source.remote or "the record itself"
    note(f"About to run, as you: {_words(plan)}")
    note(f"  its code: {source}" + (f" at {plan.source.sha}" if plan.source.sha else ""))
    for line in plan.notes:
        warn(line)
    for one in _differing(prepared.environment)[:_MOST_SHOWN]:
        note(f"  {one.grade}: {one.name} {one.recorded} → {one.here or 'not installed'} ({one.reason})")
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput(
            "This runs other people's code, and nobody is here to agree to it.",
            hint="Look at it with --dry-run, and agree with --yes.",
        )
    click.confirm("Run it?", abort=True, err=True)


def _words(plan: Plan) -> str:
    return " ".join([plan.program or "python", *plan.command])


def _differing(environment: tuple[Compared, ...]) -> list[Compared]:
    return [one for one in environment if one.grade not in {"same", "harmless"}]


def _planned(prepared: Prepared) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    plan = prepared.plan
    rows = [
        ("command", _words(plan)),
        ("in", plan.directory or "a folder outside of the repository"),
        ("code", f"{plan.source.remote or 'kept with the record'} {plan.source.sha or ''}"),
        ("changes", f"{len(plan.source.diff):,} bytes of uncommitted changes" if plan.source.diff else ""),
        *(("base", f"{name} at {sha}") for name, sha in plan.models.items()),
        *(("data", f"{name} at {sha}") for name, sha in plan.datasets.items()),
        *(("data", f"{file.path}  sha256 {file.sha256[:12]}") for wanted in plan.data for file in wanted.files),
        *(("variable", f"{name}={value}") for name, value in plan.variables.items()),
    ]
    text = Text()
    for name, value in rows:
        if value:
            text.append(f"{name:<9}", style="dim").append(f"{visible(value)}\n")
    for line in plan.notes:
        text.append(f"{visible(line)}\n", style="yellow")
    return Group(text, _environment(prepared.environment))


def _environment(compared: tuple[Compared, ...]) -> Text:
    from rich.text import Text

    text = Text("environment\n", style="bold")
    others = [one for one in compared if one.grade != "same"]
    for one in others[:_MOST_SHOWN]:
        values = f"{one.name} {one.recorded} → {one.here or 'not installed'}"
        text.append(f"  {one.grade}: ", style=_COLOURS[one.grade]).append(visible(f"{values}: {one.reason}\n"))
    if len(others) > _MOST_SHOWN:
        text.append(f"  and {len(others) - _MOST_SHOWN} that are {others[_MOST_SHOWN].grade} or less\n", style="dim")
    same = [one.name for one in compared if one.grade == "same"]
    text.append(f"  same: {', '.join(same)}" if same else "", style="dim")
    return text


def _told(found: Reproduction, *, kept: bool) -> RenderableType:
    from rich.text import Text

    text = Text.assemble((visible(f"{found.repo_id}@{found.revision}"), "bold"), " reproduced in ")
    text.append(f"{found.seconds:.0f} s: ").append(f"{found.grade}\n", style=f"bold {_COLOURS[found.grade]}")
    for file in found.files:
        text.append(f"  {'same' if file.same else 'other'} ", style="green" if file.same else "red")
        digests = str(file.recorded) if file.same else f"{_short(file.recorded)} → {_short(file.produced)}"
        text.append(f"{visible(file.path):<28} ").append(f"{digests}\n", style="dim")
    for line in _lines(found, kept=kept):
        text.append(visible(line) + "\n")
    text.rstrip()
    return text


def _lines(found: Reproduction, *, kept: bool) -> list[str]:
    lines = []
    if found.distance is not None:
        apart = found.distance
        error = apart.why_not if apart.error is None else f"{apart.error:.2%} of what training changed"
        cosine = "" if apart.cosine is None else f", cosine {apart.cosine:.6f}"
        lines.append(f"weights: {len(apart.differing)} of {apart.compared} parts differ, by {error}{cosine}")
    for scored in found.scores or ():
        same = f"{'other' if scored.differing else 'the same'} scores"
        count = f"{scored.differing or scored.examples:,} of {scored.examples:,} examples"
        lines.append(f"{scored.task}: {same} on {count}, mean {scored.recorded:.3f} → {scored.produced:.3f}")
    if found.grade != "identical":
        reasons = [f"{cause.group}: {cause.sentence}" for cause in found.causes]
        lines += [f"{'cause' if not number else 'also'}: {line}" for number, line in enumerate(reasons[:_MOST_SHOWN])]
        if not reasons:
            lines.append(
                "cause: nothing that was recorded differs, so the run does not repeat itself on one machine either, or "
                "reads what the record does not know. Fixed seeds and full_determinism=True help."
            )
    if found.exit_code:
        lines.append(f"The run ended with exit code {found.exit_code}, after it had made the model.")
    if found.unrecorded:
        lines.append(f"It asked for what the record does not name: {', '.join(found.unrecorded[:5])}")
    if kept:
        lines.append(f"kept: {found.output}, {found.log}")
    return lines


def _short(digest: str | None) -> str:
    return digest[:12] if digest else "none"
