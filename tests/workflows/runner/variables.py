"""The environment of a step, built from nothing but what GitHub gives and what the test adds."""

from __future__ import annotations

# https://docs.github.com/en/actions/reference/workflows-and-actions/variables#default-environment-variables
_OF_GITHUB = (
    "action",
    "action_path",
    "action_ref",
    "action_repository",
    "actor",
    "actor_id",
    "api_url",
    "base_ref",
    "event_name",
    "event_path",
    "graphql_url",
    "head_ref",
    "job",
    "ref",
    "ref_name",
    "ref_protected",
    "ref_type",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "retention_days",
    "run_attempt",
    "run_id",
    "run_number",
    "server_url",
    "sha",
    "triggering_actor",
    "workflow",
    "workflow_ref",
    "workflow_sha",
    "workspace",
)


def known_to_steps(job, github, own, files):
    """The variables of a step: GitHub's own win over the workflow's.

    Args:
        own: those of the workflow, the job and the step.
        files: GITHUB_OUTPUT and its like, by the end of the name.
    """
    forge = job.forge
    variables = {"HOME": str(job.home), "LANG": "C.UTF-8", "CI": "true", **forge.environment, **own}
    # A workflow that sets PATH means it; what steps have put in front still comes first.
    variables["PATH"] = ":".join([*job.path, own.get("PATH", forge.path)])
    runner = {"os": "Linux", "arch": "X64", "name": "GitHub Actions 1", "environment": "github-hosted"}
    runner |= {"temp": str(job.temporary), "tool_cache": str(job.tools), "workspace": str(job.workspace.parent)}
    variables |= {f"RUNNER_{name.upper()}": value for name, value in runner.items()}
    variables |= {f"GITHUB_{name.upper()}": _shown(github[name]) for name in _OF_GITHUB if name in github}
    variables |= {f"GITHUB_{name}": str(file) for name, file in files.items()}
    return {**variables, "GITHUB_ACTIONS": "true", **job.id_token_request}


def _shown(value):
    return str(value).lower() if isinstance(value, bool) else str(value)
