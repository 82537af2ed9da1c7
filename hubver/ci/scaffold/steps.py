"""What a person does once everything is written: what to click, where, and the next commands. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.ci.scaffold.render import Choices


@dataclass(frozen=True)
class Click:
    """One thing to do in a browser.

    Attributes:
        page: its address.
        do: what to do there.
        fields: what to fill in, by the names of the fields.
        needed: whether nothing works without it.
    """

    page: str
    do: str
    fields: dict[str, str]
    needed: bool


def clicks(choices: Choices, *, hub: str, host: str | None, path: str | None, branch: str) -> list[Click]:
    """What to click, the necessary first.

    Args:
        choices: the project's.
        hub: the Hub's address.
        host: the server of the project's remote; None where it has none yet.
        path: of the project there.
        branch: the project's default branch.
    """
    publisher = f"{hub}/{choices.model}/settings"
    if choices.ci == "github":
        repository = choices.github or "OWNER/REPO"
        settings = f"https://github.com/{repository}/settings"
        claims = {"repository": repository, "workflow": "hubver.yml", "branch": branch}
        return [
            Click(publisher, "Trusted Publishers, once the model is there: add one for GitHub Actions", claims, True),
            Click(
                f"{settings}/environments",
                f"Environments: add {choices.where}, and as its required reviewers who may let a version through",
                {"name": choices.where, "required reviewers": "you, or your team"},
                False,
            ),
            Click(
                f"{settings}/secrets/actions",
                "Secrets: a read-only token of the Hub, if the model is private or its base is gated",
                {"HF_READ_TOKEN": f"a fine-grained token that may read {choices.model} and its base"},
                False,
            ),
        ]
    if choices.ci == "gitlab":
        claims = {"project_path": path or "GROUP/PROJECT", "ref_type": "branch", "ref": branch}
        return [
            Click(publisher, "Trusted Publishers, once the model is there: add one for GitLab CI", claims, True),
            Click(
                f"https://{host or 'gitlab.com'}/{path or 'GROUP/PROJECT'}/-/settings/ci_cd",
                f"Protected environments: {choices.where}, with who may deploy; protected branch: {branch}",
                {"environment": choices.where},
                False,
            ),
            Click(
                f"https://{host or 'gitlab.com'}/{path or 'GROUP/PROJECT'}/-/settings/ci_cd",
                "Variables: nobody may give a pipeline any, since they outrank what is in its file",
                {"minimum role to use pipeline variables": "no one allowed"},
                False,
            ),
        ]
    return []


def commands(choices: Choices, *, written: Sequence[str], in_git: bool) -> list[str]:
    """The next commands, in their order.

    Args:
        choices: the project's.
        written: the files that were written now.
        in_git: whether the project is a checkout.
    """
    found = []
    if written and choices.ci in ("github", "gitlab"):
        files = " ".join(shlex.quote(path) for path in written)
        begin = [] if in_git else ["git init"]
        found.append(" && ".join([*begin, f"git add {files}", 'git commit -m "Gate the model"', "git push"]))
    if choices.ci == "github":
        found.append(f"hubver push OUTPUT_DIR {choices.model} --pr")
    else:
        found.append(f"hubver push OUTPUT_DIR {choices.model}")
    if choices.ci == "gitlab":
        found.append("Run a pipeline with the input revision, such as v1.0.0")
    elif choices.ci == "shell":
        found.append("./release.sh v1.0.0")
    elif choices.ci == "none":
        found.append(f"hubver gate {choices.model}@v1.0.0")
    return found
