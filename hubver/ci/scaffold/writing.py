"""Files that are to be in a project: which are there, how those differ, and putting the others there."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hubver.errors import BadInput, Unsafe

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

State = Literal["new", "same", "differs"]


@dataclass(frozen=True)
class Wanted:
    """A file as it should be.

    Attributes:
        path: relative to the project, with `/`.
        content: its bytes.
        executable: whether it is a program.
    """

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class File:
    """A file as it was found.

    Attributes:
        path: relative to the project.
        state: it was not there, is as it should be, or differs.
        written: whether it was put there, or in the place of what differed, now.
        diff: from what is there to what should be, as unified lines; empty where nothing differs.
    """

    path: str
    state: State
    written: bool
    diff: str


def compare(root: Path, wanted: Sequence[Wanted]) -> list[File]:
    """Say of each file whether it is there.

    Raises:
        Unsafe: it would lie outside the project, by its name or by a link.
        BadInput: something else is in its place, or it cannot be read.
    """
    found = []
    for file in wanted:
        there = _there(_place(root, file.path))
        state: State = "new" if there is None else "same" if there == file.content else "differs"
        found.append(File(file.path, state, False, _diff(file, there) if there is not None else ""))
    return found


def write(root: Path, wanted: Sequence[Wanted], replace: Collection[str] = ()) -> None:
    """Put files into a project, each whole or not at all, in their order.

    Args:
        replace: paths of files that may be there already, as other ones.

    Raises:
        BadInput: a file cannot be written, or one has come there meanwhile. Those before it are in their places.
        Unsafe: see `compare`.
    """
    for file in wanted:
        _refuse_unwritable(_place(root, file.path))
    for file in wanted:
        path = _place(root, file.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Always the same name, so that what a killed run left is used up by the next one.
            beside = path.with_name(f".{path.name}.hubver-init")
            beside.unlink(missing_ok=True)
            with beside.open("xb") as stream:
                stream.write(file.content)
                stream.flush()
                os.fsync(stream.fileno())
            if file.executable:
                beside.chmod(beside.stat().st_mode | (beside.stat().st_mode & 0o444) >> 2)
            if path.exists() and file.path not in replace:
                beside.unlink()
                raise BadInput(f"{file.path} has come there meanwhile.", hint="Run the same command again.")
            beside.replace(path)
        except OSError as error:
            raise BadInput(f"{file.path} cannot be written: {error.strerror}.") from None


def _place(root: Path, name: str) -> Path:
    """Where a file lies in a project, without leaving it."""
    path = Path(os.path.normpath(root / name))
    for folder in [*reversed(path.parents), path]:
        if folder.is_relative_to(root) and folder.is_symlink() and not folder.resolve().is_relative_to(root.resolve()):
            raise Unsafe(f"{folder.relative_to(root)} is a link out of the project.", found=str(folder.resolve()))
    if not path.is_relative_to(root):
        raise Unsafe(f"{name} is outside of the project {root}.")
    return path


def _there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise BadInput(f"{path} cannot be there: a part of its path is a file.") from None
    except IsADirectoryError:
        raise BadInput(f"{path} is a folder.", expected="a file, or nothing") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None


def _refuse_unwritable(path: Path) -> None:
    if path.is_symlink():
        # Replacing it would leave the file that it leads to as it was.
        raise BadInput(f"{path} is a link.", hint="Remove it, and run the same command again.")
    folder = next(parent for parent in path.parents if parent.exists())
    if not os.access(folder, os.W_OK):
        raise BadInput(f"The folder {folder} is read-only, so {path.name} cannot be written there.")


def _diff(file: Wanted, there: bytes) -> str:
    if there == file.content:
        return ""
    try:
        before, after = there.decode("utf-8"), file.content.decode("utf-8")
    except UnicodeDecodeError:
        return f"{file.path}: the two differ, and are no text\n"
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), file.path, f"{file.path} (hubver init)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
