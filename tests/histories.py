"""A real repository on the embedded Hub, and ways to write its history without training anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.contents import Upload
from hubver.hub.events import Judged, Release
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.pins import version_of
from hubver.settings import Settings

if TYPE_CHECKING:
    from hubver.localhub import LocalHub


@dataclass
class Repo:
    """One model repository, seen through hubver's own client."""

    hub: Hub
    settings: Settings
    repo_id: str

    def commit(self, content: str, **kwargs) -> str:
        """Commit a file to main (or a pull request); returns the sha."""
        data = content.encode()
        sha, _number = self.hub.commit(
            self.repo_id,
            [Upload("weights.txt", data, sha256(data).hexdigest())],
            title=content,
            description="",
            parent=self.refs().branches["main"],
            **kwargs,
        )
        return sha

    def version(self, tag: str) -> str:
        """Commit to main and tag it."""
        sha = self.commit(f"weights of {tag}")
        move(self.hub, self.repo_id, [Move(f"refs/tags/{tag}", None, sha)])
        return sha

    def judge(self, sha: str, outcome: str = "pass", baseline: str | None = "production", **said) -> str:
        """Append the verdict that a gate would have given.

        Args:
            baseline: a branch, tag or commit; None for a first release.
            said: fields of the verdict that are to be others.
        """
        refs = self.refs()
        base = refs.find(baseline) or baseline if baseline else None
        if baseline in ("production", said.get("channel")):
            base = refs.branches.get(baseline)
        return ledger.append(
            self.hub,
            self.repo_id,
            lambda refs, state: Judged(
                **{
                    "at": datetime.now(timezone.utc),
                    "actor": "acme",
                    "state": state,
                    "candidate": Release(sha=sha, version=version_of(refs, sha)),
                    "baseline": Release(sha=base) if base else None,
                    "outcome": outcome,
                    "gates_digest": "0" * 64,
                    "reasons": () if outcome == "pass" else ("exact match fell by 0.2",),
                    **said,
                }
            ),
            {"gate-report.md": b"# evidence\n"},
        )

    def refs(self):
        return self.hub.refs(self.repo_id)

    def titles(self) -> list[str]:
        return [entry.title for entry in ledger.entries(self.hub, self.repo_id, self.refs())]


@pytest.fixture
def repo(local_hub: LocalHub) -> Repo:
    settings = Settings(endpoint=local_hub.url, token=local_hub.token)
    hub = Hub.of(settings)
    hub.create_repo("acme/router")
    return Repo(hub, settings, "acme/router")
