"""Files on this machine, held against a lock before anything uses them.

A commit's sha says nothing of what lies in a cache: whoever may write there may put other weights under the same name.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hubver.errors import Tampered
from hubver.hub.contents import git_blob
from hubver.record import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hubver.locking.document import LockedFile


def check(
    folder: Path,
    files: Mapping[str, LockedFile],
    *,
    of: str,
    patterns: Sequence[str] = ("*",),
    progress: Callable[[int, int], object] | None = None,
) -> None:
    """Read every file of a commit once, and compare it with what was locked.

    Args:
        folder: holds the files.
        files: what was locked, by path in the folder.
        of: whose files, such as `acme/router@v1.0.0 (1a2b3c4d)`.
        patterns: what of the folder is used, as glob patterns; a file of these that was not locked is refused.
        progress: told how many bytes have been hashed, and of how many; from several threads, one at a time.

    Raises:
        Tampered: a file is missing, is another one, or is one too many.
    """
    for path in files:
        if not (folder / path).is_file():
            raise Tampered(
                f"{path} of {of} is missing on this machine.",
                expected=f"{files[path].size} bytes in {folder}",
                hint="Load it again where the Hub can be reached.",
            )
    for path in _strays(folder, files, patterns):
        raise Tampered(
            f"{path} is no file of {of}, and was put beside them, so nothing was loaded.",
            hint=f"Find out who did, delete it, and load again: {folder / path}",
        )
    for path, pinned in files.items():
        size = (folder / path).stat().st_size
        if size != pinned.size:
            raise _another(folder / path, path, of, f"{pinned.size} bytes", f"{size} bytes")
    hashed = {path: folder / path for path, pinned in files.items() if pinned.sha256 is not None}
    for entry in digest.entries(hashed, progress=progress):
        expected = files[entry.path].sha256
        if entry.sha256 != expected:
            raise _another(folder / entry.path, entry.path, of, f"sha256 {expected}", f"sha256 {entry.sha256}")
    # Small files that no record names: git's own digest is all that is known of them.
    for path in sorted(files.keys() - hashed.keys()):
        blob = git_blob((folder / path).read_bytes())
        if blob != files[path].blob:
            raise _another(folder / path, path, of, f"blob {files[path].blob}", f"blob {blob}")


def _strays(folder: Path, files: Mapping[str, LockedFile], patterns: Sequence[str]) -> Iterator[str]:
    """What lies in the folder, would be used, and was not locked. A hidden file, such as a desktop's, no loader takes."""
    for file in folder.rglob("*"):
        path = file.relative_to(folder).as_posix()
        if file.is_dir() and file.is_symlink():
            yield path  # the Hub's cache links files only, and a folder may hold anything
        known = path in files or file.name.startswith(".") or file.is_dir()
        if not known and any(fnmatchcase(path, one) for one in patterns):
            yield path


def _another(file: Path, path: str, of: str, expected: str, found: str) -> Tampered:
    return Tampered(
        f"{path} of {of} is not the file that was locked, so nothing was loaded.",
        expected=expected,
        found=found,
        # The cache's folder of a commit holds links; the file that one leads to is what has to go.
        hint=f"Find out who changed it; to fetch it anew, delete {file.resolve()}",
    )
