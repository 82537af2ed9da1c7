"""Who may see, read and change a repo: tokens, organisations, private and gated repos."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session, hf_hub_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from hubver.localhub import LocalHub, User


def status_of(call, *arguments, **keywords):
    with pytest.raises(HfHubHTTPError) as refused:
        call(*arguments, **keywords)
    return refused.value.response.status_code


def commit(api, repo, **more):
    return api.create_commit(repo, [CommitOperationAdd("a", b"x")], commit_message="a", **more)


@pytest.fixture
def ann(hub):
    return HfApi(endpoint=hub.url, token=hub.add_user("ann"))


@pytest.fixture
def gated(api, repo):
    commit(api, repo)
    api.update_repo_settings(repo, gated="manual")
    return repo


def download(api, repo, folder, **more):
    return hf_hub_download(repo, "a", endpoint=api.endpoint, token=more.get("token", api.token), local_dir=folder)


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_settings_change_who_sees_a_repo(hub, api, ann, kind):
    api.create_repo("acme/thing", repo_type=kind)
    api.update_repo_settings("acme/thing", private=True, repo_type=kind)
    assert api.repo_info("acme/thing", repo_type=kind).private
    assert not ann.repo_exists("acme/thing", repo_type=kind)
    api.update_repo_settings("acme/thing", private=False, gated="auto", repo_type=kind)
    assert (ann.repo_info("acme/thing", repo_type=kind).gated, ann.repo_exists("acme/thing", repo_type=kind)) == (
        "auto",
        True,
    )
    assert status_of(ann.update_repo_settings, "acme/thing", private=True, repo_type=kind) == 403


@pytest.mark.parametrize("body", [{"gated": "maybe"}, {"private": "yes"}, {"visibility": "secret"}])
def test_bad_settings_change_nothing(hub, api, repo, body):
    headers = {"Authorization": f"Bearer {hub.token}"}
    answer = get_session().put(f"{hub.url}/api/models/{repo}/settings", json=body, headers=headers)
    assert answer.status_code == 400
    info = api.model_info(repo)
    assert (info.private, info.gated) == (False, False)


def test_gate_hides_the_files_and_nothing_else(hub, api, ann, git, gated, tmp_path):
    assert ann.model_info(gated).gated == "manual"
    assert len(list(ann.list_repo_tree(gated))) == 2
    for token, status in ((False, 401), (ann.token, 403)):
        with pytest.raises(GatedRepoError) as refused:
            download(ann, gated, tmp_path, token=token)
        assert refused.value.response.status_code == status
        with pytest.raises(GatedRepoError):
            api.auth_check(gated, token=token)
    body = {"operation": "download", "objects": []}
    answer = get_session().post(f"{hub.url}/{gated}.git/info/lfs/objects/batch", json=body)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (401, "GatedRepo")
    assert git.run("clone", "-q", f"{hub.url}/{gated}").returncode != 0
    assert git.run("clone", "-q", hub.url.replace("//", f"//ann:{ann.token}@") + f"/{gated}").returncode != 0
    api.auth_check(gated)
    assert download(api, gated, tmp_path)


def test_gate_hides_what_changed_in_the_files(hub, api, ann, gated):
    changed = [CommitOperationAdd("secret.txt", b"nobody should see this")]
    number = api.create_commit(gated, operations=changed, commit_message="add", create_pr=True).pr_num
    assert "nobody should see" in api.get_discussion_details(gated, number).diff
    for path in (f"discussions/{number}?diff=1", "compare/main..refs%2Fpr%2F1"):
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {ann.token}"}, 403)):
            answer = get_session().get(f"{hub.url}/api/models/{gated}/{path}", headers=headers)
            assert (answer.status_code, answer.headers["X-Error-Code"]) == (status, "GatedRepo")
            assert "nobody should see" not in answer.text


def test_gate_opens_on_request(hub, api, ann, gated, tmp_path):
    ask = f"{hub.url}/{gated}/ask-access"
    assert get_session().post(ask).status_code == 401
    assert get_session().post(ask, headers={"Authorization": f"Bearer {ann.token}"}).status_code == 200
    (request,) = api.list_pending_access_requests(gated)
    assert (request.username, request.status) == ("ann", "pending")
    with pytest.raises(GatedRepoError):
        ann.auth_check(gated)
    api.accept_access_request(gated, "ann")
    assert download(ann, gated, tmp_path)
    assert [r.username for r in api.list_accepted_access_requests(gated)] == ["ann"]
    assert status_of(api.accept_access_request, gated, "ann") == 400
    api.reject_access_request(gated, "ann", rejection_reason="no")
    with pytest.raises(GatedRepoError):
        ann.auth_check(gated)
    assert [r.request_id for r in api.list_rejected_access_requests(gated)] == [request.request_id]
    assert status_of(api.accept_access_request, gated, "nobody") == 404
    assert status_of(ann.accept_access_request, gated, "ann") == 403


def test_access_is_granted_unasked(api, ann, gated):
    api.grant_access(gated, "ann")
    ann.auth_check(gated)
    assert status_of(api.grant_access, gated, "ann") == 400
    assert status_of(api.grant_access, gated, "nobody") == 404
    assert status_of(ann.auth_check, gated, write=True) == 403
    api.update_repo_settings(gated, gated=False)
    assert status_of(api.grant_access, gated, "ann") == 400


def test_automatic_gate_needs_no_decision(hub, api, ann, gated):
    api.update_repo_settings(gated, gated="auto")
    with pytest.raises(GatedRepoError):
        ann.auth_check(gated)
    get_session().post(f"{hub.url}/{gated}/ask-access", headers={"Authorization": f"Bearer {ann.token}"})
    ann.auth_check(gated)


def test_fine_grained_token_does_what_it_was_granted(hub, api, git):
    for name in ("mine", "other", "seen"):
        api.create_repo(f"acme/{name}", private=True)
    api.create_repo("acme/mine", repo_type="dataset")
    token = hub.add_user("acme", grants={"acme/mine": "write", "acme/seen": "read"})
    narrow = HfApi(endpoint=hub.url, token=token)
    commit(narrow, "acme/mine")
    narrow.create_discussion("acme/mine", title="Hello")
    narrow.auth_check("acme/mine", write=True)
    assert narrow.model_info("acme/seen").private
    assert status_of(commit, narrow, "acme/seen") == 403
    assert status_of(narrow.create_discussion, "acme/seen", title="Hello") == 403
    assert status_of(commit, narrow, "acme/mine", repo_type="dataset") == 403
    assert status_of(narrow.create_repo, "acme/new") == 403
    assert status_of(narrow.delete_repo, "acme/seen") == 403
    with pytest.raises(RepositoryNotFoundError):
        narrow.model_info("acme/other")
    assert {m.id for m in narrow.list_models()} == {"acme/mine", "acme/seen"}
    address = hub.url.replace("//", f"//acme:{token}@")
    git("clone", "-q", f"{address}/acme/mine", "mine")
    git.commit(git.home / "mine", "b", b"b")
    git("push", "-q", "origin", "main", cwd=git.home / "mine")
    assert git.run("push", f"{address}/acme/seen", "HEAD:x", cwd=git.home / "mine").returncode != 0


def test_token_for_a_namespace_is_for_all_its_repos(hub, api):
    narrow = HfApi(endpoint=hub.url, token=hub.add_user("ann", orgs=("lab", "acme"), grants={"lab": "write"}))
    narrow.create_repo("lab/x", private=True)
    commit(narrow, "lab/x")
    assert status_of(narrow.create_repo, "acme/x") == 403
    assert status_of(narrow.create_repo, "ann/x") == 403


def test_whoami_tells_what_a_token_may(hub, api):
    token = hub.add_user("ann", orgs=("lab",), grants={"lab": "read", "datasets/lab/x": "write", "lab/x": "read"})
    access = api.whoami(token=token)["auth"]["accessToken"]
    assert access["role"] == "fineGrained"
    scopes = {(s["entity"]["type"], s["entity"]["name"]): s["permissions"] for s in access["fineGrained"]["scoped"]}
    assert scopes == {
        ("org", "lab"): ["repo.content.read"],
        ("model", "lab/x"): ["repo.content.read"],
        ("dataset", "lab/x"): ["repo.content.read", "repo.write", "discussion.write"],
    }


def test_users_and_organisations_have_full_names(tmp_path):
    users = {"hf_ann": User("ann", ("lab", "club"), full_names={"ann": "Ann Example", "lab": "The Lab"})}
    for _ in range(2):  # the second time from what the first has written
        with LocalHub(tmp_path, users=users) as hub:
            me = HfApi(endpoint=hub.url, token="hf_ann").whoami()
            named = {org["name"]: org["fullname"] for org in me["orgs"]}
            assert (me["fullname"], named) == ("Ann Example", {"lab": "The Lab", "club": "club"})
        users = {}


def test_reading_member_sees_and_proposes_but_does_not_change(tmp_path):
    users = {"hf_boss": User("boss", ("lab",)), "hf_ann": User("ann", reads=("lab",))}
    for _ in range(2):  # the second time from what the first has written
        with LocalHub(tmp_path, users=users) as hub:
            boss, ann = (HfApi(endpoint=hub.url, token=token) for token in ("hf_boss", "hf_ann"))
            boss.create_repo("lab/x", private=True, exist_ok=True)
            assert ann.model_info("lab/x").private
            assert status_of(commit, ann, "lab/x") == 403
            assert commit(ann, "lab/x", create_pr=True).pr_num
            assert {o["name"]: o["roleInOrg"] for o in ann.whoami()["orgs"]} == {"lab": "read"}
        users = {}
