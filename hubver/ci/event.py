"""What started a run, and which revision it asks about. Pure: an event is whatever somebody sent, so all is checked."""

from __future__ import annotations

import re

from hubver.errors import BadInput, Refused

# The event of `repository_dispatch` that brings a candidate.
CANDIDATE = "hubver-candidate"
_SHA = re.compile(r"[0-9a-f]{40}")
_PULL = re.compile(r"refs/pr/[1-9]\d{0,8}")
# A tag or a branch: what git allows (git-check-ref-format), less what no version, channel or branch of ours has.
_NAME = re.compile(r"(?!refs/)[A-Za-z0-9](?!.*(\.\.|//|@\{))[A-Za-z0-9._/-]{0,199}")
_ENDS = ("/", ".", ".lock")


def asked(name: str | None, payload: object, repo_id: str, chosen: str | None) -> str | None:
    """The revision that a run is to judge.

    Args:
        name: of the event, as `GITHUB_EVENT_NAME` says it.
        payload: of the event.
        repo_id: the model that the workflow is about. No event may name another.
        chosen: the revision that whoever started the run gave; empty for none. A dispatched event brings its own, and
            nothing else is looked at then.

    Returns:
        None where nothing is asked for, and what waits for a verdict is to be found.

    Raises:
        BadInput: it is no revision, or the payload is not such as `hubver push --pr` and `hubver relay` send.
        Refused: the payload is about another model.
    """
    if name != "repository_dispatch":
        return checked(chosen) if chosen else None
    if not isinstance(payload, dict) or payload.get("action") != CANDIDATE:
        raise _bad("is of another type", expected=CANDIDATE)
    sent = payload.get("client_payload")
    if not isinstance(sent, dict):
        raise _bad("brings no payload", expected='client_payload: {"revision": "..."}')
    model, revision = sent.get("model"), sent.get("revision")
    if model is not None and model != repo_id:
        raise Refused(
            f"The event is about another model than the one that this workflow judges, which is {repo_id}.",
            hint="Each model has a workflow of its own: see `model` in .github/workflows/hubver.yml",
        )
    if not isinstance(revision, str):
        raise _bad("names no revision", expected='client_payload: {"revision": "..."}')
    return checked(revision)


def checked(revision: str) -> str:
    """A revision that may be looked for: a version or another tag, a branch, `refs/pr/N`, or a whole sha.

    Raises:
        BadInput: it is none. What was sent is not repeated: it may be anything.
    """
    if _SHA.fullmatch(revision) or _PULL.fullmatch(revision):
        return revision
    if _NAME.fullmatch(revision) and not revision.endswith(_ENDS):
        return revision
    raise BadInput(
        "What was asked for is no revision.", expected="a version such as v1.2.0, refs/pr/N, or a commit's sha"
    )


def _bad(what: str, *, expected: str) -> BadInput:
    return BadInput(
        f"The event that started this run {what}.",
        expected=expected,
        hint="Send it with: hubver push --pr, or hubver relay",
    )
