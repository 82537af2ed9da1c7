from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timezone
from typing import ClassVar

import pytest

from hubver.channels import status
from hubver.errors import BadDocument, BadInput, GateFailed, HubverError, NotFound, NotGated, StaleRef
from hubver.hub import ledger, pulls
from hubver.hub.events import Judged, Release
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.pins import resolve
from hubver.release import promote, rollback

# What is decided or refused before any ref moves, by what is read in the same way on every Hub.
ON_ONE = pytest.mark.parametrize("local_hub", ["atomic git"], indirect=True)


def released(repo, *tags: str) -> list[str]:
    """Commit, judge and promote some versions, one after the other."""
    shas = []
    for tag in tags:
        shas.append(repo.version(tag))
        repo.judge(shas[-1])
        promote(f"{repo.repo_id}@{tag}", settings=repo.settings)
    return shas


def test_the_first_release_has_nothing_to_roll_back_to(repo):
    (sha,) = released(repo, "v1.0.0")
    refs = repo.refs()
    assert refs.branches["production"] == sha
    assert set(refs.tags) == {"v1.0.0"}
    with pytest.raises(BadInput, match="no rollback point"):
        rollback(repo.repo_id, settings=repo.settings)
    assert repo.refs() == refs


def test_a_promotion_moves_production_and_keeps_what_it_left(repo):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    refs = repo.refs()
    assert refs.branches["production"] == two
    assert refs.tags["rollback/1-v1.0.0"] == one
    assert repo.titles() == [
        "promote v1.1.0 → production (was v1.0.0)",
        "verdict pass for v1.1.0 (against " + one[:8] + ")",
        "promote v1.0.0 → production (first release)",
        "verdict pass for v1.0.0 (no production yet)",
    ]


def test_promoting_what_is_in_production_changes_nothing(repo):
    released(repo, "v1.0.0")
    before = repo.refs()
    assert promote(f"{repo.repo_id}@v1.0.0", settings=repo.settings).already
    assert repo.refs() == before


def refuse(repo, revision: str, error: type[HubverError], words: str) -> HubverError:
    before = repo.refs()
    with pytest.raises(error, match=words) as caught:
        promote(f"{repo.repo_id}@{revision}", settings=repo.settings)
    assert repo.refs() == before
    return caught.value


@ON_ONE
def test_no_verdict_no_promotion(repo):
    repo.version("v1.0.0")
    error = refuse(repo, "v1.0.0", NotGated, "no verdict on v1.0.0")
    assert error.hint == "Judge it with: hubver gate acme/router@v1.0.0"


@ON_ONE
@pytest.mark.parametrize("outcome", ["fail", "inconclusive", "error", "something new"])
def test_only_a_pass_promotes(repo, outcome):
    repo.judge(repo.version("v1.0.0"), outcome)
    refuse(repo, "v1.0.0", GateFailed, f"is {outcome}")


def test_the_newest_verdict_counts(repo):
    sha = repo.version("v1.0.0")
    repo.judge(sha, "pass")
    repo.judge(sha, "fail")
    refuse(repo, "v1.0.0", GateFailed, "exact match fell")
    repo.judge(sha, "pass")
    assert promote(f"{repo.repo_id}@v1.0.0", settings=repo.settings).release.sha == sha


@ON_ONE
def test_a_verdict_for_another_commit_does_not_count(repo):
    repo.judge(repo.version("v1.0.0"))
    repo.version("v1.1.0")
    refuse(repo, "v1.1.0", NotGated, "no verdict on v1.1.0")


@ON_ONE
def test_a_verdict_against_another_production_does_not_count(repo):
    late = repo.version("v1.1.0")
    repo.judge(late)  # against no production
    released(repo, "v1.0.0")
    refuse(repo, "v1.1.0", NotGated, "was judged against no production, but v1.0.0 is in production now")


@pytest.mark.parametrize(
    ("revision", "words"),
    [("v9.9.9", "has no revision 'v9.9.9'"), ("0" * 40, "no such revision"), ("ledger2", "no rev")],
)
def test_an_unknown_revision(repo, revision, words):
    repo.version("v1.0.0")
    refuse(repo, revision, NotFound, words)


def test_an_override_is_recorded_with_its_reason(repo):
    sha = repo.version("v1.0.0")
    promote(f"{repo.repo_id}@v1.0.0", override="the old one leaks", settings=repo.settings)
    assert repo.refs().branches["production"] == sha
    assert repo.titles()[0] == "promote v1.0.0 → production (first release, override)"


def test_rolling_back_twice_goes_further_back(repo):
    one, two, _three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    first = rollback(repo.repo_id, reason="too slow", settings=repo.settings)
    assert (first.release.sha, first.rollback_tag) == (two, "rollback/2-v1.1.0")
    second = rollback(repo.repo_id, settings=repo.settings)
    assert (second.release.sha, second.rollback_tag) == (one, "rollback/1-v1.0.0")
    assert repo.refs().branches["production"] == one
    assert repo.titles()[1] == "rollback v1.2.0 → v1.1.0: too slow"


