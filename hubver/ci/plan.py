"""How a candidate is judged by several machines: which commit exactly, in how many shards, and what they may share."""

from __future__ import annotations

from dataclasses import dataclass

from hubver.ci import remote_code
from hubver.hub import pulls
from hubver.hub.client import Hub
from hubver.pins import Pin, pin
from hubver.settings import Settings
from hubver.target import Target


@dataclass(frozen=True)
class Plan:
    """How a candidate is judged.

    Attributes:
        candidate: the exact commit.
        pull_request: whose head it is.
        shards: each as `hubver gate --shard` takes it, such as `1/4`.
        cache_key: names the base model, which all shards of all candidates on it load; None for a model that stands alone.
            Letters, digits and hyphens.
    """

    candidate: Pin
    pull_request: int | None
    shards: tuple[str, ...]
    cache_key: str | None

    @property
    def base(self) -> str | None:
        """The base model, as `ORG/NAME@SHA`; None for a model that stands alone."""
        named = self.candidate.base_id and self.candidate.base_revision
        return f"{self.candidate.base_id}@{self.candidate.base_revision}" if named else None


def plan(text: str, *, shards: int, settings: Settings | None = None) -> Plan:
    """Plan how to judge a candidate. Of the model and its base, nothing but small configurations is read.

    Args:
        text: `ORG/NAME@REVISION`.
        shards: how many machines ask.
        settings: the user's own if None.

    Raises:
        Refused: the candidate or its base brings code along, and the settings do not say what to do about it.
        BadInput: see `Target.parse`.
        NotFound, BadDocument, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    target = Target.parse(text, need_revision=True)
    hub = Hub.of(settings, target.repo_id)
    refs = hub.refs(target.repo_id)
    candidate = pin(hub, target.repo_id, target.revision or "", refs, production=settings.production)
    remote_code.check(candidate, settings)
    return Plan(
        candidate,
        pulls.with_head(refs, candidate.sha),
        tuple(f"{number}/{shards}" for number in range(1, shards + 1)),
        f"hubver-base-{candidate.base_revision}" if candidate.base_id and candidate.base_revision else None,
    )
