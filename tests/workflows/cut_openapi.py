"""Cut what `github_api.py` serves out of GitHub's own description of its API.

    npm install @octokit/openapi
    python tests/workflows/cut_openapi.py node_modules/@octokit/openapi/generated/api.github.com.json

writes github_openapi.json beside this file: the endpoints below with all that they refer to, without examples and prose.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("github_openapi.json")
ENDPOINTS = {
    "/repos/{owner}/{repo}/dispatches": ["post"],
    "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches": ["post"],
    "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
    "/repos/{owner}/{repo}/commits/{ref}/statuses": ["get"],
    "/repos/{owner}/{repo}/deployments": ["get", "post"],
    "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses": ["get", "post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["patch"],
    "/repos/{owner}/{repo}/check-runs": ["post"],
    "/repos/{owner}/{repo}/check-runs/{check_run_id}": ["patch"],
}
_PROSE = {"description", "example", "examples", "externalDocs", "summary", "tags", "title"}
_PARTS = ("parameters", "requestBody", "responses")


def cut(document):
    """The endpoints of a description, and the components that they need."""
    paths = {}
    for path, methods in ENDPOINTS.items():
        chosen = document["paths"][path]
        paths[path] = {method: {part: _bare(chosen[method].get(part)) for part in _PARTS} for method in methods}
    components = {}
    waiting = _references(paths)
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = _bare(document["components"][kind][name])
            waiting |= _references(components[kind][name])
    return {"openapi": document["openapi"], "info": _notice(document), "paths": paths, "components": components}


def _notice(document):
    return {
        "title": "A part of GitHub's REST API",
        "version": document["info"]["version"],
        "description": "Cut from @octokit/openapi. Copyright (c) 2020 Octokit contributors; see github_openapi.LICENSE",
        "license": document["info"]["license"],
    }


def _bare(part, *, named_by_users=False):
    """Without prose; in a mapping whose keys are names, such as `properties`, each is kept."""
    if isinstance(part, dict):
        return {
            key: _bare(value, named_by_users=key in {"properties", "schemas"} and not named_by_users)
            for key, value in part.items()
            if named_by_users or (key not in _PROSE and not key.startswith("x-"))
        }
    return [_bare(item) for item in part] if isinstance(part, list) else part


def _references(part):
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(_references(value) for value in part.values()))
    return set().union(*(_references(item) for item in part)) if isinstance(part, list) else set()


if __name__ == "__main__":
    slice_ = cut(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    TARGET.write_text(json.dumps(slice_, indent=1, sort_keys=True) + "\n", encoding="utf-8")
