"""What each endpoint of GitHub's API asks of a token, and what it does on the forge.

The permissions are those of
https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps; each function answers a status and a
body, or raises `Refused`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from workflows import github_objects as objects
from workflows.runner import triggers

_LONGEST_DESCRIPTION = 140
_LONGEST_COMMENT = 65536
_LARGEST_PAYLOAD = 64 * 1024


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status, message, errors=()):
        super().__init__(message)
        self.status = status
        self.errors = list(errors)


@dataclass(frozen=True)
class Request:
    """A request that may do what it asks.

    Attributes:
        kept: what the API has made so far: `Kept`.
        places: values of the path, by name.
    """

    forge: object
    kept: object
    repository: object
    login: str
    places: dict
    query: dict
    body: dict


class Kept:
    """What was made through the API, in its order; each list holds pairs of what it belongs to and the object."""

    def __init__(self):
        self.statuses = []
        self.deployments = []
        self.deployment_statuses = []
        self.comments = []
        self.check_runs = []

    def of(self, kept, owner):
        """The objects that belong to something, the newest first, as GitHub lists them."""
        return [item for of, item in reversed(kept) if of == owner]


def dispatch(asked):
    if len(json.dumps(asked.body.get("client_payload", {}))) >= _LARGEST_PAYLOAD:
        raise Refused(422, "client_payload is too large.")
    asked.forge.dispatch(
        asked.repository, asked.body["event_type"], asked.body.get("client_payload"), actor=asked.login
    )
    return 204, None


def dispatch_workflow(asked):
    name, ref = asked.places["workflow_id"], asked.body["ref"]
    if asked.repository.find(ref) is None:
        raise Refused(422, f"No ref found for: {ref}")
    inputs = asked.body.get("inputs", {})
    try:
        run = asked.forge.workflow_dispatch(asked.repository, name, inputs, ref=ref, actor=asked.login)
    except LookupError:
        if f".github/workflows/{name}" in asked.repository.names(ref, ".github/workflows"):
            raise Refused(422, "Workflow does not have 'workflow_dispatch' trigger") from None
        raise Refused(404, "Not Found") from None
    except triggers.InvalidInputs as error:
        raise Refused(422, str(error)) from None
    if asked.body.get("return_run_details"):
        return 200, objects.dispatched(asked.repository.name, run.number)
    return 204, None


def add_status(asked):
    sha = asked.places["sha"]
    if asked.repository.find(sha) != sha:
        raise Refused(422, f"No commit found for SHA: {sha}")
    _short(asked.body.get("description"))
    made = objects.status(asked.repository.name, sha, asked.login, asked.body)
    asked.kept.statuses.append(((asked.repository.name, sha), made))
    return 201, made


def list_statuses(asked):
    sha = asked.repository.find(asked.places["ref"])
    return 200, asked.kept.of(asked.kept.statuses, (asked.repository.name, sha))


def add_deployment(asked):
    repository, ref = asked.repository, asked.body["ref"]
    sha = repository.find(ref)
    if sha is None:
        raise Refused(422, f"No ref found for: {ref}")
    _short(asked.body.get("description"))
    # "Attempts to automatically merge the default branch into the requested ref, if it's behind": no deployment is made.
    behind = repository.git("rev-list", "--count", f"{sha}..main") != "0"
    if asked.body.get("auto_merge", True) and behind:
        return 202, {"message": f"Auto-merged main into {ref} on deployment."}
    _check_contexts(asked, sha)
    made = objects.deployment(repository.name, sha, asked.login, asked.body)
    asked.kept.deployments.append((repository.name, made))
    return 201, made


# "If you omit this parameter, GitHub verifies all unique contexts before creating a deployment."
def _check_contexts(asked, sha):
    newest = {}
    for status in reversed(asked.kept.of(asked.kept.statuses, (asked.repository.name, sha))):
        newest[status["context"]] = status["state"]
    required = asked.body.get("required_contexts")
    wanted = set(newest) if required is None else set(required)
    if any(newest.get(context) != "success" for context in wanted):
        raise Refused(409, f"Conflict: Commit status checks failed for {asked.body['ref']}.")


def list_deployments(asked):
    wanted = {name: value for name, value in asked.query.items() if name in {"sha", "ref", "task", "environment"}}
    found = asked.kept.of(asked.kept.deployments, asked.repository.name)
    return 200, [item for item in found if wanted.items() <= item.items()]


def add_deployment_status(asked):
    of = _deployment(asked)
    _short(asked.body.get("description"))
    made = objects.deployment_status(asked.repository.name, of, asked.login, asked.body)
    asked.kept.deployment_statuses.append(((asked.repository.name, of["id"]), made))
    return 201, made


def list_deployment_statuses(asked):
    owner = asked.repository.name, _deployment(asked)["id"]
    return 200, asked.kept.of(asked.kept.deployment_statuses, owner)


def _deployment(asked):
    number = int(asked.places["deployment_id"])
    found = [item for item in asked.kept.of(asked.kept.deployments, asked.repository.name) if item["id"] == number]
    if not found:
        raise Refused(404, "Not Found")
    return found[0]


def add_comment(asked):
    issue = int(asked.places["issue_number"])
    if asked.repository.find(f"refs/pull/{issue}/head") is None:
        raise Refused(404, "Not Found")
    _not_longer("body", asked.body["body"], _LONGEST_COMMENT)
    made = objects.comment(asked.repository.name, issue, asked.login, asked.body)
    asked.kept.comments.append(((asked.repository.name, issue), made))
    return 201, made


def list_comments(asked):
    found = asked.kept.of(asked.kept.comments, (asked.repository.name, int(asked.places["issue_number"])))
    return 200, found[::-1]  # these the oldest first


def edit_comment(asked):
    number = int(asked.places["comment_id"])
    _not_longer("body", asked.body["body"], _LONGEST_COMMENT)
    for (name, _), item in asked.kept.comments:
        if name == asked.repository.name and item["id"] == number:
            item["body"], item["updated_at"] = asked.body["body"], objects.now()
            return 200, item
    raise Refused(404, "Not Found")


def add_check_run(asked):
    sha = asked.body["head_sha"]
    if asked.repository.find(sha) != sha:
        raise Refused(422, f"No commit found for SHA: {sha}")
    # "conclusion: Required if you provide completed_at or a status of completed", says the text and not the schema.
    if "conclusion" not in asked.body and (asked.body.get("status") == "completed" or "completed_at" in asked.body):
        raise Refused(422, "Validation Failed", ["conclusion is missing"])
    made = objects.check_run(asked.repository.name, asked.body)
    asked.kept.check_runs.append((asked.repository.name, made))
    return 201, made


def edit_check_run(asked):
    number = int(asked.places["check_run_id"])
    for name, item in asked.kept.check_runs:
        if name == asked.repository.name and item["id"] == number:
            item |= {**objects.check_run(name, {**item, **asked.body}), "id": number, "url": item["url"]}
            return 200, item
    raise Refused(404, "Not Found")


def _short(description):
    _not_longer("description", description or "", _LONGEST_DESCRIPTION)


# Not in the description of the API: GitHub's answer to a longer one is "description is too long".
def _not_longer(name, text, limit):
    if len(text) > limit:
        raise Refused(422, "Validation Failed", [f"{name} is too long (maximum is {limit} characters)"])


_REPOSITORY = "/repos/{owner}/{repo}"
# By operation: the scopes of which one must do, the level, and what happens.
ENDPOINTS = {
    f"post {_REPOSITORY}/dispatches": (("contents",), "write", dispatch),
    f"post {_REPOSITORY}/actions/workflows/{{workflow_id}}/dispatches": (("actions",), "write", dispatch_workflow),
    f"post {_REPOSITORY}/statuses/{{sha}}": (("statuses",), "write", add_status),
    f"get {_REPOSITORY}/commits/{{ref}}/statuses": (("statuses",), "read", list_statuses),
    f"post {_REPOSITORY}/deployments": (("deployments",), "write", add_deployment),
    f"get {_REPOSITORY}/deployments": (("deployments",), "read", list_deployments),
    f"post {_REPOSITORY}/deployments/{{deployment_id}}/statuses": (("deployments",), "write", add_deployment_status),
    f"get {_REPOSITORY}/deployments/{{deployment_id}}/statuses": (("deployments",), "read", list_deployment_statuses),
    f"post {_REPOSITORY}/issues/{{issue_number}}/comments": (("issues", "pull-requests"), "write", add_comment),
    f"get {_REPOSITORY}/issues/{{issue_number}}/comments": (("issues", "pull-requests"), "read", list_comments),
    f"patch {_REPOSITORY}/issues/comments/{{comment_id}}": (("issues", "pull-requests"), "write", edit_comment),
    f"post {_REPOSITORY}/check-runs": (("checks",), "write", add_check_run),
    f"patch {_REPOSITORY}/check-runs/{{check_run_id}}": (("checks",), "write", edit_check_run),
}
