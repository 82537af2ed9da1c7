"""Many processes that promote and roll back at once, and what each channel's branch went through meanwhile."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unittest.mock import patch

from hubver.hub import ledger
from hubver.hub.events import Change
from hubver.hub.replay import replay
from hubver.localhub.events.notices import Notices
from hubver.release import promote
from hubver.settings import ChannelSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from histories import Repo
    from lanes import Ended, Lanes

    from hubver.hub.ledger import Entry
    from hubver.hub.replay import Contradiction
    from hubver.localhub import LocalHub
    from hubver.localhub.repos.refs import RefChange

CHANNELS = ("production", "staging", "canary")
VERSIONS = ("v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0")
_SETTINGS = "".join(f"[channels.{name}]\ngated = false\n" for name in CHANNELS[1:])


@dataclass
class Storm:
    """What came of it.

    Attributes:
        acknowledged: channel and commit of each change whose command ended well and had something to do.
        codes: how many commands ended with which code.
        lines: the ledger, oldest first.
        moved: the branches that moved together, in order: ref → old and new.
        since: how many of `lines` were there before.
    """

    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    codes: dict[int, int] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    lines: list[Entry] = field(default_factory=list)
    moved: list[dict[str, tuple[str | None, str | None]]] = field(default_factory=list)
    since: int = 0

    @property
    def changes(self) -> list[Change]:
        """The changes that the ledger tells of."""
        return [entry.event for entry in self.lines[self.since :] if isinstance(entry.event, Change)]

    def went_through(self, channel: str) -> list[str]:
        """The commits that a channel's branch was at, in order; over HTTP it may be moved to where it is."""
        name = f"refs/heads/{channel}"
        moves = (group[name] for group in self.moved if name in group)
        return [str(new) for old, new in moves if old != new]

    def told_of(self, channel: str) -> list[str]:
        """The commits that the ledger says it was at, in order; one that was there already is not told twice."""
        told = (entry.event for entry in self.lines)
        places = [event.release.sha for event in told if isinstance(event, Change) and event.channel == channel]
        return [sha for before, sha in zip([None, *places], places, strict=False) if before != sha]

    def deviations(self) -> list[str]:
        """Moves of a branch to where the newest line, at that moment, did not say that it should be."""
        by_sha, newest, found = {entry.sha: entry.event for entry in self.lines}, {}, []
        for group in self.moved:
            line = by_sha.get(str(group.get("refs/heads/ledger", ("", ""))[1]))
            if isinstance(line, Change):
                newest[line.channel] = line.release.sha
            for channel in CHANNELS:
                move = group.get(f"refs/heads/{channel}")
                if move is not None and move[0] != move[1] != newest.get(channel):
                    found.append(f"{channel} at {move[1]}, {newest.get(channel)} is told")
        return found

    def contradictions(self) -> list[Contradiction]:
        """Lines that do not follow from those before."""
        return replay(self.lines).contradictions


def settings_of(hub: LocalHub) -> Settings:
    """The settings that the processes of a storm have, for whoever prepares it."""
    free = ChannelSettings(gated=False)
    return Settings(endpoint=hub.url, token=hub.token, channels=dict.fromkeys(CHANNELS[1:], free))


def calm(repo: Repo) -> dict[str, str]:
    """Versions in a repository, judged against each other, the first in every channel; by version, the commits."""
    settings = repo.settings
    shas = {tag: repo.version(tag) for tag in VERSIONS}
    first = shas[VERSIONS[0]]
    repo.judge(first, baseline=None)
    for channel in CHANNELS:
        for tag in VERSIONS:
            promote(f"{repo.repo_id}@{tag}", to=channel, override="to begin with", settings=settings)
    for baseline in shas.values():
        for candidate in shas.values():
            if candidate != baseline:
                repo.judge(candidate, baseline=baseline)
    return shas


def rage(
    repo: Repo, lanes: Lanes, folder: Path, env: Mapping[str, str], *, processes: int, changes: int, seed: int
) -> Storm:
    """Let so many processes try so many changes in all, and tell what happened."""
    (folder / "hubver.toml").write_text(_SETTINGS)
    dice = random.Random(seed)
    work = [_command(repo.repo_id, dice) for _ in range(changes)]
    storm = Storm()
    with recorded(repo.repo_id) as storm.moved:
        calm(repo)
        storm.since = len(_lines(repo))
        opened = [lanes.open() for _ in range(processes)]

        def run(number: int) -> list[Ended]:
            own = {**env, "HUBVER_CACHE": str(folder / f"cache{number}")}
            return [opened[number].run(*given, env=own, cwd=folder) for given in work[number::processes]]

        with ThreadPoolExecutor(processes) as pool:
            ended = [one for some in pool.map(run, range(processes)) for one in some]
    for one in ended:
        storm.codes[one.code] = storm.codes.get(one.code, 0) + 1
        storm.outputs.append(one.out)
        if one.code == 0:
            said = json.loads(one.out[one.out.index("{") :])
            if not said["already"]:
                storm.acknowledged.append((said["channel"], said["release"]["sha"]))
    storm.lines = _lines(repo)
    return storm


def _lines(repo: Repo) -> list[Entry]:
    return list(ledger.entries(repo.hub, repo.repo_id, repo.refs(), page=1000))[::-1]


def _command(repo_id: str, dice: random.Random) -> Sequence[str]:
    channel = dice.choice(CHANNELS)
    if dice.random() < 0.6:
        return ("promote", f"{repo_id}@{dice.choice(VERSIONS)}", "--to", channel, "--json")
    return ("rollback", repo_id, "--channel", channel, "--json")


@contextmanager
def recorded(repo_id: str) -> Iterator[list[dict[str, tuple[str | None, str | None]]]]:
    """Every move of a repository's refs, told in the server's process by whoever holds the repository's lock."""
    moved: list[dict[str, tuple[str | None, str | None]]] = []
    tell = Notices.refs_moved

    def listening(notices: Notices, repository, changes: Sequence[RefChange]) -> None:
        if repository.description.id == repo_id:
            moved.append({change.name: (change.old, change.new) for change in changes})
        tell(notices, repository, changes)

    with patch.object(Notices, "refs_moved", listening):
        yield moved
