"""The view of a Hub shows the recorded commits, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError
from pydantic import SecretStr

from hubver.localhub import LocalHub
from hubver.reproduce.pinned_hub import PinnedHub

LARGE = os.urandom(1 << 20)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with LocalHub(tmp_path_factory.mktemp("hub")) as running:
        api = HfApi(endpoint=running.url, token=running.token)
        for kind in ("model", "dataset"):
            api.create_repo("acme/thing", repo_type=kind)
            for path in ("a.txt", "model.safetensors"):
                first = LARGE if path.startswith("model") else b"first"
                api.upload_file(repo_id="acme/thing", repo_type=kind, path_in_repo=path, path_or_fileobj=first)
        api.create_repo("acme/secret", private=True)
        api.upload_file(repo_id="acme/secret", path_in_repo="a.txt", path_or_fileobj=b"first")
        api.create_repo("acme/other")
        yield running, api


@pytest.fixture(scope="module")
def pins(hub):
    """The commits that are recorded; everything has moved on since."""
    _, api = hub
    found = {
        (kind, name): api.repo_info(name, repo_type=kind).sha
        for kind, name in (("model", "acme/thing"), ("dataset", "acme/thing"), ("model", "acme/secret"))
    }
    for kind, name in found:
        api.upload_file(repo_id=name, repo_type=kind, path_in_repo="a.txt", path_or_fileobj=b"later")
        api.create_tag(name, tag="newest", repo_type=kind)
    return found


@pytest.fixture
def view(hub, pins):
    running, _ = hub
    models = {name: sha for (kind, name), sha in pins.items() if kind == "model"}
    datasets = {name: sha for (kind, name), sha in pins.items() if kind == "dataset"}
    with PinnedHub(running.url, SecretStr(running.token), models=models, datasets=datasets) as shown:
        yield shown


def get(view, tmp_path, path="a.txt", **given) -> bytes:
    arguments = {"repo_id": "acme/thing", "cache_dir": tmp_path, "token": False, **given}
    with open(hf_hub_download(filename=path, endpoint=view.url, **arguments), "rb") as file:  # noqa: PTH123  # a plain read
        return file.read()


@pytest.mark.parametrize("kind", ["model", "dataset"])
@pytest.mark.parametrize("revision", [None, "main", "newest"])
def test_every_branch_and_tag_is_the_recorded_commit(view, tmp_path, kind, revision):
    assert get(view, tmp_path, repo_type=kind, revision=revision) == b"first"
    assert get(view, tmp_path, "model.safetensors", repo_type=kind, revision=revision) == LARGE


def test_a_commit_that_a_script_names_itself_is_that_commit(hub, view, tmp_path):
    _, api = hub
    assert get(view, tmp_path, revision=api.repo_info("acme/thing").sha) == b"later"


def test_listings_are_of_the_recorded_commit(view, pins):
    api = HfApi(endpoint=view.url, token=False)
    assert api.repo_info("acme/thing").sha == pins["model", "acme/thing"]
    assert api.dataset_info("acme/thing", revision="newest").sha == pins["dataset", "acme/thing"]
    assert {file.path: file.size for file in api.list_repo_tree("acme/thing")}["a.txt"] == 5
    (info,) = api.get_paths_info("acme/thing", ["a.txt"])
    assert info.size == 5
    assert view.unrecorded == {}


def test_the_token_stays_with_the_view(view, tmp_path):
    assert get(view, tmp_path, repo_id="acme/secret") == b"first"


def test_what_is_not_recorded_is_not_there_and_is_noted(view, tmp_path):
    with pytest.raises(RepositoryNotFoundError):
        get(view, tmp_path, repo_id="acme/other")
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=view.url, token=False).dataset_info("acme/more")
    assert list(view.unrecorded) == ["acme/other", "acme/more"]
    with pytest.raises(EntryNotFoundError):
        get(view, tmp_path, "missing.txt")


@pytest.mark.parametrize(
    "path",
    [
        "/api/models/acme/thing/refs",
        "/api/models/acme/thing/discussions",
        "/acme/thing-else/resolve/main/a.txt",
        "/acme/thing/resolve",
        "/api/models/acme/thingy",
        "/acme/thing",
        "/",
    ],
)
def test_what_shows_more_than_one_commit_is_nobody_s_to_see(view, path):
    assert view.where(path) is None


def test_beyond_the_record_only_where_it_is_asked_for(hub, tmp_path):
    running, api = hub
    api.upload_file(repo_id="acme/other", path_in_repo="a.txt", path_or_fileobj=b"beyond")
    with PinnedHub(running.url, None, models={}, datasets={}, beyond=True) as shown:
        assert get(shown, tmp_path, repo_id="acme/other") == b"beyond"
        assert list(shown.unrecorded) == ["acme/other"]


@pytest.mark.parametrize(
    "act",
    [
        lambda api: api.create_repo("acme/new"),
        lambda api: api.upload_file(repo_id="acme/thing", path_in_repo="x", path_or_fileobj=b"x"),
        lambda api: api.delete_repo("acme/thing"),
    ],
    ids=["create", "upload", "delete"],
)
def test_nothing_is_written(hub, view, act):
    _, api = hub
    before = api.list_repo_refs("acme/thing"), api.repo_info("acme/thing").sha
    with pytest.raises(HfHubHTTPError, match="reproduced"):
        act(HfApi(endpoint=view.url, token="hf_any"))
    assert (api.list_repo_refs("acme/thing"), api.repo_info("acme/thing").sha) == before


@pytest.mark.slow
@pytest.mark.parametrize("given", ["", ", data_files='rows.jsonl'"])
def test_datasets_loads_the_recorded_rows(hub, tmp_path, given):
    running, api = hub
    name = f"acme/rows-{len(given)}"
    api.create_repo(name, repo_type="dataset")
    for content in (b'{"a": 1}\n', b'{"a": 2}\n'):
        api.upload_file(repo_id=name, repo_type="dataset", path_in_repo="rows.jsonl", path_or_fileobj=content)
    first = api.list_repo_commits(name, repo_type="dataset")[1].commit_id
    with PinnedHub(running.url, None, models={}, datasets={name: first}) as shown:
        code = f"from datasets import load_dataset\nprint(load_dataset('{name}', split='train'{given})['a'][:])"
        env = {**os.environ, "HF_ENDPOINT": shown.url, "HF_HOME": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("[1]"), done.stderr
