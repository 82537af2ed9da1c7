from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session
from huggingface_hub.errors import HfHubHTTPError

from hubver.localhub import LocalHub, Switches


def add(path, content=b"x"):
    return CommitOperationAdd(path, content)


def propose(api, repo, *operations, **more):
    made = api.create_commit(repo, operations or [add("new")], commit_message="Better", create_pr=True, **more)
    return made.pr_num, made.oid


def status_of(call, *arguments, **keywords):
    with pytest.raises(HfHubHTTPError) as refused:
        call(*arguments, **keywords)
    return refused.value.response.status_code


def files(api, repo, revision="main"):
    return [f.path for f in api.list_repo_tree(repo, recursive=True, revision=revision)]


def test_commit_opens_a_pull_request(hub, api, repo):
    before = api.model_info(repo).sha
    made = api.create_commit(repo, [add("new")], commit_message="Better", commit_description="because", create_pr=True)
    assert (made.pr_url, made.pr_num) == (f"{hub.url}/acme/router/discussions/1", 1)
    pull = api.get_discussion_details(repo, 1)
    assert (pull.status, pull.is_pull_request, pull.target_branch) == ("open", True, "refs/heads/main")
    assert (pull.title, pull.author) == ("Better", "acme")
    assert [e.type for e in pull.events] == ["comment", "commit"]
    assert (pull.events[0].content, pull.events[1].oid) == ("because", made.oid)
    assert "+++ b/new" in pull.diff
    assert (api.model_info(repo).sha, api.model_info(repo, revision="refs/pr/1").sha) == (before, made.oid)


def test_pull_request_takes_more_commits(api, repo):
    number, first = propose(api, repo)
    second = api.create_commit(
        repo, [add("more")], commit_message="More", revision="refs/pr/1", parent_commit=first
    ).oid
    assert (
        status_of(api.create_commit, repo, [add("z")], commit_message="z", revision="refs/pr/1", parent_commit=first)
        == 412
    )
    commits = [e.oid for e in api.get_discussion_details(repo, number).events if e.type == "commit"]
    assert commits == [first, second]
    assert files(api, repo, "refs/pr/1") == [".gitattributes", "more", "new"]


def test_pull_request_starts_at_the_parent_named(api, repo):
    first = api.model_info(repo).sha
    api.create_commit(repo, [add("main")], commit_message="main moves on")
    propose(api, repo, parent_commit=first)
    assert files(api, repo, "refs/pr/1") == [".gitattributes", "new"]


def test_merge_squashes(api, repo):
    number, head = propose(api, repo)
    api.create_commit(repo, [add("meanwhile")], commit_message="main moves on")
    api.create_commit(repo, [add("w.bin", b"\0")], commit_message="Weights", revision="refs/pr/1")
    head = api.model_info(repo, revision="refs/pr/1").sha
    api.merge_pull_request(repo, number, comment="good")
    newest, before = api.list_repo_commits(repo)[:2]
    assert (newest.title, before.title) == ("Better (#1)", "main moves on")
    assert files(api, repo) == [".gitattributes", "meanwhile", "new", "w.bin"]
    assert api.model_info(repo, revision="refs/pr/1").sha == head != newest.commit_id
    pull = api.get_discussion_details(repo, number)
    assert (pull.status, pull.merge_commit_oid) == ("merged", newest.commit_id)
    assert [(e.type, getattr(e, "content", None)) for e in pull.events][-2:] == [
        ("comment", "good"),
        ("status-change", None),
    ]
    assert "+++ b/new" in pull.diff
    assert "meanwhile" not in pull.diff
    assert status_of(api.merge_pull_request, repo, number) == 400
    assert status_of(api.change_discussion_status, repo, number, new_status="open") == 400


def test_conflict_is_told_and_not_merged(api, repo):
    api.create_commit(repo, [add("card", b"1")], commit_message="card")
    number, _ = propose(api, repo, add("card", b"2"), add("other", b"2"))
    moved = api.create_commit(repo, [add("card", b"3")], commit_message="card again").oid
    assert api.get_discussion_details(repo, number).conflicting_files == ["card"]
    assert status_of(api.merge_pull_request, repo, number) == 409
    assert api.model_info(repo).sha == moved
    assert api.get_discussion_details(repo, number).status == "open"


def test_same_change_on_both_sides_is_no_conflict(api, repo):
    number, _ = propose(api, repo, add("card", b"2"))
    api.create_commit(repo, [add("card", b"2")], commit_message="the same")
    api.merge_pull_request(repo, number)
    assert files(api, repo) == [".gitattributes", "card"]


def test_attributes_that_both_sides_add_to_are_joined(hub, api, repo):
    number, _ = propose(api, repo, add("left.weights", b"\0"))
    api.create_commit(repo, [add("right.weights", b"\0")], commit_message="right")
    api.merge_pull_request(repo, number)
    lines = get_session().get(f"{hub.url}/{repo}/raw/main/.gitattributes").text.splitlines()
    assert [line.partition(" ")[0] for line in lines[-2:]] == ["right.weights", "left.weights"]


def test_draft_is_opened_before_it_is_merged(api, repo):
    draft = api.create_pull_request(repo, title="Idea", description="soon")
    assert (draft.status, draft.events[0].content) == ("draft", "soon")
    assert api.model_info(repo, revision="refs/pr/1").sha == api.model_info(repo).sha
    api.create_commit(repo, [add("new")], commit_message="work", revision="refs/pr/1")
    assert status_of(api.merge_pull_request, repo, 1) == 400
    assert api.change_discussion_status(repo, 1, new_status="open").new_status == "open"
    api.merge_pull_request(repo, 1)
    assert files(api, repo) == [".gitattributes", "new"]


