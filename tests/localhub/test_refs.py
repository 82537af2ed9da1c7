from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, get_session
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

from hubver.localhub.repos.refs import RefChange, Refs, RefusedChanges

A, B, C = "a" * 40, "b" * 40, "c" * 40


def status_of(call, *arguments, **keywords):
    with pytest.raises(HfHubHTTPError) as refused:
        call(*arguments, **keywords)
    return refused.value.response.status_code


def branch(hub, repo, name, **body):
    headers = {"Authorization": f"Bearer {hub.token}"}
    url = f"{hub.url}/api/models/{repo}/branch/{name}"
    return get_session().post(url, json=body, headers=headers)


def branches(api, repo):
    return {b.name: b.target_commit for b in api.list_repo_refs(repo).branches}


@pytest.fixture
def two(api, repo):
    first = api.model_info(repo).sha
    return first, api.create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="a").oid


def test_branch_starts_where_it_is_told(api, repo, two):
    api.create_branch(repo, branch="at-main")
    api.create_branch(repo, branch="at-first", revision=two[0])
    api.create_tag(repo, tag="v1", revision=two[0])
    api.create_branch(repo, branch="feature/at-tag", revision="v1")
    assert branches(api, repo) == {"main": two[1], "at-main": two[1], "at-first": two[0], "feature/at-tag": two[0]}


def test_branch_that_exists_is_a_conflict(api, repo):
    api.create_tag(repo, tag="same")
    api.create_branch(repo, branch="same")
    assert status_of(api.create_branch, repo, branch="same") == 409
    api.create_branch(repo, branch="same", exist_ok=True)


def test_overwrite_moves_a_branch_backwards_too(hub, api, repo, two):
    api.create_branch(repo, branch="production")
    assert branch(hub, repo, "production", startingPoint=two[0], overwrite=True).status_code == 200
    assert branches(api, repo)["production"] == two[0]
    assert branch(hub, repo, "production", overwrite=True).status_code == 200
    assert branches(api, repo)["production"] == two[0]


def test_empty_branch_shares_nothing(hub, api, repo):
    assert branch(hub, repo, "ledger", emptyBranch=True).status_code == 200
    assert list(api.list_repo_tree(repo, revision="ledger")) == []
    assert len(api.list_repo_commits(repo, revision="ledger")) == 1
    api.create_commit(repo, [CommitOperationAdd("event.json", b"{}")], commit_message="e", revision="ledger")
    assert [f.path for f in api.list_repo_tree(repo, revision="ledger")] == ["event.json"]


@pytest.mark.parametrize("name", ["refs%2Fheads%2Fx", "a..b", "a%20b", "main%2Fsub", "x.lock", "a~1"])
def test_bad_branch_names_are_refused(hub, api, repo, name):
    assert branch(hub, repo, name).status_code == 400
    assert list(branches(api, repo)) == ["main"]


def test_branch_from_nowhere(api, repo):
    with pytest.raises(RevisionNotFoundError):
        api.create_branch(repo, branch="b", revision="none")


def test_deleting_branches(api, repo):
    api.create_branch(repo, branch="feature/x")
    api.create_tag(repo, tag="v1")
    api.delete_branch(repo, branch="feature/x")
    assert status_of(api.delete_branch, repo, branch="feature/x") == 404
    assert status_of(api.delete_branch, repo, branch="v1") == 404
    with pytest.raises(HfHubHTTPError, match="Cannot delete refs/heads/main"):
        api.delete_branch(repo, branch="main")
    assert list(branches(api, repo)) == ["main"]


def test_tags(api, repo, two):
    api.create_tag(repo, tag="v1", revision=two[0], tag_message="first")
    api.create_tag(repo, tag="rollback/1-v1", revision=two[0])
    assert status_of(api.create_tag, repo, tag="v1", revision=two[1]) == 409
    api.create_tag(repo, tag="v1", exist_ok=True)
    assert {t.name: t.target_commit for t in api.list_repo_refs(repo).tags} == {"v1": two[0], "rollback/1-v1": two[0]}
    assert api.model_info(repo, revision="rollback/1-v1").sha == two[0]
    with pytest.raises(RevisionNotFoundError):
        api.create_tag(repo, tag="v2", revision="none")
    api.delete_tag(repo, tag="rollback/1-v1")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(repo, tag="rollback/1-v1")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(repo, tag="main")


def test_pull_requests_are_listed_on_request_only(api, repo):
    api.create_pull_request(repo, title="Change")
    assert api.list_repo_refs(repo).pull_requests is None
    (pull,) = api.list_repo_refs(repo, include_pull_requests=True).pull_requests
    assert (pull.name, pull.ref) == ("refs/pr/1", "refs/pr/1")


@pytest.fixture
def refs(tmp_path):
    refs = Refs(tmp_path)
    refs.update([RefChange("refs/heads/main", None, A), RefChange("refs/tags/v1", None, B)], {A: A, B: C}.__getitem__)
    return refs


def same(oid):
    return oid


REFUSED = {
    "wrong old": RefChange("refs/heads/main", B, C),
    "exists": RefChange("refs/heads/main", None, C),
    "is not there": RefChange("refs/heads/x", A, C),
    "deletes with a wrong old": RefChange("refs/heads/main", B, None),
    "old is the peeled tag": RefChange("refs/tags/v1", C, A),
    "bad name": RefChange("refs/heads/a b", None, C),
    "below another": RefChange("refs/heads/main/x", None, C),
    "above another": RefChange("refs/heads", None, C),
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
def test_one_bad_change_stops_them_all(refs, change):
    before = refs.read()
    with pytest.raises(RefusedChanges) as refused:
        refs.update([RefChange("refs/heads/good", None, A), change], same)
    assert change.name in refused.value.reasons
    assert refs.read() == before


def test_ref_may_take_the_place_of_one_deleted_with_it(refs):
    refs.update([RefChange("refs/heads/main", A, None), RefChange("refs/heads/main/x", None, A)], same)
    assert set(refs.read()) == {"refs/heads/main/x", "refs/tags/v1"}


def test_peeled_value_is_kept(refs):
    value = refs.read()["refs/tags/v1"]
    assert (value.target, value.commit) == (B, C)
    refs.update([RefChange("refs/heads/main", A, B)], same)
    assert refs.read()["refs/tags/v1"] == value
