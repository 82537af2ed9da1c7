"""Trusted publishers: CI jobs that may have a token of this Hub for an id token of their provider.

As in https://huggingface.co/docs/hub/trusted-publishers, which leaves where the keys of an issuer come from to the Hub.
This one reaches out to nobody, so they are given with the publishers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

GITHUB = "https://token.actions.githubusercontent.com"
"""The issuer of GitHub Actions."""

_HINT = "See https://huggingface.co/docs/hub/trusted-publishers"
_WORKFLOW = re.compile(r".*/\.github/workflows/(?P<file>[^@]+)@.+")
_BRANCH = "refs/heads/"


@dataclass(frozen=True)
class Publisher:
    """Jobs of one issuer that may have a token for one resource.

    Args:
        resource: the repo they may write to (`acme/router`, `datasets/acme/tickets`), or the name of the user in whose
            place they may read gated repos.
        claims: what their id tokens must claim, each of it and letter by letter. Of GitHub's tokens, `branch` and
            `workflow` stand for the branch in `ref` and the file name in `workflow_ref`.
        issuer: who signs their id tokens.

    Raises:
        BadInput: there are no claims, which would let in whoever has an account with the issuer.
    """

    resource: str
    claims: Mapping[str, str]
    issuer: str = GITHUB

    def __post_init__(self) -> None:
        texts = [self.resource, self.issuer, *self.claims, *self.claims.values()]
        if not self.claims or not all(isinstance(text, str) and text for text in texts):
            message = f"A trusted publisher of {self.resource!r} needs claims, which are names with texts"
            raise BadInput(message, hint=_HINT)

    def unmet(self, claims: Mapping[str, Any]) -> list[str]:
        """Names of the claims that an id token of the publisher's issuer does not meet."""
        said = {**claims, **_github_claims(claims)} if self.issuer == GITHUB else claims
        return [name for name, value in self.claims.items() if not _same(said.get(name), value)]


def _same(said: object, wanted: str) -> bool:
    return isinstance(said, str) and said == wanted


def _github_claims(claims: Mapping[str, Any]) -> dict[str, str | None]:
    """What the Hub calls branch and workflow: GitHub claims a full ref, and under `workflow` the workflow's title."""
    ref, workflow = str(claims.get("ref")), _WORKFLOW.fullmatch(str(claims.get("workflow_ref")))
    return {
        "branch": ref[len(_BRANCH) :] if ref.startswith(_BRANCH) else None,
        "workflow": workflow["file"] if workflow else None,
    }


@dataclass(frozen=True)
class Trust:
    """Whom a Hub trusts.

    Args:
        publishers: who may have which tokens.
        issuers: the public keys of each issuer, by its name in `iss`, as the JSON Web Key Set that it publishes.
    """

    publishers: Sequence[Publisher] = ()
    issuers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @staticmethod
    def read(file: Path) -> Trust:
        """Read a JSON object of `publishers` and `issuers`, with the fields of `Publisher` and of `Trust`.

        Raises:
            BadInput: the file cannot be read, or is something else.
        """
        try:
            stored = json.loads(file.read_bytes())
            publishers = [Publisher(**fields) for fields in stored["publishers"]]
            issuers = {str(name): dict(keys) for name, keys in stored["issuers"].items()}
        except OSError as error:
            message = f"The trusted publishers in {file} cannot be read: {error.strerror}"
            raise BadInput(message, hint="Name another file") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BadInput(
                f"{file} does not list trusted publishers",
                hint='Expected {"publishers": [{"resource", "claims", "issuer"}], "issuers": {issuer: {"keys": []}}}',
            ) from None
        return Trust(publishers, issuers)
