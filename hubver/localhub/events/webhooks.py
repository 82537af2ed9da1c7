"""The webhooks that users have set up, in the file `webhooks.json`."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from hubver.localhub.repos.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from hubver.localhub.repos.repository import Repository

Domain = Literal["repo", "discussion"]


@dataclass(frozen=True)
class Webhook:
    """A receiver of events.

    Args:
        id: 24 hex digits.
        owner: name of the user, who is told only of repos that it may see.
        url: where events are posted to.
        watched: what it is told about: `{"type": "model" | "dataset" | "space" | "user" | "org", "name": ...}`.
        domains: the kinds of events it is told about.
        secret: sent along with each event.
        disabled: whether it is told nothing for now.
    """

    id: str
    owner: str
    url: str
    watched: list[dict[str, str]]
    domains: list[Domain]
    secret: str | None
    disabled: bool = False

    def wants(self, repo: Repository, domain: Domain) -> bool:
        """Whether it is to be told of an event of this kind in `repo`."""
        names = {("user", repo.namespace), ("org", repo.namespace), (repo.description.kind, repo.description.id)}
        watched = {(item["type"], item["name"]) for item in self.watched}
        return not self.disabled and domain in self.domains and bool(names & watched)

    def facts(self) -> dict[str, Any]:
        """What the API shows of it."""
        return {key: value for key, value in asdict(self).items() if key != "owner"}


class Webhooks:
    """All webhooks of one Hub."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        stored = json.loads(file.read_bytes()) if file.exists() else []
        self._webhooks = {item["id"]: Webhook(**item) for item in stored}

    def all(self) -> list[Webhook]:
        """Every one, oldest first."""
        with self._lock:
            return list(self._webhooks.values())

    def put(self, webhook: Webhook) -> None:
        """Add one, or replace the one of its id."""
        with self._lock:
            self._webhooks[webhook.id] = webhook
            self._write()

    def delete(self, webhook: Webhook) -> None:
        """Remove one."""
        with self._lock:
            self._webhooks.pop(webhook.id, None)
            self._write()

    def _write(self) -> None:
        stored = [asdict(webhook) for webhook in self._webhooks.values()]
        write_atomically(self._file, json.dumps(stored, indent=1).encode(), mode=0o600)
