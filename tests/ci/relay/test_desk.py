"""What the desk remembers of an event that came to nothing, so that it may come again."""

from __future__ import annotations

import pytest
from huggingface_hub import HfApi
from relays import GITHUB, GITHUB_TOKEN
from webhook_events import MODEL, SHA

from hubver.ci.relay.desk import Desk
from hubver.ci.relay.forwarding import Forwarder
from hubver.ci.relay.webhook import Dispatch, Sighting
from hubver.settings import Settings


@pytest.fixture
def desk(hub, github):
    """A desk for some models; what it said is in `said`."""
    environment = {**hub.environment(), "HUBVER_GITHUB_TOKEN": GITHUB_TOKEN, "GITHUB_API_URL": github.url}
    github.taken()

    def make(*models):
        said = []
        made = Desk(Forwarder(Settings.load(environ=environment), dict.fromkeys(models, GITHUB)), said.append)
        made.said = said
        return made

    return make


def test_what_does_not_wait_yet_may_come_again_without_moving(hub, github, desk, make_repo):
    repo = make_repo("acme/reopened")
    api = HfApi(endpoint=hub.url, token=hub.token)
    sha = repo.commit("weights", pull_request=True)
    api.create_tag(repo.repo_id, tag="v1.0.0-rc.1", revision=sha)
    event = Dispatch((Sighting(repo.repo_id, "refs/pr/1", sha),))
    for status, said in (("closed", "nothing to do"), ("open", "dispatched")):
        api.change_discussion_status(repo.repo_id, 1, status)
        at = desk(repo.repo_id)
        assert at.take(event)
        at.finish(60)
        assert [line.split(":")[0] for line in at.said] == [said]
        assert (event.sightings[0] in at.seen) == (said == "dispatched")
    assert len(github.taken()) == 1


def test_what_is_not_taken_is_not_remembered(desk):
    closed = desk(MODEL)
    closed.finish(60)
    event = Dispatch((Sighting(MODEL, "refs/pr/1", SHA),))
    assert not closed.take(event)
    assert event.sightings[0] not in closed.seen
    assert closed.counts() == {"waiting": 0, "dispatched": 0, "failed": 0}


def test_a_fault_of_ours_ends_with_its_event(github, desk, make_repo):
    repo, other = make_repo("acme/fault"), make_repo("acme/fine")
    at = desk(other.repo_id)  # so that it does not know where to dispatch the first one to
    events = [Dispatch((Sighting(one.repo_id, "refs/tags/v1.0.0", one.version("v1.0.0")),)) for one in (repo, other)]
    assert all(at.take(event) for event in events)
    at.finish(60)
    assert [" ".join(line.split()[:2]) for line in at.said] == ["failed: acme/fault", "dispatched: acme/fine"]
    assert "KeyError" in at.said[0]
    assert events[0].sightings[0] not in at.seen
    assert len(github.taken()) == 1