def test_forward_again_after_a_rollback_is_a_promotion_with_a_point_of_its_own(repo):
    _one, two, three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    rollback(repo.repo_id, settings=repo.settings)
    repo.judge(three)
    again = promote(f"{repo.repo_id}@v1.2.0", settings=repo.settings)
    assert again.rollback_tag == "rollback/3-v1.1.0"
    assert rollback(repo.repo_id, settings=repo.settings).release.sha == two
    assert rollback(repo.repo_id, settings=repo.settings).release.version == "v1.0.0"


@pytest.mark.parametrize("to", ["rollback/1-v1.0.0", "v1.0.0", "sha"])
def test_rolling_back_to_a_named_point(repo, to):
    one, *_ = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    assert rollback(repo.repo_id, to=one if to == "sha" else to, settings=repo.settings).release.sha == one


@ON_ONE
def test_what_production_never_left_is_no_rollback_point(repo):
    released(repo, "v1.0.0", "v1.1.0")
    repo.version("v1.2.0")
    with pytest.raises(BadInput, match=r"'v1\.2\.0' is no rollback point"):
        rollback(repo.repo_id, to="v1.2.0", settings=repo.settings)


def candidate(repo, tag: str) -> tuple[str, int]:
    """Open a pull request and tag its head."""
    sha = repo.commit(f"weights of {tag}", pull_request=True)
    move(repo.hub, repo.repo_id, [Move(f"refs/tags/{tag}", None, sha)])
    return sha, pulls.with_head(repo.refs(), sha)


def test_a_pull_request_is_promoted_as_the_commit_that_was_judged(repo):
    released(repo, "v1.0.0")
    sha, number = candidate(repo, "v1.1.0-rc.1")
    repo.judge(sha)
    done = promote(f"{repo.repo_id}@v1.1.0-rc.1", settings=repo.settings)
    refs = repo.refs()
    assert refs.branches["production"] == sha == refs.tags["v1.1.0"]
    assert (done.pull_request, done.merged, done.note) == (number, True, None)
    assert refs.branches["main"] != sha
    assert repo.hub.read(repo.repo_id, "main", "weights.txt") == repo.hub.read(repo.repo_id, sha, "weights.txt")


def test_a_merge_that_was_missed_is_made_up_for_and_never_made_twice(repo):
    released(repo, "v1.0.0")
    sha, number = candidate(repo, "v1.1.0-rc.1")
    repo.judge(sha)
    # As a promotion killed between its push and its merge leaves it.
    before = repo.refs()
    repo.hub.api.change_discussion_status(repo.repo_id, number, "closed")
    assert not promote(f"{repo.repo_id}@v1.1.0-rc.1", settings=repo.settings).merged
    repo.hub.api.change_discussion_status(repo.repo_id, number, "open")
    again = promote(f"{repo.repo_id}@v1.1.0", settings=repo.settings)
    assert (again.already, again.merged) == (True, True)
    main = repo.refs().branches["main"]
    assert main != before.branches["main"]
    rollback(repo.repo_id, settings=repo.settings)
    third = promote(f"{repo.repo_id}@v1.1.0", settings=repo.settings)
    assert (third.merged, third.note) == (False, None)
    assert repo.refs().branches["main"] == main


def test_a_candidate_whose_version_is_taken_is_refused(repo):
    sha, _ = candidate(repo, "v1.0.0-rc.1")
    repo.judge(sha)
    repo.version("v1.0.0")
    refuse(repo, "v1.0.0-rc.1", NotGated, "cannot become v1.0.0")