def test_discussions_and_pull_requests_share_one_series(api, repo):
    discussion = api.create_discussion(repo, title="Question", description="why?")
    number, _ = propose(api, repo)
    draft = api.create_pull_request(repo, title="Draft")
    api.change_discussion_status(repo, number, new_status="closed", comment="no")
    assert (discussion.num, number, draft.num) == (1, 2, 3)

    def listed(**filters):
        return [d.num for d in api.get_repo_discussions(repo, **filters)]

    assert listed() == [3, 2, 1]
    assert listed(discussion_type="discussion") == [1]
    assert listed(discussion_type="pull_request", discussion_status="open") == [3]
    assert listed(discussion_status="closed") == [2]
    assert listed(author="nobody") == []
    assert status_of(api.merge_pull_request, repo, 1) == 400
    assert status_of(api.get_discussion_details, repo, 9) == 404


def test_list_of_discussions_comes_in_pages(api, repo):
    for number in range(12):
        api.create_discussion(repo, title=f"Number {number}")
    assert [d.num for d in api.get_repo_discussions(repo)] == list(range(12, 0, -1))


def test_comments(hub, api, repo):
    api.create_discussion(repo, title="Question")
    comment = api.comment_discussion(repo, 1, "first")
    edited = api.edit_discussion_comment(repo, 1, comment.id, "second")
    assert (edited.content, edited.edited, edited.number_of_edits) == ("second", True, 2)
    rival = HfApi(endpoint=hub.url, token=hub.add_user("rival"))
    answer = rival.comment_discussion(repo, 1, "from outside")
    assert answer.author == "rival"
    assert status_of(rival.edit_discussion_comment, repo, 1, comment.id, "mine") == 403
    assert status_of(api.edit_discussion_comment, repo, 1, "0" * 24, "none") == 404
    with pytest.warns(UserWarning, match="irreversible"):
        hidden = api.hide_discussion_comment(repo, 1, answer.id)
    assert hidden.hidden
    assert "from outside" not in str(api.get_discussion_details(repo, 1).events)
    renamed = api.rename_discussion(repo, 1, "Answer")
    assert (renamed.old_title, renamed.new_title) == ("Question", "Answer")


def test_any_reader_may_propose_and_only_owners_decide(hub, api, repo):
    rival = HfApi(endpoint=hub.url, token=hub.add_user("rival"))
    number, _ = propose(rival, repo, add("w.bin", b"\0"))
    rival.create_commit(repo, [add("more")], commit_message="more", revision=f"refs/pr/{number}")
    assert status_of(rival.merge_pull_request, repo, number) == 403
    third = HfApi(endpoint=hub.url, token=hub.add_user("third"))
    assert status_of(third.create_commit, repo, [add("z")], commit_message="z", revision=f"refs/pr/{number}") == 403
    assert status_of(third.change_discussion_status, repo, number, new_status="closed") == 403
    api.merge_pull_request(repo, number)
    assert files(api, repo) == [".gitattributes", "more", "w.bin"]


def test_number_of_a_ref_left_behind_is_not_used_again(hub, api, repo):
    propose(api, repo)
    (hub.root / "models/acme/router/discussions/1.json").unlink()
    assert propose(api, repo, add("other"))[0] == 2


def delete(hub, repo, path, token=None):
    headers = {"Authorization": f"Bearer {token or hub.token}"}
    return get_session().delete(f"{hub.url}/api/models/{repo}/discussions/{path}", headers=headers).status_code


def test_deleted_discussion_leaves_its_number(hub, api, repo):
    api.create_discussion(repo, title="First")
    number, _ = propose(api, repo)
    assert delete(hub, repo, number, token=hub.add_user("rival")) == 403
    assert delete(hub, repo, number) == 200
    assert status_of(api.get_discussion_details, repo, number) == 404
    assert delete(hub, repo, number) == 404
    assert [d.num for d in api.get_repo_discussions(repo)] == [1]
    assert api.list_repo_refs(repo, include_pull_requests=True).pull_requests == []
    assert api.create_discussion(repo, title="Next").num == 3


def test_ref_of_a_finished_pull_request_is_deleted(hub, api, repo):
    closed, _ = propose(api, repo)
    merged, _ = propose(api, repo, add("merged"))
    assert delete(hub, repo, f"{closed}/ref") == 400
    api.merge_pull_request(repo, merged)
    api.change_discussion_status(repo, closed, new_status="closed")
    assert [delete(hub, repo, f"{number}/ref") for number in (closed, merged)] == [200, 200]
    assert api.list_repo_refs(repo, include_pull_requests=True).pull_requests == []
    details = api.get_discussion_details(repo, closed)
    assert (details.status, details.diff, details.conflicting_files) == ("closed", "", [])
    assert "+++ b/merged" in api.get_discussion_details(repo, merged).diff
    assert status_of(api.change_discussion_status, repo, closed, new_status="open") == 400


def test_merge_answers_as_switched(tmp_path):
    switches = Switches(merge_draft_status=409, merge_conflict_status=422)
    with LocalHub(tmp_path, switches=switches) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/router")
        api.create_pull_request("acme/router", title="Draft")
        assert status_of(api.merge_pull_request, "acme/router", 1) == 409
        number, _ = propose(api, "acme/router", add("card", b"1"))
        api.create_commit("acme/router", [add("card", b"2")], commit_message="card")
        assert status_of(api.merge_pull_request, "acme/router", number) == 422
