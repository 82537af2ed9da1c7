"""Large files belong to repos: knowing a sha256 gives nobody the right to what it names."""

from __future__ import annotations

import hashlib
import json
import os

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, HfApi, get_session

from hubver.localhub.large.pointers import Pointer

CONTENT = os.urandom(5000)
OID = hashlib.sha256(CONTENT).hexdigest()


def commit_pointer(hub, repo, token, path="w.bin"):
    lines = [
        {"key": "header", "value": {"summary": "take"}},
        {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": OID, "size": len(CONTENT)}},
    ]
    body = "\n".join(map(json.dumps, lines))
    headers = {"Authorization": f"Bearer {token}"}
    return get_session().post(f"{hub.url}/api/models/{repo}/commit/main", content=body, headers=headers)


def batch(hub, repo, token, operation):
    body = {"operation": operation, "objects": [{"oid": OID, "size": len(CONTENT)}]}
    headers = {"Authorization": f"Bearer {token}"}
    answer = get_session().post(f"{hub.url}/{repo}.git/info/lfs/objects/batch", json=body, headers=headers)
    return answer.json()["objects"][0]


def upload(api, repo, path="w.bin", content=CONTENT):
    return api.create_commit(repo, [CommitOperationAdd(path, content)], commit_message="weights").oid


@pytest.fixture
def secret(api):
    api.create_repo("acme/secret", private=True)
    upload(api, "acme/secret")
    return "acme/secret"


@pytest.fixture
def rival(hub):
    api = HfApi(endpoint=hub.url, token=hub.add_user("rival"))
    api.create_repo("rival/own")
    return api


def test_copy_within_a_repo(hub, api, repo):
    upload(api, repo)
    api.create_commit(repo, [CommitOperationCopy("w.bin", "old/w.bin")], commit_message="copy")
    assert get_session().get(f"{hub.url}/{repo}/resolve/main/old/w.bin").content == CONTENT


def test_object_of_a_repo_that_may_be_read_is_taken(hub, api, repo, rival):
    upload(api, repo)
    assert commit_pointer(hub, "rival/own", rival.token).status_code == 200
    assert get_session().get(f"{hub.url}/rival/own/resolve/main/w.bin").content == CONTENT


@pytest.mark.parametrize("gated", [False, True])
def test_object_of_a_repo_that_may_not_be_read_is_not(hub, api, git, secret, rival, gated):
    if gated:
        api.update_repo_settings(secret, private=False, gated="manual")
    refused = commit_pointer(hub, "rival/own", rival.token)
    assert refused.status_code == 400
    assert "LFS pointer pointed to a file that does not exist" in refused.json()["error"]
    assert batch(hub, "rival/own", rival.token, "download")["error"]["code"] == 404
    git("clone", "-q", hub.url.replace("//", f"//x:{rival.token}@") + "/rival/own", "clone")
    git.commit(git.home / "clone", "w.txt", bytes(Pointer(OID, len(CONTENT))))
    assert git.run("push", "origin", "main", cwd=git.home / "clone").returncode != 0
    assert len(list(rival.list_repo_tree("rival/own"))) == 1


def test_whoever_has_the_content_may_upload_it_again(hub, secret, rival):
    assert "upload" in batch(hub, "rival/own", rival.token, "upload")["actions"]
    upload(rival, "rival/own")
    assert "actions" not in batch(hub, "rival/own", rival.token, "upload")
    assert get_session().get(f"{hub.url}/rival/own/resolve/main/w.bin").content == CONTENT


def test_pull_request_brings_its_own_objects(hub, api, repo, rival):
    made = rival.create_commit(repo, [CommitOperationAdd("w.bin", CONTENT)], commit_message="w", create_pr=True)
    api.merge_pull_request(repo, made.pr_num)
    assert get_session().get(f"{hub.url}/{repo}/resolve/main/w.bin").content == CONTENT


def test_object_of_a_deleted_repo_is_nobodys(hub, api, git, secret, rival):
    api.delete_repo(secret)
    assert commit_pointer(hub, "rival/own", rival.token).status_code == 400
    assert batch(hub, "rival/own", rival.token, "download")["error"]["code"] == 404
    assert "upload" in batch(hub, "rival/own", rival.token, "upload")["actions"]
