"""Every accident at every step of every command that changes something, on each way that refs may move.

After the accident the same command is run once more, in a process of its own, and then everything on the Hub must be as one
undisturbed run leaves it.
"""

from __future__ import annotations

import re
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from accidents import ANSWER, QUESTION, SENT, Accident
from copies import copied
from histories import Repo
from lanes import Lane, lanes
from outputs import write_adapter

from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.replay import replay
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.localhub import LocalHub
from hubver.localhub.switches import Switches
from hubver.release import promote
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

WAYS = {
    "atomic git": Switches(),
    "git one by one": Switches(atomic_push=False),
    "http": Switches(git_http=False),
}
_REPO = "{repo}"
_FOLDER = "{folder}"


def _nothing(_repo: Repo) -> None:
    pass


def _released(*tags: str) -> Callable[[Repo], None]:
    def prepare(repo: Repo) -> None:
        for tag in tags:
            repo.judge(repo.version(tag))
            promote(f"{repo.repo_id}@{tag}", settings=repo.settings)

    return prepare


def _judged(*tags: str) -> Callable[[Repo], None]:
    def prepare(repo: Repo) -> None:
        _released(*tags[:-1])(repo)
        repo.judge(repo.version(tags[-1]))

    return prepare


def _candidate(*tags: str) -> Callable[[Repo], None]:
    def prepare(repo: Repo) -> None:
        _released(*tags)(repo)
        sha = repo.commit("weights of a candidate", pull_request=True)
        move(repo.hub, repo.repo_id, [Move("refs/tags/v1.9.0-rc.1", None, sha)])
        repo.judge(sha)

    return prepare


@dataclass(frozen=True)
class Verb:
    """A command with what it needs.

    Attributes:
        prepare: writes the history that it finds; None where there is no repository yet.
        arguments: of the command.
    """

    prepare: Callable[[Repo], None] | None
    arguments: tuple[str, ...]


_HISTORY = ("v1.0.0", "v1.1.0", "v1.2.0")
VERBS = {
    "push": Verb(None, ("push", _FOLDER, _REPO)),
    "push, the second": Verb(_released("v1.0.0"), ("push", _FOLDER, _REPO)),
    "push --pr": Verb(_nothing, ("push", _FOLDER, _REPO, "--pr")),
    "promote, the first": Verb(_judged("v1.0.0"), ("promote", f"{_REPO}@v1.0.0")),
    "promote": Verb(_judged("v1.0.0", "v1.1.0"), ("promote", f"{_REPO}@v1.1.0")),
    "promote a pull request": Verb(_candidate("v1.0.0"), ("promote", f"{_REPO}@v1.9.0-rc.1")),
    "rollback": Verb(_released(*_HISTORY), ("rollback", _REPO)),
    "rollback --to": Verb(_released(*_HISTORY), ("rollback", _REPO, "--to", "v1.0.0")),
    "rollback --from": Verb(_released(*_HISTORY), ("rollback", _REPO, "--from", "v1.2.0")),
    "rollback --quarantine": Verb(_released(*_HISTORY), ("rollback", _REPO, "--quarantine")),
    "quarantine": Verb(_released(*_HISTORY), ("quarantine", f"{_REPO}@v1.1.0", "--reason", "leaks")),
}


@dataclass(frozen=True)
class Point:
    """An accident, and where: its step's number, kind and name."""

    accident: Accident
    kind: str
    what: str

    def __str__(self) -> str:
        does = "killed at" if self.accident.killed else "line lost for good at" if self.accident.cut else "lost"
        return f"{does} step {self.accident.step}: {self.kind} {self.what}"


def points(steps: Iterable[tuple[str, str]]) -> list[Point]:
    """All accidents that a command with these steps can have."""
    found = []
    steps = list(steps)
    for number, (kind, what) in enumerate(steps, 1):
        # What has been sent in part, and what goes on being sent, is the same to the other side.
        if not (kind == SENT and steps[number : number + 1] == [(QUESTION, "more of it")]):
            found.append(Point(Accident(number, killed=True), kind, what))
        if kind == ANSWER or (kind == QUESTION and what != "more of it"):
            found += [Point(Accident(number, cut=cut), kind, what) for cut in (False, True)]
    return found


@dataclass
class Tally:
    """What came of the accidents of one command on one way.

    Attributes:
        steps: of the undisturbed run.
        tried: accidents; those that did not come to pass, because a step was another's turn, count too.
        finished: commands that went on to their end by themselves.
        wrong: what was not as it should be, a sentence each.
        left: files that accidents left behind and the second run did not take away.
    """

    steps: int = 0
    tried: int = 0
    killed: int = 0
    finished: int = 0
    wrong: list[str] = field(default_factory=list)
    left: int = 0


