"""Payloads of webhooks as the Hub's documentation shows them."""

from __future__ import annotations

import json

MODEL = "acme/router"
SECRET = "a-secret-of-32-letters-and-digits"
SHA = "1" * 40
OTHER = "2" * 40


def updated(*refs, model=MODEL, scope="repo.content", kind="model"):
    """Refs that moved: pairs of a name and the new sha, or None for one that is gone."""
    return {
        "event": {"action": "update", "scope": scope},
        "repo": {"type": kind, "name": model, "id": "621ffdc036468d709f17434d", "private": False, "headSha": SHA},
        "updatedRefs": [{"ref": ref, "oldSha": None, "newSha": sha} for ref, sha in refs],
        "webhook": {"id": "6390e855e30d9209411de93b", "version": 3},
    }


def discussed(action="create", scope="discussion", **more):
    """A pull request that was opened, and what differs from that."""
    return {
        "event": {"action": action, "scope": scope},
        "repo": {"type": "model", "name": MODEL, "id": "621ffdc036468d709f17434d", "private": False},
        "discussion": {"num": 7, "title": "Add", "status": "open", "isPullRequest": True, **more},
        "comment": {"id": "6399f58518721fdd27fc9caa", "content": "Add", "hidden": False},
        "webhook": {"id": "6390e855e30d9209411de93b", "version": 3},
    }


def body(payload):
    return json.dumps(payload).encode()
