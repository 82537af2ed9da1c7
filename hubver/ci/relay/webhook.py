"""What an event of the Hub says of candidates. Pure.

Source: https://huggingface.co/docs/hub/webhooks, payload version 3. The secret is sent as it is and the body is not
signed, so an event proves nothing by itself: it says where to look, and the Hub is asked what is there
(`hubver.ci.relay.forwarding`).
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubver.hub.contents import is_sha
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable

# An event names refs by a few hundred bytes each, and holds a comment at most.
MOST_BYTES = 1 << 20
# Who moves more candidates than this at once leaves the others to the schedule's sweep.
MOST_SIGHTINGS = 20
SECRET_HEADER = "X-Webhook-Secret"  # noqa: S105  # its name
_VERSION = 3
_PULL = re.compile(r"refs/pr/[1-9][0-9]{0,8}")
_TAG = re.compile(r"refs/tags/v?[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(-rc\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Sighting:
    """A ref that may have become a candidate.

    Attributes:
        repo_id: `ORG/NAME`, one of those that are watched.
        ref: `refs/pr/N` or `refs/tags/vX.Y.Z[-rc.N]`.
        sha: where the event says it is; None where it does not say.
    """

    repo_id: str
    ref: str
    sha: str | None

    def __str__(self) -> str:
        return f"{self.repo_id} {self.ref}{f' at {self.sha[:8]}' if self.sha else ''}"


@dataclass(frozen=True)
class Dispatch:
    """There may be candidates: ask the Hub, and dispatch those that are."""

    sightings: tuple[Sighting, ...]


@dataclass(frozen=True)
class Ignored:
    """An event that brings no candidate."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """No event of a Hub that is known here.

    Attributes:
        status: of the HTTP answer.
    """

    status: int
    reason: str


class _Part(BaseModel):
    # Whatever else an event holds is nothing that is looked at.
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Event(_Part):
    action: str
    scope: str


class _Repo(_Part):
    type: str
    name: str


class _Webhook(_Part):
    version: int


class _UpdatedRef(_Part):
    ref: str
    new_sha: str | None = Field(default=None, alias="newSha")


class _Discussion(_Part):
    num: int = Field(ge=1, lt=10**9)
    status: str
    is_pull_request: bool = Field(alias="isPullRequest")


class _Payload(_Part):
    event: _Event
    repo: _Repo
    webhook: _Webhook
    updated_refs: tuple[_UpdatedRef, ...] | None = Field(default=None, alias="updatedRefs")
    discussion: _Discussion | None = None


class _AnyVersion(_Part):
    webhook: _Webhook


def authentic(headers: Iterable[tuple[bytes, bytes]], secret: bytes) -> bool:
    """Whether a request carries the secret, compared in constant time.

    Args:
        headers: names and values as they came, in any case.
        secret: what the webhook was set up with; never empty.
    """
    name = SECRET_HEADER.lower().encode()
    sent = [value for header, value in headers if header.lower() == name]
    return len(sent) == 1 and hmac.compare_digest(sent[0], secret)


def read(
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    *,
    secret: bytes,
    models: Collection[str],
    seen: Container[Sighting] = (),
) -> Dispatch | Ignored | Refused:
    """Decide about one delivery.

    Args:
        headers: names and values as they came.
        body: the payload, as it came.
        secret: what the webhook was set up with.
        models: the repositories that are watched, `ORG/NAME`.
        seen: sightings that were dispatched, or are about to be.
    """
    if not authentic(headers, secret):
        return Refused(401, f"{SECRET_HEADER} is missing or wrong")
    if len(body) > MOST_BYTES:
        return Refused(413, f"the body is larger than {MOST_BYTES:,} bytes")
    try:
        if _AnyVersion.model_validate_json(body).webhook.version != _VERSION:
            return Refused(400, f"the payload is of another version than {_VERSION}")
        payload = _Payload.model_validate_json(body)
    except ValidationError as error:
        return Refused(400, f"the body is no payload of a webhook: {_fault(error)}")
    return _meaning(payload, models, seen)


def _fault(error: ValidationError) -> str:
    """The first fault, without a word of what was sent."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return "it is not JSON"
    return f"{'.'.join(str(step) for step in first['loc']) or 'the top level'} is missing or of another type"


def _meaning(payload: _Payload, models: Collection[str], seen: Container[Sighting]) -> Dispatch | Ignored:
    if payload.repo.type != "model" or payload.repo.name not in models:
        return Ignored("it is about another repository")
    domain = _domain(payload.event.scope)
    if domain is None or payload.event.action == "delete":
        return Ignored("events of this kind bring no candidates")
    found = _in_refs(payload) if domain == "refs" else _in_discussion(payload)
    if not found:
        return Ignored("no open pull request and no version tag is new in it")
    unseen = tuple(one for one in dict.fromkeys(found) if one not in seen)
    return Dispatch(unseen[:MOST_SIGHTINGS]) if unseen else Ignored("it was dispatched before")


def _domain(scope: str) -> Literal["refs", "discussion"] | None:
    """What a scope is about. One that is narrower than those of today counts as an update of the broader (the docs)."""
    if f"{scope}.".startswith("repo.content."):
        return "refs"
    if f"{scope}.".startswith("discussion.") and not f"{scope}.".startswith("discussion.comment."):
        return "discussion"
    return None


def _in_refs(payload: _Payload) -> list[Sighting]:
    """Pull requests and versions that have moved; one whose `newSha` is null is gone."""
    return [
        Sighting(payload.repo.name, update.ref, update.new_sha)
        for update in payload.updated_refs or ()
        if update.new_sha is not None and is_sha(update.new_sha) and _may_be_candidate(update.ref)
    ]


def _may_be_candidate(ref: str) -> bool:
    if _PULL.fullmatch(ref):
        return True
    return _TAG.fullmatch(ref) is not None and Version.try_parse(ref.removeprefix("refs/tags/")) is not None


def _in_discussion(payload: _Payload) -> list[Sighting]:
    """A pull request that is open now: a draft that was opened has had its commits before. No sha is told."""
    discussion = payload.discussion
    if discussion is None or not discussion.is_pull_request or discussion.status != "open":
        return []
    return [Sighting(payload.repo.name, f"refs/pr/{discussion.num}", None)]
