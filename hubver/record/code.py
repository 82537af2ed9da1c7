"""The code part: which commit ran, what differed from it, and by which command line."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.record.digest import sha256
from hubver.record.schema import Code, Gap
from hubver.record.secrets import redact, redact_argv

if TYPE_CHECKING:
    from collections.abc import Sequence

DIFF_PATH = "run/code.diff"
# A larger difference is data that strayed into the repository, not code.
_MAX_DIFF = 5 << 20


@dataclass(frozen=True)
class CodeState:
    """The part, the difference to the commit (redacted; None where clean or unknown), and what is not known."""

    code: Code
    diff: bytes | None
    gaps: tuple[Gap, ...]


UNKNOWN = CodeState(Code(), None, ())


def of_process(argv: Sequence[str], directory: Path) -> CodeState:
    """The code of the running process.

    Args:
        argv: its command line, the script first.
        directory: the working directory, looked at where the script is in no repository.
    """
    script = Path(argv[0]).resolve() if argv and argv[0] not in {"", "-c", "-m"} else None
    own = script is not None and script.is_file() and not script.is_relative_to(Path(sys.prefix).resolve())
    state = of_directory(script.parent, script) if own and script else None
    if state is None or state.code.sha is None:
        state = of_directory(directory, script if own else None)
    safe = redact_argv(_portable(argument, directory) for argument in argv[1:])
    return CodeState(state.code.model_copy(update={"argv": safe}), state.diff, state.gaps)


def of_directory(directory: Path, script: Path | None = None) -> CodeState:
    """The commit that a directory is at."""
    root = _git(directory, "rev-parse", "--show-toplevel")
    sha = _git(directory, "rev-parse", "--verify", "HEAD")
    entry = script.name if script else None
    if not root or not sha:
        reason = "the code is in no git repository" if not root else "the repository has no commit"
        return CodeState(Code(entry_point=entry), None, (Gap(field="code.sha", reason=reason),))
    top = Path(root)
    gaps: list[Gap] = []
    if script and script.is_relative_to(top):
        entry = script.relative_to(top).as_posix()
        if not _git(top, "ls-files", "--", entry):
            gaps.append(Gap(field="code.entry_point", reason=f"{entry} is not committed"))
    elif script is None:
        gaps.append(Gap(field="code.entry_point", reason="not run from a script"))
    diff = _diff(top, gaps)
    remote = _git(top, "remote", "get-url", "origin")
    untracked = _git(top, "ls-files", "--others", "--exclude-standard") or ""
    code = Code(
        sha=sha,
        remote=_portable_remote(remote) if remote else None,
        branch=_git(top, "branch", "--show-current") or None,
        dirty=bool(_git(top, "status", "--porcelain", "--untracked-files=no")),
        diff_sha256=sha256(diff) if diff else None,
        untracked=len(untracked.splitlines()),
        entry_point=entry,
    )
    return CodeState(code, diff, tuple(gaps))


def _diff(top: Path, gaps: list[Gap]) -> bytes | None:
    """`git diff` of tracked files against HEAD, redacted; None where there is none or it is too large."""
    raw = _git_bytes(top, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "HEAD")
    if raw is None:
        gaps.append(Gap(field="code.diff_sha256", reason="git could not show the changes"))
        return None
    if len(raw) > _MAX_DIFF:
        gaps.append(Gap(field="code.diff_sha256", reason=f"the changes are {len(raw):,} bytes, too many to keep"))
        return None
    safe = redact(raw.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    if safe != raw:
        gaps.append(Gap(field="code.diff_sha256", reason="secrets in the changes were redacted, so it may not apply"))
    return safe or None


def _git(directory: Path, *arguments: str) -> str | None:
    output = _git_bytes(directory, *arguments)
    return None if output is None else output.decode("utf-8", "replace").strip()


def _git_bytes(directory: Path, *arguments: str) -> bytes | None:
    """What git answers, or None where it fails or is not installed. Takes no lock and asks no questions."""
    command = ["git", "--no-optional-locks", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _portable_remote(remote: str) -> str:
    """A remote that is a folder of this machine says nothing elsewhere, and its path is nobody's business."""
    if remote.startswith(("/", ".", "~", "file:")):
        return Path(remote).name
    return redact(remote).replace("[redacted]@", "")


def _portable(argument: str, directory: Path) -> str:
    """Paths below the working directory become relative to it, those below the home directory `~/...`."""
    home = str(Path.home())
    short = argument.replace(f"{directory}/", "")
    short = short.replace(f"{home}/", "~/") if len(home) > 1 else short
    # A command line may hold bytes that are not UTF-8, which Python carries as surrogates and JSON cannot.
    return short.encode("utf-8", "replace").decode()
