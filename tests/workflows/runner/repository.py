"""A repository on the forge: a real git repository, and its settings."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.runner.concurrency import Groups

if TYPE_CHECKING:
    from collections.abc import Callable

MAIN = "main"
_LISTED = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]


@dataclass(frozen=True)
class Environment:
    """An environment of a repository.

    Attributes:
        review: asked before a job that names the environment starts, with the `Review`; None asks nobody.
        branches: names of the branches that may deploy to it; None lets all.
    """

    review: Callable | None = None
    secrets: dict = field(default_factory=dict)
    variables: dict = field(default_factory=dict)
    branches: tuple | None = None


@dataclass(frozen=True)
class Review:
    """What a reviewer is asked about: a job of a run that waits for an environment."""

    environment: str
    run: object
    job: str


class Repository:
    """A repository by its name, `owner/name`.

    Attributes:
        path: the bare git repository.
        private: whether only tokens that may read contents can check it out.
        default_permissions: of workflows that ask for nothing: `restricted` or `permissive`.
    """

    def __init__(self, name, path, git, *, private=True, any_pin=False):
        self.name = name
        self.path = path
        self.private = private
        self.default_permissions = "restricted"
        self.secrets = {}
        self.variables = {}
        self.environments = {}
        self.groups = Groups()
        self.caches = {}
        self.lock = threading.Lock()
        self._any_pin = any_pin
        self._git = git
        git("init", "-q", "--bare", "--initial-branch", MAIN, path)
        # A checkout asks for a commit by its name.
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    @property
    def owner(self):
        return self.name.partition("/")[0]

    def git(self, *arguments):
        """Run git on the repository; answer what it prints."""
        return self._git("--git-dir", self.path, *arguments)

    def commit(self, files, branch=MAIN, *, start=None, message="Change"):
        """Add, change and (by None) delete files on a branch; answer the sha.

        Args:
            start: the branch or commit that a new branch starts at.
        """
        parent = self.find(f"refs/heads/{branch}") or (self.find(start) if start else None)
        stream = [f"commit refs/heads/{branch}\ncommitter dev <dev@example.org> 1767225600 +0000\n".encode()]
        stream.append(_data(message.encode()))
        stream.append(f"from {parent}\n".encode() if parent else b"")
        for path, content in files.items():
            stream.append(_change(path, content))
        subprocess.run(
            ["git", "--git-dir", self.path, "fast-import", "--quiet", "--force"],
            input=b"".join(stream),
            env=self._git.environment,
            check=True,
            timeout=60,
        )
        return self.find(f"refs/heads/{branch}")

    def find(self, revision):
        """The sha of a branch, tag, ref or commit, or None."""
        done = self._git.run("--git-dir", self.path, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return done.stdout.strip() or (self.find(MAIN) if self._stands_for(revision) else None)

    def _stands_for(self, revision):
        return self._any_pin and len(revision) == 40 and revision != MAIN

    def read(self, sha, path):
        """The text of a file at a commit, or None."""
        done = self._git.run("--git-dir", self.path, "show", f"{self.find(sha)}:{path}")
        return done.stdout if done.returncode == 0 else None

    def names(self, sha, folder):
        """The paths of the files directly in a folder at a commit."""
        done = self._git.run("--git-dir", self.path, "ls-tree", "--name-only", self.find(sha), f"{folder}/")
        return done.stdout.splitlines()

    def changed(self, before, after):
        """The paths that differ between the commit where two others parted and the second one."""
        return self.git("diff", "--name-only", f"{before}...{after}").splitlines()

    def export(self, sha, folder):
        """Write the files of a commit into a folder, without their history."""
        folder.mkdir(parents=True)
        archive = folder.with_suffix(".tar")
        self.git("archive", "--output", archive, self.find(sha))
        subprocess.run(["tar", "-xf", archive, "-C", folder], check=True, timeout=60)
        archive.unlink()

    def merge(self, number, head):
        """Write the refs of a pull request onto the default branch, its `head` and `merge`; answer the merge."""
        base = self.find(MAIN)
        tree = self.git("merge-tree", "--write-tree", base, head)
        title = f"Merge {head} into {base}"
        merged = self.git("commit-tree", tree, "-p", base, "-p", head, "-m", title)
        self.git("update-ref", f"refs/pull/{number}/head", head)
        self.git("update-ref", f"refs/pull/{number}/merge", merged)
        return merged

    def described(self):
        """The repository in an event."""
        return {
            "name": self.name.partition("/")[2],
            "full_name": self.name,
            "private": self.private,
            "default_branch": MAIN,
            "owner": {"login": self.owner},
        }


def files_of(folder, git):
    """What a folder holds, by path: without what git ignores there, where it is a checkout."""
    listed = git.run(*_LISTED, cwd=folder)
    names = listed.stdout.split("\0") if listed.returncode == 0 else _all_names(folder)
    return {name: (folder / name).read_bytes() for name in names if name and (folder / name).is_file()}


def _all_names(folder):
    return [str(path.relative_to(folder)) for path in folder.rglob("*")]


def _change(path, content):
    if content is None:
        return f"D {path}\n".encode()
    content = content.encode() if isinstance(content, str) else content
    if isinstance(content, Path):
        raise TypeError("give the content of a file, not its path")
    mode = "100755" if content.startswith(b"#!") else "100644"
    return f"M {mode} inline {path}\n".encode() + _data(content)


def _data(content):
    return b"data %d\n%s\n" % (len(content), content)
