"""hubver's own release verbs, asked line by line."""

from __future__ import annotations

from itertools import islice

from peer_loop import serve

from hubver.channels import status
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.release import promote, rollback
from hubver.settings import Settings

SETTINGS = Settings.load()


def log(repo: str) -> int:
    hub = Hub.of(SETTINGS)
    return len(list(islice(ledger.entries(hub, repo, hub.refs(repo), page=30), 30)))


serve(
    {
        "promote": lambda repo, version: promote(f"{repo}@{version}", settings=SETTINGS).release,
        "rollback": lambda repo: rollback(repo, settings=SETTINGS).release,
        "status": lambda repo: status(repo, settings=SETTINGS).channels,
        "log": log,
    }
)
