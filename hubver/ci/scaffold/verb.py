"""`init`: look at a project, write what it lacks, and say what to do next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hubver.channel_settings import checked_branch
from hubver.ci.scaffold import render, steps, writing
from hubver.ci.scaffold.examples import Examples
from hubver.ci.scaffold.origin import Origin, find
from hubver.ci.scaffold.project import Earlier
from hubver.errors import BadInput
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubver.ci.scaffold.project import Ci, Project
    from hubver.ci.scaffold.render import Choices
    from hubver.ci.scaffold.steps import Click
    from hubver.ci.scaffold.writing import File, Wanted
    from hubver.settings import Settings

_MOST_SHARDS = 256
"""Jobs that a matrix of GitHub may have."""


@dataclass(frozen=True)
class Asked:
    """What was asked for. What is None is as it was when the project was set up before, or as usual.

    Attributes:
        model: `ORG/NAME`; known from before if None.
        ci: what runs the gates; whatever the project's remote speaks for if None, GitHub mostly.
        channel: a channel of the settings; production if None.
        shards: how many machines share the examples, 1 to 256; one if None.
        examples: a file of rows; those from before if None.
        pin: `OWNER/REPO@SHA` of hubver's workflows; this hubver's own commit if None.
    """

    model: str | None = None
    ci: Ci | None = None
    channel: str | None = None
    shards: int | None = None
    examples: Path | None = None
    pin: str | None = None


@dataclass(frozen=True)
class Scaffolded:
    """What became of a project.

    Attributes:
        model: `ORG/NAME`.
        root: the project's folder.
        files: each with its state.
        clicks: what to do in a browser.
        commands: what to run next.
        notes: what somebody should know.
        changed: whether anything was written, or would have been.
    """

    model: str
    root: Path
    files: tuple[File, ...]
    clicks: tuple[Click, ...]
    commands: tuple[str, ...]
    notes: tuple[str, ...]
    changed: bool


def init(project: Project, asked: Asked, *, force: Sequence[str] = (), dry_run: bool = False) -> Scaffolded:
    """Set a project up, or say that it is.

    What is not there is written, each file whole or not at all; what is there and differs is left alone. Killed anywhere,
    the same call again finishes it.

    Args:
        project: which.
        asked: what it is to have.
        force: paths of files to write although they are there and differ.
        dry_run: write nothing.

    Raises:
        BadInput: the model is not known, a name or file cannot be used, or a file cannot be written.
        BadSettings: the settings know no such channel.
        NotFound: there is no such file of examples.
        Unsafe: a file would lie outside the project.
    """
    choices = _choices(project, asked)
    wanted, notes = _wanted(project, choices)
    files = writing.compare(project.root, wanted)
    unknown = set(force) - {file.path for file in files}
    if unknown:
        raise BadInput(
            f"{min(unknown)!r} is no file that would be written here.",
            expected=f"one of {', '.join(file.path for file in files)}",
        )
    due = {file.path for file in files if file.state == "new" or (file.state == "differs" and file.path in force)}
    if not dry_run:
        writing.write(project.root, [file for file in wanted if file.path in due], replace=force)
    written = [file.path for file in files if file.path in due]
    return Scaffolded(
        model=choices.model,
        root=project.root,
        files=tuple(replace(file, written=file.path in due and not dry_run) for file in files),
        clicks=tuple(
            steps.clicks(
                choices, hub=project.settings.endpoint, host=project.host, path=project.path, branch=project.branch
            )
        ),
        commands=tuple(steps.commands(choices, written=written, in_git=project.in_git)),
        notes=tuple(notes),
        changed=bool(due),
    )


def _choices(project: Project, asked: Asked) -> Choices:
    earlier = Earlier.of(project)
    model = earlier.model if asked.model is None else asked.model
    if model is None:
        raise BadInput("Which model?", expected="its repository on the Hub", hint="Name it: --model ORG/NAME")
    ci: Ci = asked.ci or earlier.ci or project.ci
    shards = (earlier.shards or 1) if asked.shards is None else asked.shards
    if not 1 <= shards <= _MOST_SHARDS:
        raise BadInput(f"{shards} machines cannot share the examples.", expected=f"1 to {_MOST_SHARDS} shards")
    channel = asked.channel or earlier.channel
    settings = _on_channel(project.settings, channel)
    file = asked.examples or earlier.examples
    examples = None if file is None else Examples.read(file)
    return render.Choices(
        model=Target.repo(model),
        ci=ci,
        where=channel or settings.production,
        channel=channel if channel != settings.production else None,
        shards=shards,
        examples=examples,
        rows=None if examples is None else _rows(examples.file, settings.gates_directory),
        origin=_origin(asked.pin, ci),
        github=project.github,
        elsewhere=settings.rules.repo is not None,
        gates=_relative(settings.gates_directory, project.root),
        settings="hubver.toml" if settings.source is None else settings.source.name,
    )


def _on_channel(settings: Settings, channel: str | None) -> Settings:
    """The settings for a channel; where there are none yet, any channel may become one."""
    if settings.source is not None or channel is None:
        return settings.on_channel(channel)
    try:
        checked_branch(channel)
    except ValueError as error:
        raise BadInput(f"{channel!r} cannot be a channel: {error}.") from None
    return settings


def _origin(pin: str | None, ci: Ci) -> Origin | None:
    if pin is not None:
        return Origin.parse(pin)
    return find() if ci in ("github", "gitlab") else None


def _rows(file: Path, gates: Path) -> str:
    """Where the examples lie, relative to the gates: a file from elsewhere is copied there, by a plain name."""
    file = file.resolve()
    return file.relative_to(gates).as_posix() if file.is_relative_to(gates) else f"examples{file.suffix}"


def _relative(gates: Path, root: Path) -> str:
    try:
        name = gates.relative_to(root).as_posix()
    except ValueError:
        raise BadInput(f"The folder of gates {gates} is outside of the project {root}.") from None
    if not name.isprintable() or ".." in name.split("/"):
        raise BadInput(
            f"The folder of gates {name!r} cannot be used.", expected="a folder of the project, such as gates"
        )
    return name


def _wanted(project: Project, choices: Choices) -> tuple[list[Wanted], list[str]]:
    """The files, those that others need first, so that a workflow never stands there without its gates."""
    wanted, notes = [], []
    source = project.settings.source
    named = project.settings.ci.github is not None or choices.github is None
    settings = render.settings_file(choices, source.read_bytes() if source else None, named=named)
    if settings is not None:
        wanted.append(settings)
    elif not named:
        notes.append(f"{choices.settings} does not say whose workflow `hubver push --pr` starts: {choices.github}.")
    if choices.examples is not None:
        wanted.append(render.rows_file(choices, choices.examples.content))
    for file in (render.gates_file(choices), render.smoke_file(choices)):
        others = _other_tests(project.root / file.path)
        if others and choices.examples is None:
            notes.append(f"{file.path} is not needed: {others[0]} is there.")
        else:
            wanted.append(file)
    if choices.ci == "github":
        wanted += _dependabot(project.root)
    own = render.ci_file(choices)
    return [*wanted, *([own] if own else [])], notes


def _other_tests(path: Path) -> list[str]:
    """The tests that a folder has, where the one that would be written is not among them."""
    return [] if path.exists() else sorted(other.name for other in path.parent.glob("test_*.py"))


def _dependabot(root: Path) -> list[Wanted]:
    name = next((name for name in (render.DEPENDABOT, ".github/dependabot.yaml") if (root / name).is_file()), None)
    content = render.dependabot_file((root / name).read_bytes() if name else None)
    return [] if content is None else [writing.Wanted(name or render.DEPENDABOT, content)]
