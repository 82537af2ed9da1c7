"""Several channels of one repository, on each way in which refs move."""

from __future__ import annotations

import pytest

from hubver.channel_settings import ChannelSettings
from hubver.errors import BadInput, NotFound, NotGated, StaleRef
from hubver.hub import pulls
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.release import promote, rollback

RULES = {
    "staging": ChannelSettings(),
    "canary": ChannelSettings(gated=False),
    "production": ChannelSettings(after="staging"),
}

# What the way in which refs move plays no part in is tried on one.
ON_ONE = pytest.mark.parametrize("local_hub", ["atomic git"], indirect=True)


@pytest.fixture
def staged(repo):
    """A repository with staging before production, and a canary beside them."""
    repo.settings = repo.settings.model_copy(update={"channels": RULES})
    return repo


def go(repo, revision: str, channel: str):
    """Judge a revision for a channel, and promote it there."""
    repo.judge(repo.refs().find(revision), baseline=channel, channel=channel)
    return promote(f"{repo.repo_id}@{revision}", to=channel, settings=repo.settings)


def back(repo, channel: str, **how):
    return rollback(repo.repo_id, channel=channel, settings=repo.settings, **how)


def test_a_version_goes_through_staging_to_production_and_each_has_its_own_way_back(staged):
    one, two = staged.version("v1.0.0"), staged.version("v1.1.0")
    for tag in ("v1.0.0", "v1.1.0"):
        with pytest.raises(NotGated, match="never been in staging"):
            promote(f"{staged.repo_id}@{tag}", settings=staged.settings)
        go(staged, tag, "staging")
        go(staged, tag, "production")
    refs = staged.refs()
    assert refs.branches["staging"] == refs.branches["production"] == two
    points = {tag: sha for tag, sha in refs.tags.items() if tag.startswith("rollback/")}
    assert points == {"rollback/1-v1.0.0": one, "rollback/staging/1-v1.0.0": one}
    assert back(staged, "staging", reason="slow").rollback_tag == "rollback/staging/1-v1.0.0"
    refs = staged.refs()
    assert (refs.branches["staging"], refs.branches["production"]) == (one, two)
    assert back(staged, "production", quarantine=True).rollback_tag == "rollback/1-v1.0.0"
    with pytest.raises(BadInput, match="no rollback point"):
        back(staged, "production")
    assert staged.titles()[:2] == ["rollback v1.1.0 → v1.0.0", "rollback v1.1.0 → v1.0.0 in staging: slow"]
    with pytest.raises(NotGated, match="quarantined"):
        go(staged, "v1.1.0", "staging")


@ON_ONE
def test_a_rollback_from_a_named_version_is_safe_to_repeat_in_each_channel(staged):
    for tag in ("v1.0.0", "v1.1.0"):
        staged.version(tag)
        for channel in ("canary", "staging"):
            go(staged, tag, channel)
    for channel in ("canary", "staging"):
        with pytest.raises(StaleRef, match=f"{channel} .* was not moved, because something else is in it"):
            back(staged, channel, leaving="v1.0.0")
        assert not back(staged, channel, leaving="v1.1.0").already
        before = staged.refs()
        assert back(staged, channel, leaving="v1.1.0").already
        assert staged.refs() == before
    with pytest.raises(NotFound, match="Nothing is in production"):
        back(staged, "production")


def test_a_candidate_stays_one_until_it_is_in_production(staged):
    sha = staged.commit("weights of v1.0.0-rc.1", pull_request=True)
    move(staged.hub, staged.repo_id, [Move("refs/tags/v1.0.0-rc.1", None, sha)])
    number = pulls.with_head(staged.refs(), sha)
    main = staged.refs().main
    done = go(staged, "v1.0.0-rc.1", "staging")
    assert (str(done.release), done.tag, done.merged, done.pull_request) == ("v1.0.0-rc.1", None, False, number)
    assert promote(f"{staged.repo_id}@v1.0.0-rc.1", to="staging", settings=staged.settings).already
    assert ("v1.0.0" in staged.refs().tags, staged.refs().main) == (False, main)
    # Somebody commits to main meanwhile: the merge holds other files than what was judged, which production has.
    staged.hub.api.upload_file(path_or_fileobj=b"x", path_in_repo="notes.md", repo_id=staged.repo_id)
    done = go(staged, "v1.0.0-rc.1", "production")
    assert (str(done.release), done.tag, done.merged) == ("v1.0.0", "v1.0.0", True)
    assert done.note == "main now holds other files than v1.0.0: notes.md"
    refs = staged.refs()
    assert refs.branches["production"] == refs.branches["staging"] == refs.tags["v1.0.0"] == sha != refs.main


@ON_ONE
def test_what_main_cannot_take_stays_open_and_production_has_it_all_the_same(staged):
    """Main has moved on to another version of the same file, so the pull request conflicts."""
    sha = staged.commit("weights of v1.0.0-rc.1", pull_request=True)
    move(staged.hub, staged.repo_id, [Move("refs/tags/v1.0.0-rc.1", None, sha)])
    main = staged.commit("other weights")
    go(staged, "v1.0.0-rc.1", "staging")
    done = go(staged, "v1.0.0-rc.1", "production")
    assert (done.merged, staged.refs().branches["production"], staged.refs().main) == (False, sha, main)
    assert f"Pull request #{done.pull_request} is not merged" in done.note


@ON_ONE
def test_quarantined_points_are_passed_over_and_so_is_what_is_there_now(staged):
    shas = {tag: staged.version(tag) for tag in ("v1.0.0", "v1.1.0")}
    for tag in ("v1.0.0", "v1.1.0", "v1.0.0"):
        promote(f"{staged.repo_id}@{tag}", to="canary", settings=staged.settings)
    # Points: v1.1.0, and v1.0.0, which is there now. Without the first, none leads anywhere else.
    promote(f"{staged.repo_id}@v1.1.0", to="canary", settings=staged.settings)
    assert back(staged, "canary", quarantine=True).release.sha == shas["v1.0.0"]
    before = staged.refs()
    with pytest.raises(BadInput, match=r"Every rollback point of canary .* is quarantined"):
        back(staged, "canary")
    with pytest.raises(NotGated, match=r"v1\.1\.0 is quarantined, so canary does not go back to it"):
        back(staged, "canary", to="v1.1.0")
    assert staged.refs() == before
