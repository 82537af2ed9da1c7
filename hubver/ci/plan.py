"""How a candidate is judged by several machines: which commit exactly, in how many shards, and what they may share."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.ci import remote_code
from hubver.hub import pulls
from hubver.hub.client import Hub
from hubver.pins import Pin, pin
from hubver.settings import Settings
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Commits of data sets, in gates and in the lock files beside them.
_COMMITS = re.compile(rb"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_SUFFIXES = (".py", ".json", ".toml")


@dataclass(frozen=True)
class Plan:
    """How a candidate is judged.

    Attributes:
        candidate: the exact commit.
        pull_request: whose head it is.
        shards: each as `hubver gate --shard` takes it, such as `1/4`.
        cache_key: names what the shards download: the base model and the data sets. Letters, digits and hyphens.
        restore_key: how keys begin whose caches hold the base model at least.
    """

    candidate: Pin
    pull_request: int | None
    shards: tuple[str, ...]
    cache_key: str
    restore_key: str

    @property
    def base(self) -> str | None:
        """The base model, as `ORG/NAME@SHA`; None for a model that stands alone."""
        named = self.candidate.base_id and self.candidate.base_revision
        return f"{self.candidate.base_id}@{self.candidate.base_revision}" if named else None


def plan(text: str, *, shards: int, settings: Settings | None = None) -> Plan:
    """Plan how to judge a candidate. Of the model and its base, nothing but small configurations is read.

    Args:
        text: `ORG/NAME@REVISION`.
        shards: how many machines ask.
        settings: the user's own if None.

    Raises:
        Refused: the candidate or its base brings code along, and the settings do not say what to do about it.
        BadInput: see `Target.parse`.
        NotFound, BadDocument, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    target = Target.parse(text, need_revision=True)
    hub = Hub.of(settings, target.repo_id)
    refs = hub.refs(target.repo_id)
    candidate = pin(hub, target.repo_id, target.revision or "", refs, production=settings.production)
    remote_code.check(candidate, settings)
    restore = f"hubver-{candidate.base_revision or 'whole'}-"
    return Plan(
        candidate,
        pulls.with_head(refs, candidate.sha),
        tuple(f"{number}/{shards}" for number in range(1, shards + 1)),
        f"{restore}{_data_digest(settings)[:16]}",
        restore,
    )


def _data_digest(settings: Settings) -> str:
    """Digest of the tasks that the settings declare, and of the commits of data sets that they and the gates name."""
    total = hashlib.sha256(settings.tasks_digest.encode())
    found = {commit for file in _files(settings) for commit in _COMMITS.findall(file.read_bytes())}
    for commit in sorted(found):
        total.update(commit)
    return total.hexdigest()


def _files(settings: Settings) -> Iterator[Path]:
    locks = {str(task["lock"]) for task in settings.tasks.values() if isinstance(task, dict) and "lock" in task}
    for path in (*sorted(settings.gates_directory.rglob("*")), *(settings.root / lock for lock in sorted(locks))):
        if path.suffix in _SUFFIXES and path.is_file():
            yield path
