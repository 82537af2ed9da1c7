"""The lock file on disk: read whole, replaced whole, by one process at a time."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from hubver.errors import BadInput, NotFound
from hubver.locking.document import Lock
from hubver.turns import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubver.locking.document import LockedModel

_ANYONE_MAY_WRITE = 0o222


def read(path: Path | str) -> Lock:
    """The lock file.

    Raises:
        NotFound: there is none.
        BadInput: it cannot be read.
        BadDocument: see `Lock.parse`.
    """
    found = read_if_there(Path(path))
    if found is None:
        raise NotFound(f"There is no lock file {path}.", hint="Write one with: hubver lock ORG/NAME")
    return found


def read_if_there(path: Path) -> Lock | None:
    """Like `read`, but None where there is no such file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", expected="a lock file") from None
    return Lock.parse(data, source=str(path))


def check_writable(path: Path) -> None:
    """Say now, not after the Hub was asked, that the file cannot be replaced.

    Raises:
        BadInput: it is a link, or read-only, or has no folder that may be written to.
    """
    if path.is_symlink():
        # Replacing it would leave the file that it leads to as it was.
        raise BadInput(
            f"{path} is a symbolic link, which a new lock file would replace.",
            hint=f"Name the file itself: --file {path.resolve()}",
        )
    if path.is_dir():
        raise BadInput(f"{path} is a folder.", expected="the name of a lock file, such as hubver.lock")
    if path.exists() and not path.stat().st_mode & _ANYONE_MAY_WRITE:
        raise BadInput(f"{path} is read-only.", hint=f"Allow it with: chmod u+w {path}")
    if not path.parent.is_dir():
        raise BadInput(f"There is no folder {path.parent} to write {path.name} to.")
    if not os.access(path.parent, os.W_OK):
        raise BadInput(f"The folder {path.parent} is read-only, so {path.name} cannot be written there.")


def change(path: Path, models: Mapping[str, LockedModel | None]) -> bool:
    """Put models into the lock file, or take them out (None); what others put there meanwhile stays.

    Returns:
        Whether the file was written. One that says the same already is not touched.

    Raises:
        BadInput, BadDocument: see `check_writable` and `read`.
    """
    with one_at_a_time("lock", path):
        check_writable(path)
        before = read_if_there(path)
        old = before or Lock()
        merged = {repo_id: model for repo_id, model in {**old.models, **models}.items() if model is not None}
        after = old.model_copy(update={"models": merged})
        if after == before:
            return False
        _replace(path, after.to_bytes())
        return True


def _replace(path: Path, data: bytes) -> None:
    """Write a file beside it, and put that in its place: a reader sees the old file or the new one, whole."""
    new = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        try:
            with new.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                new.chmod(path.stat().st_mode & 0o777)
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}. What was there is as it was.") from None