def test_two_promotions_at_once(repo):
    (base,) = released(repo, "v1.0.0")
    shas = {tag: repo.version(tag) for tag in ("v1.1.0", "v1.2.0")}
    for sha in shas.values():
        repo.judge(sha)
    start, outcomes = threading.Barrier(2), {}

    def run(tag: str) -> None:
        start.wait()
        try:
            outcomes[tag] = promote(f"{repo.repo_id}@{tag}", settings=repo.settings)
        except (StaleRef, NotGated) as error:  # the second may read before or after the first has moved
            outcomes[tag] = error

    threads = [threading.Thread(target=run, args=(tag,)) for tag in shas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [tag for tag, outcome in outcomes.items() if not isinstance(outcome, HubverError)]
    refs = repo.refs()
    assert len(won) == 1
    assert refs.branches["production"] == shas[won[0]]
    assert {tag: sha for tag, sha in refs.tags.items() if tag.startswith("rollback/")} == {"rollback/1-v1.0.0": base}
    assert sum(title.startswith("promote") for title in repo.titles()) == 2


def test_status_says_when_production_was_moved_by_other_means(repo):
    one, _two = released(repo, "v1.0.0", "v1.1.0")
    assert status(repo.repo_id, settings=repo.settings).warnings == ()
    refs = repo.refs()
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", refs.branches["production"], one)])
    (warning,) = status(repo.repo_id, settings=repo.settings).warnings
    assert "moved by other means" in warning


def test_a_stranger_in_the_ledger_does_not_hide_the_way_back(repo):
    one, _two = released(repo, "v1.0.0", "v1.1.0")
    repo.hub.api.upload_file(path_or_fileobj=b"hello", path_in_repo="note.txt", repo_id=repo.repo_id, revision="ledger")
    assert rollback(repo.repo_id, settings=repo.settings).release.sha == one


def test_a_tag_called_production_is_not_production(repo):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    move(repo.hub, repo.repo_id, [Move("refs/tags/production", None, one)])
    assert resolve(repo.repo_id, settings=repo.settings).sha == two
    assert resolve(f"{repo.repo_id}@production", settings=repo.settings).sha == two
    assert promote(f"{repo.repo_id}@production", settings=repo.settings).already


@ON_ONE
def test_a_version_is_named_as_its_tag_is_written(repo):
    sha = repo.version("1.0.0")
    found = resolve(f"{repo.repo_id}@{sha}", settings=repo.settings)
    assert found.version == "1.0.0"
    assert resolve(f"{repo.repo_id}@{found.version}", settings=repo.settings).sha == sha


@ON_ONE
@pytest.mark.parametrize(
    "config", [b"[]", b"[" * 100_000, b'"acme/base"', b"{}", b'{"base_model_name_or_path": ["acme/base"]}', b"\xff"]
)
def test_an_adapter_that_names_no_base_is_said_to_be_broken(repo, config):
    repo.hub.api.upload_file(path_or_fileobj=config, path_in_repo="adapter_config.json", repo_id=repo.repo_id)
    with pytest.raises(BadDocument, match=r"adapter_config\.json of acme/router at .* does not name a base model"):
        resolve(f"{repo.repo_id}@main", settings=repo.settings)


@ON_ONE
@pytest.mark.parametrize("reason", ["", "  "])
def test_an_override_without_a_reason_is_refused(repo, reason):
    repo.version("v1.0.0")
    with pytest.raises(BadInput, match="needs a reason"):
        promote(f"{repo.repo_id}@v1.0.0", override=reason, settings=repo.settings)
    assert "production" not in repo.refs().branches


def test_reasons_are_kept_without_secrets(repo):
    released(repo, "v1.0.0")
    repo.version("v1.1.0")
    secret = "hf_aTokenThatMustNeverTravel0123456789"
    promote(f"{repo.repo_id}@v1.1.0", override=f"leaks {secret}", settings=repo.settings)
    rollback(repo.repo_id, reason=f"leaks {secret}", settings=repo.settings)
    ledger_text = str(repo.hub.commits(repo.repo_id, "ledger", limit=10))
    assert secret not in ledger_text
    assert ledger_text.count("leaks [redacted]") >= 2


class FromTheFuture(Judged):
    """A verdict as a later hubver may write it."""

    format: str = "hubver.event/2"
    outcome: dict[str, str]
    title: ClassVar[str] = "verdict"


@ON_ONE
def test_a_verdict_that_cannot_be_read_is_not_passed_over(repo):
    sha = repo.version("v1.0.0")
    repo.judge(sha)

    def refusal(_refs, state) -> FromTheFuture:
        return FromTheFuture(
            at=datetime.now(timezone.utc),
            actor="acme",
            state=state,
            candidate=Release(sha=sha),
            baseline=None,
            outcome={"was": "fail"},
            gates_digest="0" * 64,
        )

    ledger.append(repo.hub, repo.repo_id, refusal)
    refuse(repo, "v1.0.0", BadDocument, "event that this hubver cannot read")


def test_a_pull_request_that_changed_since_it_was_judged_is_not_merged(repo):
    sha, number = candidate(repo, "v1.0.0-rc.1")
    repo.judge(sha)

    def change(line: str) -> None:
        if line.startswith("merging"):
            repo.hub.api.upload_file(
                path_or_fileobj=b"other weights",
                path_in_repo="weights.txt",
                repo_id=repo.repo_id,
                revision=f"refs/pr/{number}",
            )

    main = repo.refs().main
    done = promote(f"{repo.repo_id}@v1.0.0-rc.1", settings=repo.settings, progress=change)
    assert not done.merged
    assert "has changed since it was judged" in done.note
    assert (repo.refs().branches["production"], repo.refs().main) == (sha, main)


def test_a_rollback_to_a_named_point_is_safe_to_repeat(repo):
    _one, two, _three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    first = rollback(repo.repo_id, to="v1.1.0", settings=repo.settings)
    before = repo.refs()
    again = rollback(repo.repo_id, to="v1.1.0", settings=repo.settings)
    assert again == replace(first, already=True)
    assert (repo.refs(), repo.refs().branches["production"]) == (before, two)


def test_the_way_back_starts_where_production_is_also_when_it_was_moved_by_other_means(repo):
    one, two, three = released(repo, "v1.0.0", "v1.1.0", "v1.2.0")
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", three, two)])
    assert rollback(repo.repo_id, settings=repo.settings).release.sha == one


def test_a_verdict_counts_also_where_the_ledger_has_the_promotion_already(repo):
    one, two = released(repo, "v1.0.0", "v1.1.0")
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", two, one)])
    repo.judge(two, "fail")
    refuse(repo, "v1.1.0", GateFailed, "is fail")
