"""What a job's token may do: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions."""

from __future__ import annotations

LEVELS = {"none": 0, "read": 1, "write": 2}
SCOPES = (
    "actions",
    "artifact-metadata",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "models",
    "packages",
    "pages",
    "pull-requests",
    "repository-projects",
    "security-events",
    "statuses",
)
ALL = dict.fromkeys(SCOPES, "write")
NONE = dict.fromkeys(SCOPES, "none")
# https://docs.github.com/en/actions/concepts/security/github_token: of a workflow that asks for nothing, by the
# repository's setting.
DEFAULTS = {"restricted": {**NONE, "contents": "read", "packages": "read"}, "permissive": {**ALL, "id-token": "none"}}


def asked(job, workflow):
    """The permissions that hold for a job by its own words or its workflow's, or None: what is not named is `none`."""
    written = job["permissions"] if "permissions" in job else workflow.get("permissions", ...)
    if written is ...:
        return None
    if isinstance(written, str):  # read-all, write-all
        return dict.fromkeys(SCOPES, written.removesuffix("-all"))
    return {**NONE, **(written or {})}


def excess(wanted, ceiling):
    """What is wanted beyond the ceiling, as GitHub says it: `id-token: write` where `id-token: none` is allowed."""
    return [
        f"is requesting '{scope}: {level}', but is only allowed '{scope}: {ceiling[scope]}'"
        for scope, level in wanted.items()
        if LEVELS[level] > LEVELS[ceiling[scope]]
    ]


def reading(granted):
    """The same with nothing to write, as a fork's pull request gets it; without an id token."""
    lowered = {scope: min(level, "read", key=LEVELS.get) for scope, level in granted.items()}
    return {**lowered, "id-token": "none"}


def allows(granted, scope, level):
    """Whether a token with these permissions may read or write in a scope."""
    return LEVELS[granted.get(scope, "none")] >= LEVELS[level]
