"""The user's repository: where it begins, what it is called, which settings it has, and what was set up before."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from hubver.ci.scaffold.origin import on_github
from hubver.errors import BadInput
from hubver.record.place import git
from hubver.settings import Settings
from hubver.target import Target

_REMOTE_PATH = re.compile(
    r"^(?:[\w+.-]+://)?(?:[^@/\s]+@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<path>[^\s:]+?)(?:\.git)?/?$"
)
_ROWS = re.compile(r'^EXAMPLES = Task\(.*?\brows=("(?:[^"\\\n]|\\.)*")', re.DOTALL | re.MULTILINE)
_SHELL = re.compile(r"^(model|channel|shards)=([\w./-]+)$", re.MULTILINE)
# No file that `hubver init` wrote is longer.
_LONGEST = 100_000

Ci = Literal["github", "gitlab", "shell", "none"]
GITHUB = ".github/workflows/hubver.yml"
GITLAB = ".gitlab-ci.yml"
SHELL = "release.sh"
_FILES: dict[Ci, str] = {"github": GITHUB, "gitlab": GITLAB, "shell": SHELL}


@dataclass(frozen=True)
class Project:
    """A repository that is to get gates.

    Attributes:
        root: its folder: the checkout's, which is where CI begins; the settings' or the given one outside of git.
        settings: what its `hubver.toml` or `pyproject.toml` says; the defaults where it has none.
        in_git: whether it is a checkout.
        github: `OWNER/REPO`, where its remote `origin` is on GitHub.
        host: the server of that remote; None where there is none.
        path: of the project there, such as `group/project`.
        branch: the default branch, as far as git knows.
    """

    root: Path
    settings: Settings
    in_git: bool
    github: str | None
    host: str | None
    path: str | None
    branch: str

    @property
    def ci(self) -> Ci:
        """What most likely runs its jobs."""
        return "gitlab" if "gitlab" in (self.host or "") else "github"

    @classmethod
    def at(cls, directory: Path) -> Project:
        """Look at the project that a folder belongs to.

        Raises:
            BadSettings: its settings cannot be used.
            BadInput: there is no such folder.
        """
        if not directory.is_dir():
            raise BadInput(f"There is no folder {directory}.")
        directory = directory.resolve()
        top = git.text(directory, "rev-parse", "--show-toplevel")
        settings = Settings.load(directory)
        if top:
            root = Path(top)
            # CI sees the checkout and nothing around it.
            settings = Settings.load(root)
            if settings.source is not None and not settings.source.is_relative_to(root):
                settings = Settings(endpoint=settings.endpoint, root=root)
        else:
            root = settings.root
        remote = git.text(root, "remote", "get-url", "origin") if top else None
        found = _REMOTE_PATH.match(remote) if remote else None
        return cls(
            root=root,
            settings=settings,
            in_git=bool(top),
            github=on_github(remote) if remote else None,
            host=found["host"] if found else None,
            path=found["path"] if found else None,
            branch=_branch(root) if top else "main",
        )


@dataclass(frozen=True)
class Earlier:
    """What was chosen when the project was set up, read from what that left. All of it may be missing.

    Attributes:
        model: `ORG/NAME`.
        ci: `github`, `gitlab` or `shell`.
        channel: a channel other than production.
        shards: how many machines share the examples.
        examples: the rows that the gates ask about, in the folder of gates.
    """

    model: str | None = None
    ci: Ci | None = None
    channel: str | None = None
    shards: int | None = None
    examples: Path | None = None

    @classmethod
    def of(cls, project: Project) -> Earlier:
        """Read it. A file that cannot be read says nothing."""
        gates = project.settings.gates_directory
        examples = _examples(gates)
        for ci, name in _FILES.items():
            told = _told(ci, _read(project.root / name))
            if _is_model(told.get("model")):
                channel, shards = told.get("channel"), told.get("shards")
                return cls(
                    model=told["model"],
                    ci=ci,
                    channel=channel if isinstance(channel, str) else None,
                    shards=shards if isinstance(shards, int) else None,
                    examples=examples,
                )
        return cls(examples=examples)


def _branch(root: Path) -> str:
    head = git.text(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    return (head or "").removeprefix("origin/") or git.text(root, "branch", "--show-current") or "main"


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_LONGEST)
    except (OSError, UnicodeDecodeError):
        return ""


def _told(ci: Ci, text: str) -> dict[str, Any]:
    if ci == "shell":
        found: dict[str, Any] = dict(_SHELL.findall(text))
        return {**found, "shards": int(found["shards"])} if found.get("shards", "").isdecimal() else found
    try:
        if ci == "github":
            return dict(yaml.safe_load(text)["jobs"]["release"]["with"])
        *_, document = yaml.safe_load_all(text)
        said = dict(word.split("=", 1) for word in shlex.split(document[".model"]) if "=" in word)
        return {
            "model": said["model"],
            "channel": said.get("channel") or None,
            "shards": document["shard"].get("parallel"),
        }
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
        return {}


def _is_model(value: object) -> bool:
    try:
        return isinstance(value, str) and Target.repo(value) == value
    except BadInput:
        return False


def _examples(gates: Path) -> Path | None:
    found = _ROWS.search(_read(gates / "test_quality.py"))
    try:
        path = gates / str(json.loads(found[1])) if found else None
    except ValueError:
        return None
    return path if path is not None and path.is_file() else None
