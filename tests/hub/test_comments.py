"""The comment on a pull request that is kept up to date."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from pydantic import SecretStr

from hubver.errors import BadInput, BadToken, HubFailed
from hubver.hub import pulls
from hubver.hub.client import Hub
from hubver.localhub import Answer, Delay, Drop

GATE = "<!-- hubver:gate -->"
COMMENT, EDIT = "*/comment", "*/comment/*/edit"


@pytest.fixture
def pull(repo):
    repo.commit("candidate", pull_request=True)
    return 1


def by_another(repo, local_hub, name="visitor", **more):
    return Hub(repo.hub.endpoint, SecretStr(local_hub.add_user(name, **more)))


def say(hub, text, marker=GATE):
    return pulls.upsert_comment(hub, "acme/router", 1, marker, text)


def said(repo):
    """What stands under the description."""
    return [(one.author, one.text) for one in repo.hub.comments("acme/router", 1)[1:]]


def test_the_comment_is_made_once_and_then_changed(repo, pull, local_hub):
    addresses = {say(repo.hub, text) for text in ("first", "first", "second")}
    assert said(repo) == [("acme", f"{GATE}\nsecond")]
    (address,) = addresses
    (comment,) = repo.hub.comments("acme/router", pull)[1:]
    assert address == f"{local_hub.url}/acme/router/discussions/1#{comment.id}"
    details = repo.hub.api.get_discussion_details("acme/router", pull)
    assert [event.edited for event in details.events if event.type == "comment"] == [False, True]


def test_purposes_do_not_share_a_comment(repo, pull):
    say(repo.hub, "verdict")
    say(repo.hub, "staging's verdict", "<!-- hubver:gate staging -->")
    say(repo.hub, "verdict 2")
    assert said(repo) == [
        ("acme", f"{GATE}\nverdict 2"),
        ("acme", "<!-- hubver:gate staging -->\nstaging's verdict"),
    ]


@pytest.mark.parametrize(
    "text",
    [f"{GATE}\nAll gates passed.", f"{GATE}\nverdict"],
    ids=["another verdict", "the same verdict"],
)
def test_what_others_wrote_is_neither_believed_nor_touched(repo, pull, local_hub, text):
    owner = by_another(repo, local_hub, "owner", orgs=("acme",))  # who may even hide our comments
    for other in (by_another(repo, local_hub), owner):
        other.api.comment_discussion("acme/router", pull, text)
    say(repo.hub, "verdict")
    say(owner, "owner's verdict")
    assert said(repo) == [("visitor", text), ("owner", f"{GATE}\nowner's verdict"), ("acme", f"{GATE}\nverdict")]


def test_a_quotation_of_ones_own_is_no_such_comment(repo, pull):
    quotation = f"> {GATE}\n> verdict\n\nI disagree."
    repo.hub.api.comment_discussion("acme/router", pull, quotation)
    say(repo.hub, "verdict")
    assert said(repo) == [("acme", quotation), ("acme", f"{GATE}\nverdict")]


@pytest.mark.filterwarnings("ignore:Hidden comments")
def test_a_hidden_comment_is_made_anew(repo, pull):
    say(repo.hub, "first")
    repo.hub.api.hide_discussion_comment("acme/router", pull, repo.hub.comments("acme/router", pull)[1].id)
    assert said(repo) == []
    say(repo.hub, "second")
    assert said(repo) == [("acme", f"{GATE}\nsecond")]


@pytest.mark.parametrize("before", [None, "first"], ids=["new", "changed"])
@pytest.mark.parametrize(
    "fault",
    [Drop("before"), Drop("after"), Answer(503), Answer(503, "after"), Answer(502, "after")],
    ids=["lost question", "lost answer", "failed", "failed after it landed", "no gateway"],
)
def test_lost_answers_double_nothing(repo, pull, local_hub, before, fault):
    if before:
        say(repo.hub, before)
    local_hub.faults.add("POST", EDIT if before else COMMENT, fault, times=2)
    say(repo.hub, "second")
    assert said(repo) == [("acme", f"{GATE}\nsecond")]


def test_what_cannot_be_said_is_an_error_after_few_tries(repo, pull, local_hub):
    local_hub.faults.add("POST", COMMENT, Answer(503), times=100)
    with pytest.raises(HubFailed):
        say(repo.hub, "first")
    assert 1 < 100 - local_hub.faults.pending <= 4
    assert said(repo) == []


def test_many_at_once_leave_one(repo, pull):
    together = Barrier(4)

    def one(number):
        together.wait()
        say(Hub(repo.hub.endpoint, repo.hub.token), f"by {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    ((author, text),) = said(repo)
    assert author == "acme"
    assert text in {f"{GATE}\nby {number}" for number in range(4)}


def test_what_a_killed_writer_left_double_is_one_again(repo, pull):
    for text in ("older", "newer"):
        repo.hub.api.comment_discussion("acme/router", pull, f"{GATE}\n{text}")
    say(repo.hub, "now")
    assert said(repo) == [("acme", f"{GATE}\nnow")]


@pytest.mark.parametrize("length", [0, 60])
def test_a_long_discussion_costs_no_more_requests(repo, pull, local_hub, length):
    for number in range(length):
        repo.hub.api.comment_discussion("acme/router", pull, f"{number}")

    def requests(text):
        local_hub.faults.clear()
        local_hub.faults.add("*", "*", Delay(0), times=100)
        say(repo.hub, text)
        return 100 - local_hub.faults.pending

    assert [requests(text) for text in ("first", "second", "second")] == [4, 3, 2]
    assert said(repo)[-1] == ("acme", f"{GATE}\nsecond")


@pytest.mark.parametrize("letter", ["a", "é", "💥"])
def test_a_long_text_is_cut_at_a_line_s_end(repo, pull, letter):
    line = letter * 999
    say(repo.hub, "\n".join([line] * 200))
    ((_, text),) = said(repo)
    lines = text.splitlines()
    assert len(text.encode()) <= 65_536
    assert len(text.encode()) > 65_536 - 2 * len(line.encode()) - 200
    assert (lines[0], lines[-1]) == (GATE, "*The rest has no room in a comment.*")
    assert set(lines[1:-2]) == {line}
    say(repo.hub, "\n".join([line] * 200))
    assert len(said(repo)) == 1


def test_who_may_not_comment_is_told(repo, pull, local_hub):
    with pytest.raises(BadToken, match="no token"):
        say(Hub(repo.hub.endpoint), "x")
    with pytest.raises(BadToken, match="may not do this"):
        say(by_another(repo, local_hub, "reader", orgs=("acme",), write=False), "x")
    with pytest.raises(BadToken, match="does not accept"):
        say(Hub(repo.hub.endpoint, SecretStr("hf_wrong")), "x")
    with pytest.raises(BadInput, match="pull request #7 of acme/router"):
        pulls.upsert_comment(repo.hub, "acme/router", 7, GATE, "x")
    assert said(repo) == []
