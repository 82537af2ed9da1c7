from __future__ import annotations

import stat

import pytest
from huggingface_hub import HfApi, RepoCard, constants, get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from hubver.localhub import LocalHub

README = b"""---
license: mit
library_name: peft
base_model: acme/base
tags: [tickets]
released: 2026-01-02
loss: .nan
---
# Router
"""


def status_of(call, *arguments, **keywords):
    with pytest.raises(HfHubHTTPError) as refused:
        call(*arguments, **keywords)
    return refused.value.response.status_code


def test_whoami(hub, api):
    me = api.whoami()
    assert (me["type"], me["name"], me["auth"]["accessToken"]["role"]) == ("user", "acme", "write")
    reader = api.whoami(token=hub.add_user("ann", write=False, orgs=("lab",)))
    assert ([org["name"] for org in reader["orgs"]], reader["auth"]["accessToken"]["role"]) == (["lab"], "read")
    assert status_of(api.whoami, token="hf_wrong") == 401
    assert get_session().get(f"{hub.url}/api/whoami-v2").status_code == 401


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_create_exists_delete(hub, api, kind):
    url = api.create_repo("acme/thing", repo_type=kind)
    assert str(url) == f"{hub.url}/{'datasets/' if kind == 'dataset' else ''}acme/thing"
    assert (url.repo_id, url.repo_type) == ("acme/thing", kind)
    assert status_of(api.create_repo, "acme/thing", repo_type=kind) == 409
    api.create_repo("acme/thing", repo_type=kind, exist_ok=True)
    assert api.repo_exists("acme/thing", repo_type=kind)
    other = "model" if kind == "dataset" else "dataset"
    assert not api.repo_exists("acme/thing", repo_type=other)
    api.delete_repo("acme/thing", repo_type=kind)
    assert not api.repo_exists("acme/thing", repo_type=kind)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo("acme/thing", repo_type=kind)


def test_deleted_repo_can_be_made_anew(api, repo):
    api.upload_file(path_or_fileobj=b"x", path_in_repo="a", repo_id=repo)
    api.delete_repo(repo)
    api.create_repo(repo)
    assert len(api.list_repo_commits(repo)) == 1


def test_repo_without_a_namespace_is_the_callers(api):
    assert api.create_repo("router").repo_id == "acme/router"


def test_names_are_one_in_any_case(api):
    api.create_repo("acme/Router")
    made = api.upload_file(path_or_fileobj=b"x", path_in_repo="a", repo_id="ACME/router").oid
    info = api.model_info("acme/router")
    assert (info.id, info.sha) == ("acme/Router", made)
    assert status_of(api.create_repo, "acme/rouTer") == 409
    api.create_repo("acme/other")
    assert status_of(api.move_repo, "acme/other", "acme/rouTer") == 409
    api.move_repo("acme/router", "acme/router")
    assert api.model_info("acme/ROUTER").id == "acme/router"


def test_namespace_of_others_is_forbidden(hub, api, repo):
    assert status_of(api.create_repo, "rival/x") == 403
    rival = HfApi(endpoint=hub.url, token=hub.add_user("rival"))
    assert status_of(rival.delete_repo, repo) == 403
    assert status_of(rival.create_tag, repo, tag="v1") == 403
    assert status_of(rival.create_branch, repo, branch="b") == 403


@pytest.mark.parametrize("name", ["a..b", "-a", "a.git", "a--b", "x" * 97, "a b"])
def test_bad_names_are_refused(hub, name):
    answer = get_session().post(
        f"{hub.url}/api/repos/create",
        json={"name": name, "organization": "acme"},
        headers={"Authorization": f"Bearer {hub.token}"},
    )
    assert answer.status_code == 400


def test_private_repo_hides_from_all_but_its_owners(hub, api):
    api.create_repo("acme/secret", private=True)
    rival = hub.add_user("rival")
    member = hub.add_user("ann", write=False, orgs=("acme",))
    assert api.model_info("acme/secret", token=member).private
    for token, status in ((False, 401), (rival, 404)):
        for ask in (api.model_info, api.list_repo_refs, api.auth_check):
            with pytest.raises(RepositoryNotFoundError) as missing:
                ask("acme/secret", token=token)
            assert missing.value.response.status_code == status
        assert not api.repo_exists("acme/secret", token=token)
    assert [m.id for m in api.list_models()] == ["acme/secret"]
    assert list(api.list_models(token=rival)) == []
    assert get_session().get(f"{hub.url}/acme/secret/resolve/main/.gitattributes").status_code == 401


@pytest.mark.parametrize("repo_id", ["acme/none", "none", "acme/%2e%2e", "acme/a%2Fb"])
def test_missing_repo_has_its_code(hub, repo_id):
    for token, status in ((None, 401), (hub.token, 404)):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = get_session().get(f"{hub.url}/api/models/{repo_id}", headers=headers)
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (status, "RepoNotFound")


def test_info_tells_what_the_card_says(api, repo):
    sha = api.upload_file(path_or_fileobj=README, path_in_repo="README.md", repo_id=repo).oid
    api.upload_file(path_or_fileobj=b"\0" * 100, path_in_repo="w.bin", repo_id=repo)
    info = api.model_info(repo, files_metadata=True)
    assert (info.author, info.library_name, info.private) == ("acme", "peft", False)
    assert {"peft", "tickets", "license:mit", "base_model:acme/base"} <= set(info.tags)
    assert info.card_data.to_dict()["released"] == "2026-01-02"
    weights = next(s for s in info.siblings if s.rfilename == "w.bin")
    assert (weights.size, weights.lfs.size) == (100, 100)
    earlier = api.model_info(repo, revision=sha)
    assert (earlier.sha, len(earlier.siblings)) == (sha, 2)
    assert api.model_info(repo, revision=sha[:8]).sha == sha
    assert api.model_info(repo, expand=["sha"]).siblings is None
    with pytest.raises(RevisionNotFoundError):
        api.model_info(repo, revision="none")


