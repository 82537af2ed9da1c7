"""`hubver demo`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import textwrap
import time
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.errors import BadInput, MissingPackage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.demo.story import Teller
    from hubver.localhub import LocalHub

_WIDTH = 100
# Libraries that talk while they load; the story is told by us.
_QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "DATASETS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONWARNINGS": "ignore",
}
# Threads that wait asleep: where they spin, a second busy process makes training six times slower.
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}


@click.command("demo")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep the Hub, the project and reports.")
def command(keep: Path | None) -> None:
    """See the whole road in two minutes: train, push, gate, promote, refuse, roll back, load.

    Trains a tiny model on this machine and takes it to production on a Hub of its own, over real HTTP and git. Needs
    no account and no network.
    """
    _need_training_packages()
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise BadInput(f"{keep} is not empty.", expected="a new or empty folder", hint="Name another with --keep DIR")
    began = time.monotonic()
    program = _typed_as()
    with ExitStack() as stack:
        folder = (keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hubver-demo-")))).resolve()
        from hubver.localhub import LocalHub

        hub = stack.enter_context(LocalHub(folder / "hub"))
        _enter(hub, folder)
        from hubver.demo import story, workspace

        project = workspace.create(folder / "project")
        stack.enter_context(_inside(project))
        story.tell(hub, project, _teller())
    _end(keep, program, time.monotonic() - began)


def _need_training_packages() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("torch", "transformers", "peft", "trl", "datasets", "pytest") if not find_spec(name)]
    if missing:
        raise MissingPackage(
            f"The demo trains a model and needs {', '.join(missing)}.",
            hint="Install them with: pip install 'hubver[train]'",
        )


def _enter(hub: LocalHub, folder: Path) -> None:
    """Point this process and its children at the demo's Hub, with a cache of its own."""
    os.environ.update(hub.environment() | _QUIET | _PATIENT)
    warnings.simplefilter("ignore")  # of the libraries, about themselves
    os.environ["HF_HOME"] = str(folder / "cache")
    for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "GITHUB_ACTOR"):
        os.environ.pop(name, None)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder, as the commands that are shown would be typed there."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _teller() -> Teller:
    from hubver.demo.story import Teller

    return Teller(chapter=_chapter, say=_say, step=_step, command=_command)


def _chapter(title: str) -> None:
    click.secho(f"\n── {title} {'─' * (_WIDTH - len(title) - 4)}", bold=True, fg="cyan")


def _say(text: str) -> None:
    _clear_step()
    click.echo(text if text.startswith("  ") else textwrap.fill(text, _WIDTH))


def _step(text: str) -> None:
    if sys.stdout.isatty():
        click.secho(f"\r\033[K  {text}", dim=True, nl=False)


def _clear_step() -> None:
    if sys.stdout.isatty():
        click.echo("\r\033[K", nl=False)


def _command(*arguments: str) -> int:
    """Run one command of hubver in this process, where torch is loaded already, as if it had been typed."""
    from hubver.cli.main import run

    _clear_step()
    shown = " ".join(f'"{word}"' if " " in word else word for word in arguments)
    click.secho(f"\n$ hubver {shown}", fg="green", bold=True)
    sys.stdout.flush()
    return run(list(arguments))


def _typed_as() -> str:
    """How to run hubver from here: by name where the shell finds it, else by the path to this very program."""
    return "hubver" if shutil.which("hubver") else os.path.relpath(sys.argv[0])


def _end(keep: Path | None, program: str, seconds: float) -> None:
    _chapter("The end")
    _say(f"All of that took {seconds:.0f} s, on real HTTP and git.")
    if keep is None:
        click.echo(f"Next: see it again and keep everything, to explore:\n  {program} demo --keep ./demo")
    else:
        click.echo(
            "Explore it:\n"
            f"  {program} hub serve --root {keep}/hub      prints what to export in another shell; there:\n"
            f"  {program} status acme/router\n"
            f"  {program} resolve acme/router --snippet\n"
            f"  less {keep}/project/gates/test_quality.py {keep}/project/reports/v1.1.0/gate-report.md"
        )
    click.echo(f"With your own model:\n  {program} push OUTPUT_DIR YOUR_ORG/NAME")
