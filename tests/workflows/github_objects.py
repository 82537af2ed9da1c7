"""What GitHub's API answers with, as its description wants it."""

from __future__ import annotations

import itertools
from datetime import datetime, timezone

API = "https://api.github.com"
SITE = "https://github.com"
NUMBERS = itertools.count(1)


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(login):
    home = f"{API}/users/{login}"
    links = {
        f"{name}_url": f"{home}/{name}"
        for name in (
            "events",
            "followers",
            "following",
            "gists",
            "organizations",
            "received_events",
            "repos",
            "starred",
            "subscriptions",
        )
    }
    return {
        "login": login,
        "id": 1001,
        "node_id": "U_1001",
        "avatar_url": f"{SITE}/{login}.png",
        "gravatar_id": "",
        "url": home,
        "html_url": f"{SITE}/{login}",
        "type": "Bot" if login.endswith("[bot]") else "User",
        "site_admin": False,
        **links,
    }


def _new(url, login, creator):
    number = next(NUMBERS)
    made = now()
    return {
        "id": number,
        "node_id": f"N_{number}",
        "url": f"{API}/{url.format(number)}",
        creator: user(login),
        "created_at": made,
        "updated_at": made,
    }


def status(name, sha, login, given):
    return {
        **_new(f"repos/{name}/statuses/{sha}", login, "creator"),
        "avatar_url": f"{SITE}/{login}.png",
        "state": given["state"],
        "target_url": given.get("target_url"),
        "description": given.get("description"),
        "context": given.get("context", "default"),
    }


def deployment(name, sha, login, given):
    made = _new(f"repos/{name}/deployments/{{}}", login, "creator")
    return {
        **made,
        "sha": sha,
        "ref": given["ref"],
        "task": given.get("task", "deploy"),
        "payload": given.get("payload", {}),
        "environment": given.get("environment", "production"),
        "original_environment": given.get("environment", "production"),
        "description": given.get("description", ""),
        "transient_environment": given.get("transient_environment", False),
        "production_environment": given.get("production_environment", False),
        "statuses_url": f"{made['url']}/statuses",
        "repository_url": f"{API}/repos/{name}",
    }


def deployment_status(name, of, login, given):
    return {
        **_new(f"repos/{name}/deployments/{of['id']}/statuses/{{}}", login, "creator"),
        "state": given["state"],
        "description": given.get("description", ""),
        "environment": given.get("environment", of["environment"]),
        "environment_url": given.get("environment_url", ""),
        "log_url": given.get("log_url", ""),
        "target_url": given.get("target_url", given.get("log_url", "")),
        "deployment_url": of["url"],
        "repository_url": f"{API}/repos/{name}",
    }


def comment(name, issue, login, given):
    made = _new(f"repos/{name}/issues/comments/{{}}", login, "user")
    return {
        **made,
        "body": given["body"],
        "html_url": f"{SITE}/{name}/issues/{issue}#issuecomment-{made['id']}",
        "issue_url": f"{API}/repos/{name}/issues/{issue}",
        "author_association": "NONE",
    }


def check_run(name, given):
    number = next(NUMBERS)
    made = now()
    state = given.get("status", "completed" if "conclusion" in given else "queued")
    output = given.get("output", {})
    return {
        "id": number,
        "node_id": f"CR_{number}",
        "url": f"{API}/repos/{name}/check-runs/{number}",
        "html_url": f"{SITE}/{name}/runs/{number}",
        "name": given["name"],
        "head_sha": given["head_sha"],
        "external_id": given.get("external_id", ""),
        "details_url": given.get("details_url", f"{SITE}/{name}/runs/{number}"),
        "status": state,
        "conclusion": given.get("conclusion"),
        "started_at": given.get("started_at", made),
        "completed_at": given.get("completed_at", made if state == "completed" else None),
        "check_suite": {"id": 1},
        "app": None,
        "pull_requests": [],
        "output": {
            "title": output.get("title"),
            "summary": output.get("summary"),
            "text": output.get("text"),
            "annotations_count": len(output.get("annotations", [])),
            "annotations_url": f"{API}/repos/{name}/check-runs/{number}/annotations",
        },
    }


def dispatched(name, number):
    return {
        "workflow_run_id": number,
        "run_url": f"{API}/repos/{name}/actions/runs/{number}",
        "html_url": f"{SITE}/{name}/actions/runs/{number}",
    }
