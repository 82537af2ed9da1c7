"""A way back that is longer than what one event carries. The way in which refs move plays no part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubver.channel_settings import ChannelSettings
from hubver.doctor import doctor
from hubver.errors import BadInput
from hubver.hub.events import MOST_ROLLBACK_POINTS
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.localhub import LocalHub
from hubver.release import promote, quarantine, rollback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RELEASES = 3 * MOST_ROLLBACK_POINTS


@pytest.fixture
def local_hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def free(repo):
    """A repository whose production takes what it is given."""
    repo.settings = repo.settings.model_copy(update={"channels": {"production": ChannelSettings(gated=False)}})
    return repo


def release(repo, count: int) -> None:
    """Give production so many releases, v1.0.0 and on."""
    for number in range(count):
        repo.version(f"v1.{number}.0")
        go(repo, number)


def go(repo, number: int) -> None:
    promote(f"{repo.repo_id}@v1.{number}.0", settings=repo.settings)


def back(repo, **how) -> str:
    return str(rollback(repo.repo_id, settings=repo.settings, **how).release)


def test_thirty_releases_lead_back_one_by_one_also_after_going_forward_in_between(free):
    release(free, RELEASES)
    for number in reversed(range(5, RELEASES - 1)):
        assert back(free) == f"v1.{number}.0"
    # Forward again, where the newest event carried no more points than this one's.
    go(free, RELEASES - 1)
    # The branch is put where the ledger knew it once, and then where it never was.
    assert back(free) == "v1.5.0"
    refs = free.refs()
    move(free.hub, free.repo_id, [Move("refs/heads/production", refs.branches["production"], refs.tags["v1.7.0"])])
    assert back(free) == "v1.6.0"
    stranger = free.commit("of nobody")
    move(free.hub, free.repo_id, [Move("refs/heads/production", refs.tags["v1.6.0"], stranger)])
    assert back(free) == "v1.6.0"
    for number in reversed(range(6)):
        assert back(free) == f"v1.{number}.0"
    with pytest.raises(BadInput, match="no rollback point"):
        back(free)


def test_the_oldest_is_found_by_name_and_those_in_quarantine_are_passed_over(free):
    release(free, MOST_ROLLBACK_POINTS + 4)
    for number in (12, 11, 2):
        quarantine(f"{free.repo_id}@v1.{number}.0", settings=free.settings)
    with pytest.raises(BadInput, match=r"v1\.13\.0 is in production in acme/router now"):
        back(free, to="v1.13.0")
    assert back(free) == "v1.10.0"
    assert back(free, to="rollback/4-v1.3.0") == "v1.3.0"
    with pytest.raises(BadInput, match=r"'v1\.13\.0' is no rollback point of production"):
        back(free, to="v1.13.0")
    assert back(free) == "v1.1.0"
    assert back(free, to="v1.0.0") == "v1.0.0"
    assert doctor(free.repo_id, settings=free.settings).problems == ()
    assert free.refs().branches["production"] == free.refs().tags["v1.0.0"]


def test_a_point_s_number_is_not_given_twice_where_its_tag_was_deleted(free):
    release(free, 3)
    newest = "rollback/2-v1.1.0"
    move(free.hub, free.repo_id, [Move(f"refs/tags/{newest}", free.refs().tags[newest], None)])
    assert back(free) == "v1.1.0"
    done = promote(f"{free.repo_id}@v1.2.0", settings=free.settings)
    assert done.rollback_tag == "rollback/3-v1.1.0"