class Field:
    """One Hub with a template of the history that each command needs, and lanes to run it in."""

    def __init__(self, hub: LocalHub, folder: Path, lane: Callable[[], Lane]) -> None:
        self._root, self._folder, self._lane = hub.root, folder, lane
        self._settings = Settings(endpoint=hub.url, token=hub.token)
        self._hub = Hub.of(self._settings)
        self._environment = hub.environment()
        self._own = threading.local()
        self._output = write_adapter(folder / "out")
        self._hub.create_repo("acme/base")
        self._hub.api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="acme/base")
        self._templates: dict[object, str] = {}

    def undisturbed(self, name: str) -> tuple[list[Point], Wanted]:
        """Run a command as it is meant; all its accidents, and what each must lead to."""
        trial = self._trial(name, "undisturbed")
        ended = trial.run()
        assert ended.code == 0, ended.out
        return points(ended.steps), Wanted(self._seen(trial.repo_id), trial.left(), len(ended.steps))

    def disturb(self, name: str, point: Point, wanted: Wanted, tally: Tally) -> None:
        """Let one accident happen, run the command once more, and compare."""
        key = f"{point.accident.step}-{'killed' if point.accident.killed else 'cut' if point.accident.cut else 'lost'}"
        trial = self._trial(name, key)
        first = trial.run(point.accident)
        tally.tried += 1
        tally.killed += first.killed
        if first.code == 0:
            tally.finished += 1
        # A merge that fails after its promotion is a note, not an error.
        if first.code != 0 or "is not merged" in first.out:
            second = trial.run()
            if second.code != 0:
                tally.wrong.append(f"{point}\n    again: {second.code} {second.out.strip()}\n    first: {first.out}")
                return
        seen = self._seen(trial.repo_id)
        differing = {key: (seen[key], value) for key, value in wanted.seen.items() if seen[key] != value}
        if differing:
            tally.wrong.append(f"{point}\n    found, wanted: {differing}\n    first: {first.code} {first.out}")
        tally.left += max(0, len(trial.left()) - len(wanted.left))
        trial.remove()

    def _trial(self, name: str, key: str) -> Trial:
        verb = VERBS[name]
        slug = "-".join(re.findall(r"[a-z]+", name))
        repo_id = f"acme/{slug}-{key}"
        if verb.prepare is not None:
            copied(self._root, self._template(verb.prepare), repo_id)
        folder = self._folder / "trials" / f"{slug}-{key}"
        (folder / "tmp").mkdir(parents=True)
        shutil.copytree(self._output, folder / "out")
        if not hasattr(self._own, "lane"):
            self._own.lane = self._lane()
        return Trial(self._own.lane, repo_id, folder, verb.arguments, self._environment)

    def _template(self, prepare: Callable[[Repo], None]) -> str:
        if prepare not in self._templates:
            repo_id = f"acme/template{len(self._templates)}"
            self._hub.create_repo(repo_id)
            prepare(Repo(self._hub, self._settings, repo_id))
            self._templates[prepare] = repo_id
        return self._templates[prepare]

    def _seen(self, repo_id: str) -> dict[str, object]:
        """Everything that a command may change, by what it is and not by its sha."""
        hub = self._hub
        refs = hub.refs(repo_id)
        commits = {name: hub.commits(repo_id, name, limit=100) for name in refs.branches}
        names = {commit.sha: commit.title for commit in commits["main"]}
        names |= {sha: f"pull request {number}" for number, sha in refs.pulls.items()}
        told = replay(list(ledger.entries(hub, repo_id, refs, page=1000))[::-1])
        talk = hub.api.get_repo_discussions(repo_id)
        return {
            # A verdict's title tells the sha of its baseline.
            "commits": {name: [c.title.partition(" (against")[0] for c in found] for name, found in commits.items()},
            "channels": {name: names[refs.branches[name]] for name in ("production",) if name in refs.branches},
            "tags": {tag: names[sha] for tag, sha in refs.tags.items()},
            "way back": [(point.tag, names[point.release.sha]) for point in told.state.points("production")],
            "quarantined": [names[release.sha] for release in told.state.quarantined],
            "discussions": [(one.num, one.status) for one in talk],
            "contradictions": [one.fact for one in told.contradictions],
            "files": sorted(hub.files(repo_id, "main")),
        }


@dataclass(frozen=True)
class Wanted:
    """What an undisturbed run leaves: on the Hub, and on this machine."""

    seen: dict[str, object]
    left: list[Path]
    steps: int


@dataclass(frozen=True)
class Trial:
    """One command on a repository of its own."""

    lane: Lane
    repo_id: str
    folder: Path
    arguments: tuple[str, ...]
    environment: Mapping[str, str]

    def run(self, accident: Accident | None = None):
        given = [word.format(repo=self.repo_id, folder=self.folder / "out") for word in self.arguments]
        own = {"HUBVER_CACHE": str(self.folder / "cache"), "TMPDIR": str(self.folder / "tmp")}
        return self.lane.run(*given, env={**self.environment, **own}, cwd=self.folder, accident=accident)

    def left(self) -> list[Path]:
        """Files on this machine."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def remove(self) -> None:
        shutil.rmtree(self.folder)


@contextmanager
def field_of(way: str, folder: Path) -> Iterator[Field]:
    """A Hub of one way in a folder of its own, with lanes."""
    folder.mkdir(parents=True)
    with LocalHub(folder / "hub", switches=WAYS[way]) as hub:
        environ = {**hub.environment(), "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "home")}
        with lanes(folder, environ) as opened:
            yield Field(hub, folder, opened.open)


def tally(field_: Field, name: str, *, threads: int, choose: Callable[[list[Point]], list[Point]]) -> Tally:
    """Try the accidents of one command that are chosen, several at a time."""
    found, wanted = field_.undisturbed(name)
    result = Tally(steps=wanted.steps)
    if wanted.seen["contradictions"]:
        result.wrong.append(f"undisturbed: {wanted.seen['contradictions']}")
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(field_.disturb, name, point, wanted, result) for point in choose(found)]:
            done.result()
    return result
