"""Fetch the code that ran: its commit, the changes that were not committed, its submodules."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from hubver.errors import BadInput, MissingPackage, NotFound
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hubver.reproduce.plan import Source

# An address in a record or in `.gitmodules` is somebody else's: none may start a program (git-config, protocol.allow).
_GIT = {"GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file", "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "0"}


def fetch_code(source: Source, folder: Path, tell: Callable[[str], None]) -> None:
    """Lay the code out in a folder that does not exist yet.

    Raises:
        NotFound: the repository, or the commit in it, is not to be had.
        BadInput: the uncommitted changes do not apply to the commit.
        MissingPackage: git is not installed.
    """
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet")
    if source.remote is not None and source.sha is not None:
        tell(f"fetching the code at {source.sha[:8]} from {redact(source.remote)}")
        _fetch(folder, source.remote, source.sha)
        _git(folder, "checkout", "--quiet", "--detach", source.sha)
        _submodules(folder, source.submodules)
    if source.diff is not None:
        _apply(folder, source.diff)


def head(folder: Path) -> str | None:
    """The commit that is checked out."""
    done = _run(folder, "rev-parse", "--verify", "HEAD")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def _fetch(folder: Path, remote: str, sha: str) -> None:
    """The commit alone where the server gives single commits; else everything that its branches and tags lead to."""
    address = os.path.abspath(remote) if os.path.isdir(remote) else remote  # noqa: PTH100, PTH112  # a URL is no Path
    one = _run(folder, "fetch", "--quiet", "--depth", "1", "--", address, sha)
    if one.returncode == 0:
        return
    every = _run(folder, "fetch", "--quiet", "--tags", "--", address, "+refs/*:refs/remotes/recorded/*")
    if every.returncode == 0 and _run(folder, "cat-file", "-e", f"{sha}^{{commit}}").returncode == 0:
        return
    why = (every if every.returncode else one).stderr.decode("utf-8", "replace").strip().splitlines()
    raise NotFound(
        f"The code's commit {sha[:8]} cannot be had from {redact(remote)}.",
        found=redact(why[-1])[:200] if why else None,
        hint="If its repository has moved, or you have a clone: --code PATH_OR_URL",
    )


def _submodules(folder: Path, commits: Mapping[str, str]) -> None:
    for path, sha in commits.items():
        done = _run(folder, "submodule", "update", "--quiet", "--init", "--", path)
        found = head(folder / path) if done.returncode == 0 else None
        if found != sha:
            raise NotFound(f"The code's submodule {path} cannot be had.", expected=sha, found=found)


def _apply(folder: Path, diff: bytes) -> None:
    # git refuses by itself what leads out of the folder (git-apply, --unsafe-paths).
    done = _run(folder, "apply", "--whitespace=nowarn", "-", given=diff)
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise BadInput(
            "The run's uncommitted changes (run/code.diff) do not apply to its commit.",
            found=redact(why[0])[:200] if why else None,
            hint="Secrets in them were redacted, or the record is not that of this code; see: hubver show",
        )


def _git(folder: Path, *arguments: str) -> None:
    done = _run(folder, *arguments)
    if done.returncode:
        raise NotFound("git failed.", found=redact(done.stderr.decode("utf-8", "replace").strip())[:200])


def _run(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-c", "advice.detachedHead=false", "-C", str(folder), *arguments],
            input=given,
            capture_output=True,
            check=False,
            env={**os.environ, **_GIT},
        )
    except FileNotFoundError:
        raise MissingPackage("Fetching the code needs git, which is not installed.") from None