def test_datasets_are_listed_apart(api, repo):
    api.create_repo("acme/tickets", repo_type="dataset")
    assert [d.id for d in api.list_datasets(author="acme")] == ["acme/tickets"]
    assert [m.id for m in api.list_models(search="ROUT")] == [repo]
    assert list(api.list_models(author="rival")) == []
    assert api.dataset_info("acme/tickets").id == "acme/tickets"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("---\nlicense: mit\n---\n", 200),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", 200),
        ("---\nlicense:\n---\n", 200),
        ("---\nlicense: my-own\n---\n", 400),
        ("---\nlicense: [mit, {}]\n---\n", 400),
        ("no metadata", 200),
        ("---\na: [\n---\n", 400),
        ("---\n- list\n---\n", 400),
        ("\n---\nmodel-index: x\n---\n", 400),
        ("---\nmodel-index: []\n---\n", 200),
    ],
)
def test_metadata_is_validated(hub, text, status):
    answer = get_session().post(f"{hub.url}/api/validate-yaml", json={"content": text, "repoType": "model"})
    assert answer.status_code == status
    assert bool(answer.json()["errors"]) == (status == 400)


def test_client_shows_its_user_what_is_wrong_with_a_card(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    RepoCard("---\nlicense: other\n---\n").validate()
    with pytest.raises(ValueError, match=r'\A- Error: "license" must be one of \[apache-2.0, mit, '):
        RepoCard("---\nlicense: my-own\n---\n").validate()


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.model_info("none", revision="main"),
        lambda api: list(api.list_repo_tree("none")),
        lambda api: api.list_repo_commits("none"),
        lambda api: api.get_paths_info("none", "a"),
        lambda api: api.create_branch("none", branch="b"),
        lambda api: api.delete_tag("none", tag="t"),
        lambda api: api.upload_file(path_or_fileobj=b"x", path_in_repo="a", repo_id="none"),
        lambda api: get_hf_file_metadata(hf_hub_url("none", "a", endpoint=api.endpoint), token=api.token),
    ],
)
def test_names_without_a_namespace_are_missing_repos(api, ask):
    with pytest.raises(RepositoryNotFoundError):
        ask(api)


@pytest.mark.parametrize("name", ["tree", "resolve", "branch"])
def test_repo_may_be_called_like_a_verb(api, name):
    api.create_repo(f"acme/{name}")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="a", repo_id=f"acme/{name}")
    assert "a" in api.list_repo_files(f"acme/{name}")
    assert get_hf_file_metadata(hf_hub_url(f"acme/{name}", "a", endpoint=api.endpoint)).size == 1


def test_answer_bears_the_id_of_its_request(hub):
    url = f"{hub.url}/api/models"
    assert get_session().get(url, headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"
    traced = get_session().get(url)
    assert traced.headers["X-Request-Id"].endswith(";" + traced.request.headers["X-Amzn-Trace-Id"])


def test_tokens_are_kept_from_others(hub, api):
    file = hub.root / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert hub.token in file.read_text()


def test_unknown_address_is_an_error_of_the_hubs_form(hub):
    answer = get_session().get(f"{hub.url}/api/nothing/at/all/here")
    assert (answer.status_code, "error" in answer.json()) == (404, True)


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_moved_repo_keeps_everything_and_its_old_name(hub, api, git, kind):
    api.create_repo("acme/old", repo_type=kind)
    sha = api.upload_file(path_or_fileobj=b"x", path_in_repo="a", repo_id="acme/old", repo_type=kind).oid
    api.create_discussion("acme/old", title="Hello", repo_type=kind)
    api.move_repo("acme/old", "acme/new", repo_type=kind)
    api.move_repo("acme/new", "acme/newest", repo_type=kind)
    for name in ("acme/old", "acme/new", "acme/newest"):
        info = api.repo_info(name, repo_type=kind)
        assert (info.id, info.sha) == ("acme/newest", sha)
        git("ls-remote", f"{hub.url}/{'datasets/' if kind == 'dataset' else ''}{name}")
    assert api.get_discussion_details("acme/newest", 1, repo_type=kind).title == "Hello"
    api.create_repo("acme/old", repo_type=kind)
    assert api.repo_info("acme/old", repo_type=kind).id == "acme/old"


def test_old_names_are_remembered(tmp_path):
    for names in (("acme/old", "acme/new"), ("acme/old", "acme/newer")):
        with LocalHub(tmp_path) as hub:
            api = HfApi(endpoint=hub.url, token=hub.token)
            api.create_repo("acme/old", exist_ok=True)
            api.move_repo(*names)
            assert api.model_info("acme/old").id == names[1]


def test_move_is_refused(hub, api, repo):
    api.create_repo("acme/taken")
    with pytest.raises(HfHubHTTPError, match="A model repository called acme/taken already exists") as refused:
        api.move_repo(repo, "acme/taken")
    assert refused.value.response.status_code == 409
    assert status_of(api.move_repo, repo, "rival/router") == 403
    assert status_of(api.move_repo, repo, "acme/..") == 400
    assert status_of(api.move_repo, "acme/none", "acme/x") == 404
    assert status_of(api.move_repo, repo, "rival/x", token=hub.add_user("rival")) == 403
    assert {m.id for m in api.list_models()} == {repo, "acme/taken"}
