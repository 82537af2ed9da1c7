"""What a relay takes from an event, and that no bytes make it stumble."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_events import MODEL, OTHER, SECRET, SHA, body, discussed, updated

from hubver.ci.relay.memory import Pace, Seen
from hubver.ci.relay.webhook import MOST_BYTES, MOST_SIGHTINGS, Dispatch, Ignored, Refused, Sighting, read

HEADERS = [(b"content-type", b"application/json"), (b"X-Webhook-Secret", SECRET.encode())]


def decide(payload, *, headers=HEADERS, seen=()):
    data = payload if isinstance(payload, bytes) else body(payload)
    return read(headers, data, secret=SECRET.encode(), models={MODEL}, seen=seen)


def sighted(*found):
    return Dispatch(tuple(Sighting(MODEL, ref, sha) for ref, sha in found))


CANDIDATES = {
    "pull request": (updated(("refs/pr/7", SHA)), [("refs/pr/7", SHA)]),
    "candidate tag": (updated(("refs/tags/v1.2.0-rc.1", SHA)), [("refs/tags/v1.2.0-rc.1", SHA)]),
    "version tag": (updated(("refs/tags/v1.2.0", SHA)), [("refs/tags/v1.2.0", SHA)]),
    "version tag without v": (updated(("refs/tags/1.2.0", SHA)), [("refs/tags/1.2.0", SHA)]),
    "several refs in one event": (
        updated(("refs/heads/ledger", OTHER), ("refs/tags/v1.2.0", SHA), ("refs/pr/3", OTHER)),
        [("refs/tags/v1.2.0", SHA), ("refs/pr/3", OTHER)],
    ),
    "one ref twice": (updated(("refs/pr/7", SHA), ("refs/pr/7", SHA)), [("refs/pr/7", SHA)]),
    "pull request opened": (discussed(), [("refs/pr/7", None)]),
    "draft that became open": (discussed("update"), [("refs/pr/7", None)]),
    "narrower scope of content": (updated(("refs/pr/7", SHA), scope="repo.content.lfs"), [("refs/pr/7", SHA)]),
    "narrower scope of discussions": (discussed("update", "discussion.status"), [("refs/pr/7", None)]),
    "fields that nobody knows yet": ({**discussed(), "future": {"a": [1]}}, [("refs/pr/7", None)]),
}
NOTHING = {
    "branch": updated(("refs/heads/main", SHA)),
    "ledger": updated(("refs/heads/ledger", SHA)),
    "promotion": updated(("refs/heads/production", SHA), ("refs/tags/rollback/1-v1.0.0", OTHER)),
    "pull request that is gone": updated(("refs/pr/7", None)),
    "tag that is no version": updated(("refs/tags/latest", SHA), ("refs/tags/v1.2", SHA), ("refs/tags/v01.2.0", SHA)),
    "branch like a version": updated(("refs/heads/v1.2.0", SHA)),
    "ref that only looks like a pull request": updated(
        ("refs/pr/7/head", SHA), ("refs/pr/0", SHA), ("refs/pr/7\n", SHA)
    ),
    "digits of another script": updated(("refs/pr/1\u0667", SHA), ("refs/tags/v\uff11.2.3", SHA)),
    "number that no computer holds": updated(("refs/pr/" + "9" * 400, SHA), (f"refs/tags/v{'9' * 5000}.0.0", SHA)),
    "sha that is none": updated(("refs/pr/7", "main"), ("refs/pr/8", "A" * 40), ("refs/pr/9", SHA + "\n")),
    "no refs": updated(),
    "refs left out": {key: value for key, value in updated().items() if key != "updatedRefs"},
    "refs null": {**updated(), "updatedRefs": None},
    "draft": discussed(status="draft"),
    "closed": discussed("update", status="closed"),
    "merged": discussed("update", status="merged"),
    "status of the future": discussed("update", status="frozen"),
    "discussion": discussed(isPullRequest=False),
    "discussion that is gone": discussed("delete"),
    "comment": discussed("create", "discussion.comment"),
    "comment of a narrower scope": discussed("create", "discussion.comment.reaction"),
    "discussion left out": {**discussed(), "discussion": None},
    "settings": updated(("refs/pr/7", SHA), scope="repo.config"),
    "repo itself": updated(("refs/pr/7", SHA), scope="repo"),
    "scope that only begins alike": updated(("refs/pr/7", SHA), scope="repo.contents"),
    "scope of the future": updated(("refs/pr/7", SHA), scope="billing"),
    "another model": updated(("refs/pr/7", SHA), model="acme/other"),
    "a model of that name elsewhere": updated(("refs/pr/7", SHA), model="evil/router"),
    "the name in other letters": updated(("refs/pr/7", SHA), model="Acme/Router"),
    "dataset of that name": updated(("refs/pr/7", SHA), kind="dataset"),
}
ROOT = updated(("refs/pr/7", SHA))
HOSTILE = {
    "nothing": b"",
    "no JSON": b"event=update",
    "half": body(ROOT)[:-1],
    "two": body(ROOT) * 2,
    "not UTF-8": body(ROOT).replace(b"acme", b"ac\xffe"),
    "UTF-16": json.dumps(ROOT).encode("utf-16"),
    "marked as UTF-8": b"\xef\xbb\xbf" + body(ROOT),
    "lone surrogate": body(updated(("refs/pr/\ud800", SHA))),
    "nested lists": b"[" * 400_000,
    "nested objects": b'{"event":' * 100_000,
    "nested where nobody looks": body(ROOT)[:-1] + b', "x": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    "number of many digits": b'{"webhook": {"version": ' + b"3" * 100_000 + b"}}",
    "null": b"null",
    "list": b"[1]",
    "text": b'"x"',
    "empty": b"{}",
    "another version": body({**ROOT, "webhook": {"id": "x", "version": 4}}),
    "no version": body({**ROOT, "webhook": {"id": "x"}}),
    "version as text": body({**ROOT, "webhook": {"id": "x", "version": "3"}}),
    "version that is true": body({**ROOT, "webhook": {"id": "x", "version": True}}),
    "version with a fraction": body({**ROOT, "webhook": {"id": "x", "version": 3.5}}),
    "no event": body({**ROOT, "event": None}),
    "event as text": body({**ROOT, "event": "update"}),
    "scope as a list": body({**ROOT, "event": {"action": "update", "scope": ["repo.content"]}}),
    "no repo": body({**ROOT, "repo": None}),
    "repo as text": body({**ROOT, "repo": MODEL}),
    "name as a number": body({**ROOT, "repo": {"type": "model", "name": 7}}),
    "name as a list": body({**ROOT, "repo": {"type": "model", "name": [MODEL]}}),
    "refs as an object": body({**ROOT, "updatedRefs": {"ref": "refs/pr/7", "newSha": SHA}}),
    "refs as texts": body({**ROOT, "updatedRefs": ["refs/pr/7"]}),
    "ref as a number": body({**ROOT, "updatedRefs": [{"ref": 7, "newSha": SHA}]}),
    "ref that is left out": body({**ROOT, "updatedRefs": [{"newSha": SHA}]}),
    "sha as a number": body({**ROOT, "updatedRefs": [{"ref": "refs/pr/7", "newSha": int(SHA)}]}),
    "discussion as a list": body({**discussed(), "discussion": [7]}),
    "number as text": body(discussed(num="7")),
    "number below one": body(discussed(num=0)),
    "number with a fraction": body(discussed(num=7.5)),
    "number that is true": body(discussed(num=True)),
    "number of an address": body(discussed(num=10**18)),
    "pull request as text": body(discussed(isPullRequest="true")),
}


@pytest.mark.parametrize("name", CANDIDATES)
def test_an_event_that_may_bring_candidates_is_dispatched(name):
    payload, found = CANDIDATES[name]
    assert decide(payload) == sighted(*found)


@pytest.mark.parametrize("name", NOTHING)
def test_an_event_that_brings_none_is_ignored(name):
    assert isinstance(decide(NOTHING[name]), Ignored)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_body_that_is_no_event_is_refused_without_repeating_it(name):
    answer = decide(HOSTILE[name])
    assert isinstance(answer, Refused)
    assert answer.status == 400
    assert answer.reason.isascii()
    assert answer.reason.isprintable()
    assert len(answer.reason) < 120


def test_a_large_body_is_refused_before_it_is_read():
    small = body(ROOT)
    assert decide(small.ljust(MOST_BYTES)) == sighted(("refs/pr/7", SHA))
    assert decide(small.ljust(MOST_BYTES + 1)).status == 413


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"x-webhook-secret", b"")],
        [(b"x-webhook-secret", SECRET.encode()[:-1])],
        [(b"x-webhook-secret", SECRET.encode() + b"x")],
        [(b"x-webhook-secret", SECRET.upper().encode())],
        [(b"x-webhook-secret", b"\xff" * 40)],
        [(b"x-webhook-secret", b"wrong"), (b"x-webhook-secret", SECRET.encode())],
        [(b"x-webhook-secret", SECRET.encode()), (b"x-webhook-secret", SECRET.encode())],
        [(b"authorization", b"Bearer " + SECRET.encode())],
    ],
    ids=["none", "empty", "shorter", "longer", "other case", "not ASCII", "wrong and right", "twice", "elsewhere"],
)
def test_whoever_lacks_the_secret_is_refused_whatever_is_sent(headers):
    assert {decide(sent, headers=headers).status for sent in (ROOT, b"", b"[" * 10_000, b"x" * (MOST_BYTES + 1))} == {
        401
    }


def test_what_was_seen_is_not_dispatched_again():
    first, second = Sighting(MODEL, "refs/pr/7", SHA), Sighting(MODEL, "refs/tags/v1.0.0", SHA)
    event = updated(("refs/pr/7", SHA), ("refs/tags/v1.0.0", SHA))
    assert decide(event, seen={first}) == Dispatch((second,))
    assert isinstance(decide(event, seen={first, second}), Ignored)
    assert decide(updated(("refs/pr/7", OTHER)), seen={first}) == sighted(("refs/pr/7", OTHER))


def test_a_flood_of_refs_is_cut():
    event = updated(*[(f"refs/pr/{number}", SHA) for number in range(1, 1000)])
    assert len(decide(event).sightings) == MOST_SIGHTINGS


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["event", "repo", "updatedRefs", "discussion", "webhook", "ref"]), inner)
        ),
    )
)
def test_any_json_in_any_place_is_answered(value):
    for place in ("event", "repo", "updatedRefs", "discussion", "webhook"):
        assert isinstance(decide({**ROOT, place: value}), Dispatch | Ignored | Refused)


@given(st.binary())
def test_any_bytes_are_answered(data):
    assert decide(data).status == 400


def test_memory_forgets_the_oldest_first():
    seen = Seen(2)
    for one in ("a", "b", "a", "c"):
        seen.add(one)
    assert [one in seen for one in "abc"] == [True, False, True]
    seen.discard("a")
    seen.discard("x")
    assert "a" not in seen


def test_the_pace_lets_so_many_through_in_any_minute():
    pace = Pace(2)
    assert [pace.take(now) for now in (0, 30, 59.9, 60, 61, 90, 119)] == [True, True, False, True, False, True, False]
