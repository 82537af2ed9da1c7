"""Events as webhooks are told of them: payload version 3 of https://huggingface.co/docs/hub/webhooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hubver.localhub.accounts.access import may_read
from hubver.localhub.events.delivery import Courier, Parcel
from hubver.localhub.repos.info import repo_key
from hubver.localhub.repos.refs import MAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.localhub.accounts.limits import Triggers
    from hubver.localhub.accounts.users import Accounts
    from hubver.localhub.events.webhooks import Domain, Webhooks
    from hubver.localhub.repos.refs import RefChange
    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.talk.discussions import Discussion


class Notices:
    """Tells webhooks what happens; the `Listener` of every repo.

    Args:
        webhooks: who wants to know.
        accounts: who may see what.
        courier: delivers.
        triggers: counts what each webhook is told.
        url: address of this Hub.
    """

    def __init__(self, webhooks: Webhooks, accounts: Accounts, courier: Courier, triggers: Triggers, url: str) -> None:
        self.webhooks = webhooks
        self._accounts = accounts
        self._courier = courier
        self._triggers = triggers
        self._url = url

    def refs_moved(self, repo: Repository, changes: Sequence[RefChange]) -> None:
        """Tell of commits, branches and tags: one event, however many refs moved together."""
        updated = [{"ref": change.name, "oldSha": change.old, "newSha": change.new} for change in changes]
        self._tell(repo, "repo", "repo.content", "update", {"updatedRefs": updated})

    def repo_changed(self, repo: Repository, action: str, **more: Any) -> None:
        """Tell that a repo was created, deleted or moved."""
        self._tell(repo, "repo", "repo", action, more)

    def settings_changed(self, repo: Repository, changed: dict[str, Any]) -> None:
        """Tell of new settings, of which the Hub names only whether the repo is private."""
        named = {key: value for key, value in changed.items() if key == "private"}
        self._tell(repo, "repo", "repo.config", "update", {"updatedConfig": named})

    def discussion_saved(self, repo: Repository, before: Discussion | None, after: Discussion) -> None:
        """Tell of a new discussion with its first comment, or of what has changed in one."""
        known = {event["id"]: event for event in before.events} if before else {}
        if before is None:
            first = self._comment(repo, after, after.events[0])
            self._tell(repo, "discussion", "discussion", "create", {**self._discussion(repo, after), **first})
            return
        for event in after.events:
            if event["type"] == "comment" and known.get(event["id"]) != event:
                action = "update" if event["id"] in known else "create"
                facts = {**self._discussion(repo, after), **self._comment(repo, after, event)}
                self._tell(repo, "discussion", "discussion.comment", action, facts)
        if (before.title, before.status) != (after.title, after.status):
            self._tell(repo, "discussion", "discussion", "update", self._discussion(repo, after))

    def discussion_deleted(self, repo: Repository, discussion: Discussion) -> None:
        """Tell that a discussion is gone."""
        self._tell(repo, "discussion", "discussion", "delete", self._discussion(repo, discussion))

    def _tell(self, repo: Repository, domain: Domain, scope: str, action: str, facts: dict[str, Any]) -> None:
        about = self._repo(repo)
        if domain != "repo":
            del about["headSha"]
        event = {"event": {"action": action, "scope": scope}, "repo": about, **facts}
        for webhook in self.webhooks.all():
            if webhook.wants(repo, domain) and may_read(repo, self._accounts.named(webhook.owner)):
                body = json.dumps({**event, "webhook": {"id": webhook.id, "version": 3}}).encode()
                if self._triggers.count(webhook.id):
                    self._courier.take(Parcel(webhook.id, webhook.url, body, webhook.secret))

    def _links(self, repo: Repository, rest: str = "") -> dict[str, str]:
        about = repo.description
        return {"web": f"{self._url}/{repo.url_path}{rest}", "api": f"{self._url}/api/{about.kind}s/{about.id}{rest}"}

    def _repo(self, repo: Repository) -> dict[str, Any]:
        about, head = repo.description, repo.refs.read().get(MAIN)
        return {
            "type": about.kind,
            "name": about.id,
            "id": repo_key(repo),
            "private": about.private,
            "url": self._links(repo),
            "headSha": head.commit if head else None,
            "owner": {"id": repo.namespace},
        }

    def _discussion(self, repo: Repository, discussion: Discussion) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "id": f"{repo_key(repo)}-{discussion.num}",
            "num": discussion.num,
            "title": discussion.title,
            "status": discussion.status,
            "isPullRequest": discussion.base is not None,
            "author": {"id": discussion.author},
            "url": self._links(repo, f"/discussions/{discussion.num}"),
            "pinned": False,
        }
        if discussion.base is not None:
            facts["changes"] = {"base": discussion.base}
            if discussion.merge_commit:
                facts["changes"]["mergeCommitId"] = discussion.merge_commit
        return {"discussion": facts}

    def _comment(self, repo: Repository, discussion: Discussion, event: dict[str, Any]) -> dict[str, Any]:
        data, web = event["data"], self._links(repo, f"/discussions/{discussion.num}#{event['id']}")["web"]
        facts = {"id": event["id"], "author": {"id": event["author"]["name"]}, "hidden": data["hidden"]}
        if not data["hidden"]:
            facts["content"] = data["latest"]["raw"]
        return {"comment": {**facts, "url": {"web": web}}}
