"""What an event may ask for: good, bad and hostile."""

from __future__ import annotations

import pytest

from hubver.ci.event import asked, checked
from hubver.errors import BadInput, Refused

MODEL = "acme/router"
SHA = "0123456789abcdef0123456789abcdef01234567"


def dispatch(**sent):
    return {"action": "hubver-candidate", "client_payload": sent, "repository": {"full_name": "acme/code"}}


@pytest.mark.parametrize("revision", [SHA, "v1.2.0", "v1.2.0-rc.3", "refs/pr/7", "main", "feature/x_1", "production"])
def test_what_may_be_asked_for(revision):
    assert checked(revision) == revision
    assert asked("repository_dispatch", dispatch(revision=revision), MODEL, None) == revision
    assert asked("repository_dispatch", dispatch(revision=revision, model=MODEL, more=1), MODEL, "") == revision
    assert asked("workflow_dispatch", {"inputs": {}}, MODEL, revision) == revision
    assert asked(None, None, MODEL, revision) == revision


@pytest.mark.parametrize(("name", "payload"), [("schedule", {"schedule": "0 6 * * *"}), ("push", None), (None, None)])
def test_other_events_ask_for_nothing(name, payload):
    assert asked(name, payload, MODEL, None) is None
    assert asked(name, payload, MODEL, "") is None


HOSTILE = [
    "",
    " ",
    "v1 v2",
    "v1\n",
    "a\nb",
    "-v",
    "--again",
    "../../etc",
    "a..b",
    "a//b",
    "a/",
    "a.",
    "a.lock",
    "a@{1}",
    ".hidden",
    "refs/heads/main",
    "refs/pr/0",
    "refs/pr/-1",
    "refs/pr/7/../../x",
    "refs/pr/",
    "${{ secrets.HF_TOKEN }}",
    "$(id)",
    "`id`",
    "v1;id",
    "v1'\"",
    "v1?x=1#y",
    "::set-output name=a::b",
    "v1\x00",
    "v1\u2028",
    "vé",
    "x" * 201,
]


@pytest.mark.parametrize("revision", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_revision_is_not_repeated(revision):
    with pytest.raises(BadInput, match="no revision") as caught:
        checked(revision)
    said = str(caught.value).replace("refs/pr/N", "")
    assert len(revision.strip()) < 3 or revision not in said
    with pytest.raises(BadInput):
        asked("repository_dispatch", dispatch(revision=revision), MODEL, None)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {},
        {"action": "other", "client_payload": {"revision": "v1.0.0"}},
        {"client_payload": {"revision": "v1.0.0"}},
        {"action": "hubver-candidate"},
        {"action": "hubver-candidate", "client_payload": None},
        {"action": "hubver-candidate", "client_payload": ["v1.0.0"]},
        dispatch(),
        dispatch(revision=None),
        dispatch(revision=7),
        dispatch(revision=["v1.0.0"]),
    ],
    ids=range(13),
)
def test_a_dispatch_that_is_not_ours(payload):
    with pytest.raises(BadInput, match="The event that started this run"):
        asked("repository_dispatch", payload, MODEL, None)


def test_a_dispatch_is_judged_by_its_own_payload_and_not_by_what_stands_beside_it():
    with pytest.raises(BadInput):
        asked("repository_dispatch", {}, MODEL, "v1.0.0")
    assert asked("repository_dispatch", dispatch(revision="v2.0.0"), MODEL, "v1.0.0") == "v2.0.0"


@pytest.mark.parametrize("model", ["acme/other", "acme/Router", "acme/router ", "", 7, ["acme/router"], {}])
def test_an_event_about_another_model_is_refused(model):
    with pytest.raises(Refused, match="acme/router") as caught:
        asked("repository_dispatch", dispatch(revision="v1.0.0", model=model), MODEL, None)
    assert caught.value.exit_code == 1
    assert "acme/other" not in f"{caught.value}"
