from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, get_session
from huggingface_hub.errors import HfHubHTTPError

SPACE = "acme/demo"


@pytest.fixture
def space(api):
    api.create_repo(SPACE, repo_type="space", space_sdk="gradio")
    return SPACE


def test_space_is_a_repo_with_a_card(hub, api, space):
    info = api.space_info(space)
    assert (info.id, info.sdk, info.card_data.title) == (space, "gradio", "demo")
    assert api.list_repo_files(space, repo_type="space") == [".gitattributes", "README.md"]
    assert [found.id for found in api.list_spaces(author="acme")] == [space]
    assert list(api.list_models()) == list(api.list_datasets()) == []
    assert not api.repo_exists(space)


def test_files_of_a_space(hub, api, space, git, tmp_path):
    api.upload_file(path_or_fileobj=b"\0", path_in_repo="w.bin", repo_id=space, repo_type="space")
    file = api.hf_hub_download(space, "w.bin", repo_type="space", local_dir=tmp_path / "files")
    assert Path(file).read_bytes() == b"\0"
    address = hub.url.replace("http://", f"http://anyone:{hub.token}@")
    git("clone", "-q", f"{address}/spaces/{space}", tmp_path / "clone")
    git.commit(tmp_path / "clone", "app.py", b"print()")
    git("push", "-q", cwd=tmp_path / "clone")
    assert api.file_exists(space, "app.py", repo_type="space")


def test_space_is_moved_and_deleted(api, space):
    api.move_repo(space, "acme/show", repo_type="space")
    assert api.space_info(space).id == "acme/show"
    api.delete_repo("acme/show", repo_type="space")
    assert list(api.list_spaces()) == []


def test_space_needs_an_sdk(hub):
    answer = get_session().post(
        f"{hub.url}/api/repos/create",
        json={"name": "demo", "type": "space"},
        headers={"Authorization": f"Bearer {hub.token}"},
    )
    assert (answer.status_code, "sdk" in answer.json()["error"]) == (400, True)


def test_private_space_hides(hub, api, space):
    api.update_repo_settings(space, private=True, repo_type="space")
    rival = HfApi(endpoint=hub.url, token=hub.add_user("rival"))
    assert not rival.repo_exists(space, repo_type="space")
    with pytest.raises(HfHubHTTPError):
        rival.list_repo_files(space, repo_type="space")
