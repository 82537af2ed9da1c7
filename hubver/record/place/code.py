"""The code part: which commit ran, what differed from it, and by which command line."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.record.digest import sha256
from hubver.record.place import changes, environment, git, started
from hubver.record.place.paths import ELSEWHERE, portable, relative
from hubver.record.schema import Code, Gap
from hubver.record.secrets import redact, redact_argv

if TYPE_CHECKING:
    from collections.abc import Sequence

DIFF_PATH = "run/code.diff"
# The cells of a notebook are kept under this name: they are what ran, and the notebook's own file may say otherwise.
CELLS_PATH = "notebook-cells.py"
_SUBMODULE = re.compile(r"^[ +U-]?(?P<sha>[0-9a-f]{40}) (?P<path>.+?)(?: \([^()]*\))?$", re.MULTILINE)


@dataclass(frozen=True)
class CodeState:
    """The part, the code that is in no commit (redacted; None where clean or unknown), and what is not known.

    Attributes:
        root: the top of the repository; where there is none, the folder that `entry_point` is relative to.
        script: the file that ran.
    """

    code: Code
    diff: bytes | None
    gaps: tuple[Gap, ...]
    root: Path | None = None
    script: Path | None = None


UNKNOWN = CodeState(Code(), None, ())


def of_process(argv: Sequence[str], directory: Path) -> CodeState:
    """The code of the running process.

    Args:
        argv: its command line, the script first.
        directory: the working directory, looked at where the script is in no repository.
    """
    directory = directory.resolve()
    start = started.of_process(argv, sys.modules.get("__main__"), environment.notebook())
    script = start.script
    state = _of_checkout(script.parent, start) if script else None
    if state is None:
        state = _of_checkout(directory, start) or _of_no_checkout(directory, start)
    root = state.root or directory
    arguments = tuple(portable(_from(argument, directory, root), directory) for argument in start.argv)
    gaps = [*state.gaps, *_startless(start), *_imported(root, state.code.sha, script)]
    if any(ELSEWHERE in argument for argument in arguments):
        gaps.append(Gap(field="code.argv", reason="paths outside of the repository are kept by their last part only"))
    where = relative(directory, root)
    if where is None:
        gaps.append(Gap(field="code.directory", reason="the working directory is outside of the repository"))
    known = {"argv": redact_argv(arguments), "module": start.module, "command": start.command, "directory": where}
    return CodeState(state.code.model_copy(update=known), state.diff, tuple(gaps), root, script)


def of_directory(directory: Path) -> CodeState:
    """The commit that a directory is at, and what differs from it; nothing of any process."""
    return _of_checkout(directory, started.Started()) or _of_no_checkout(directory, started.Started())


def _of_checkout(directory: Path, start: started.Started) -> CodeState | None:
    """None where the directory is in no repository with a commit."""
    top_name, sha = git.text(directory, "rev-parse", "--show-toplevel"), git.text(directory, "rev-parse", "HEAD")
    if not top_name or not sha:
        return None
    top = Path(top_name)
    entry = relative(start.script, top) if start.script else None
    patches = [changes.tracked(top), *_unkept(start, entry, known=bool(entry and _is_tracked(top, entry)))]
    patch = changes.joined(patches)
    remote = git.text(top, "remote", "get-url", "origin")
    submodules, gaps = _submodules(top)
    code = Code(
        sha=sha,
        remote=_portable_remote(remote) if remote else None,
        branch=git.text(top, "branch", "--show-current") or None,
        dirty=bool(git.text(top, "status", "--porcelain", "--untracked-files=no")),
        diff_sha256=sha256(patch.content) if patch.content else None,
        untracked=len(_untracked(top)),
        entry_point=CELLS_PATH if start.cells and entry is None else entry,
        submodules=submodules,
    )
    return CodeState(code, patch.content, (*patch.gaps, *gaps), top)


def _of_no_checkout(directory: Path, start: started.Started) -> CodeState:
    """The script alone: paths are relative to the working directory if it lies below, else to its own folder."""
    top = git.text(directory, "rev-parse", "--show-toplevel")
    script = start.script
    root = script.parent if script and not script.is_relative_to(directory) else directory
    entry = relative(script, root) if script else None
    patch = changes.joined(_unkept(start, entry, known=False))
    code = Code(
        diff_sha256=sha256(patch.content) if patch.content else None,
        entry_point=CELLS_PATH if start.cells and entry is None else entry,
    )
    reason = "the repository has no commit" if top else "the code is in no git repository"
    return CodeState(code, patch.content, (Gap(field="code.sha", reason=reason), *patch.gaps), root)


def _unkept(start: started.Started, entry: str | None, *, known: bool) -> list[changes.Patch]:
    """Patches for the code that ran and is in no commit."""
    if start.cells is not None:
        return [changes.added(CELLS_PATH, start.cells)]
    if start.script is None or entry is None or known:
        return []
    patch = changes.added(entry, start.script.read_bytes().decode("utf-8", "surrogateescape"))
    if patch.content is None:
        return [patch]
    gap = Gap(field="code.entry_point", reason=f"{entry} is not committed; it is kept in {DIFF_PATH}")
    return [changes.Patch(patch.content, (gap, *patch.gaps))]


def _startless(start: started.Started) -> list[Gap]:
    """What the start of the process leaves unsaid."""
    if start.cells is not None:
        name = "" if start.script else "; the notebook's name is not known to its kernel"
        return [Gap(field="code.entry_point", reason=f"a notebook: the cells that ran are kept in {DIFF_PATH}{name}")]
    if start.command is not None:
        return [Gap(field="code.entry_point", reason=f"started by the installed command {start.command}")]
    if start.script is None and start.module is None:
        return [Gap(field="code.entry_point", reason="not run from a script")]
    return []


def _imported(root: Path, sha: str | None, script: Path | None) -> list[Gap]:
    """Modules that were imported and are in no commit: they ran, but nobody asked to publish them."""
    files = {Path(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    inside = {file for file in files - {script} if file.is_relative_to(root)}
    loose = {root / name for name in _untracked(root)} if sha else set()
    missing = sorted(
        file.relative_to(root).as_posix()
        for file in inside
        if file in loose or (sha is None and not started.is_installed(file))
    )
    if not missing:
        return []
    names = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    return [Gap(field="code.untracked", reason=f"imported, but in no commit and not kept: {names}")]


def _submodules(top: Path) -> tuple[dict[str, str], list[Gap]]:
    if not (top / ".gitmodules").is_file():
        return {}, []
    listing = git.text(top, "submodule", "status", "--recursive")
    if listing is None:
        return {}, [Gap(field="code.submodules", reason="git could not list them")]
    submodules = {found["path"]: found["sha"] for found in _SUBMODULE.finditer(listing)}
    everything, kept = (
        set(git.names(top, "diff", "--name-only", "-z", f"--ignore-submodules={which}", "HEAD"))
        for which in ("none", "dirty")
    )
    dirty = sorted(everything - kept)
    reason = "changed inside, which is not kept: " + ", ".join(dirty)
    return submodules, [Gap(field="code.submodules", reason=reason)] if dirty else []


def _is_tracked(top: Path, path: str) -> bool:
    return bool(git.names(top, "ls-files", "-z", "--", f":(literal){path}"))


def _untracked(top: Path) -> tuple[str, ...]:
    return git.names(top, "ls-files", "--others", "--exclude-standard", "-z")


def _from(argument: str, directory: Path, root: Path) -> str:
    """A path in the repository, but not below the working directory, becomes relative to it by going up."""
    if not argument.startswith(f"{root}/") or argument.startswith(f"{directory}/"):
        return argument
    inside = relative(directory, root)
    if inside is None:
        return argument
    return "/".join([*[".."] * len(Path(inside).parts), argument.removeprefix(f"{root}/")])


def _portable_remote(remote: str) -> str:
    """A remote that is a folder of this machine says nothing elsewhere, and its path is nobody's business."""
    if remote.startswith(("/", ".", "~", "file:")):
        return Path(remote).name
    # `git@` is how everybody logs in by ssh; any other name there is somebody's, or a token.
    without = re.sub(r"^(?P<scheme>[\w+.-]+://)(?!git@)[^/]*@", r"\g<scheme>", remote)
    return redact(re.sub(r"^(?!git@)[^@/:]+@(?=[^/]+:)", "", without))
