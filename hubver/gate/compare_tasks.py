"""Which tasks a comparison asks about: those that `hubver.toml` declares, and those in the files of the gates folder."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadInput, HubverError
from hubver.gate.running.public import said
from hubver.gate.tasks.declared import declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hubver.gate.asking.examples import AnyTask, Examples
    from hubver.settings import Settings


@dataclass(frozen=True)
class Place:
    """A task and where it was found.

    Attributes:
        task: itself.
        folder: where its relative paths start.
        names: what it may be asked for by.
    """

    task: AnyTask
    folder: Path
    names: frozenset[str]


def find(asked: Sequence[str], gates: Path, settings: Settings) -> tuple[Place, ...]:
    """The tasks of these names; all that there are where none is named.

    Args:
        asked: each the name of a task, or `FILE.py:VARIABLE`.
        gates: the folder of gates, whose files are imported, as pytest would.
        settings: with the tasks that `hubver.toml` declares.

    Raises:
        BadInput: there is no such task, or none at all, or a file cannot be imported.
    """
    own, files = set(asked), [text for text in asked if ".py:" in text]
    found = [place for text in files for place in _in_file(text)]
    own -= set(files)
    if own or not asked:
        known = [*_declared(settings), *_in_folder(gates)]
        chosen = [place for place in known if not asked or place.names & own]
        if missing := own - {name for place in chosen for name in place.names}:
            raise BadInput(
                f"There is no task {min(missing)!r} in {gates} or in hubver.toml.",
                found=", ".join(sorted({place.task.name for place in known})) or "no tasks",
                hint="Name one of those, or one in another file: --task FILE.py:NAME",
            )
        found += chosen
    if not found:
        raise BadInput(
            f"There are no tasks in {gates} or in hubver.toml.",
            expected='a gates file with, for example, TICKETS = Task("tickets", rows="tickets.jsonl")',
        )
    return tuple({id(place.task): place for place in found}.values())


def load(places: Sequence[Place], settings: Settings) -> tuple[Examples, ...]:
    """The examples of each task.

    Raises:
        BadInput: they cannot be read, or two different tasks have one name.
    """
    found: dict[str, Examples] = {}
    for place in places:
        examples = place.task.load(place.folder, settings)
        known = found.setdefault(examples.task, examples)
        if known.digest != examples.digest:
            raise BadInput(f"Two different tasks are called {examples.task!r}.", hint="Give each its own name.")
    return tuple(found.values())


def _declared(settings: Settings) -> Iterator[Place]:
    for name in settings.tasks:
        yield Place(declared(name, settings), settings.root, frozenset({name}))


def _in_folder(gates: Path) -> Iterator[Place]:
    files = [gates] if gates.is_file() else sorted(gates.glob("*.py")) if gates.is_dir() else []
    for path in files:
        yield from _tasks_of(path)


def _in_file(text: str) -> list[Place]:
    file, _, name = text.rpartition(":")
    found = [place for place in _tasks_of(Path(file)) if name in place.names]
    if not found:
        raise BadInput(f"{file} has no task {name!r}.", expected=f"a variable of this name, such as {name} = Task(...)")
    return found


def _tasks_of(path: Path) -> Iterator[Place]:
    for name, value in vars(_imported(path)).items():
        # As a protocol says: a task is whatever can be loaded and has a name. Its class is none.
        named = isinstance(getattr(value, "name", None), str) and not isinstance(value, type)
        if named and callable(getattr(value, "load", None)):
            yield Place(value, path.parent, frozenset({name, value.name}))


def _imported(path: Path) -> object:
    """A module of the user's, which may import others that lie beside it."""
    spec = importlib.util.spec_from_file_location(f"hubver_compared_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadInput(f"There is no Python file {path}.")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except HubverError:
        raise
    except Exception as error:
        raise BadInput(f"{path} cannot be imported: {said(error)}.") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module
