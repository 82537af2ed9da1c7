"""A real model, through a lock: what was locked is what runs, and nothing else does."""

from __future__ import annotations

import json
import shutil

import pytest
from histories import Repo

from hubver.errors import BadInput, NotFound, Tampered, Unsafe
from hubver.hub.client import Hub
from hubver.loading import load
from hubver.localhub import LocalHub
from hubver.locking.verb import lock
from hubver.publish import push
from hubver.settings import Settings

# PEFT 0.21 still reads a name that transformers 5.23 deprecates.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing. is deprecated:FutureWarning"),
]

ADAPTER, BASE = "acme/sorter", "acme/llama"


@pytest.fixture(scope="module")
def served(tiny_models, tmp_path_factory):
    """A Hub with a real base and a real adapter on it, a lock file of both, and a cache that holds them."""
    from huggingface_hub import constants

    root = tmp_path_factory.mktemp("real")
    base, adapter = tiny_models
    with LocalHub(root / "hub") as hub, pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_CACHE", str(root / "cache"))
        settings = Settings(endpoint=hub.url, token=hub.token)
        repo = Repo(Hub.of(settings), settings, ADAPTER)
        push(base, BASE, settings=settings)
        config = json.loads((adapter / "adapter_config.json").read_text())
        (adapter / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": BASE}))
        push(adapter, ADAPTER, settings=settings)
        lock(f"{ADAPTER}@main", f"{BASE}@v1.0.0", file=root / "hubver.lock", settings=settings)
        loaded(load(ADAPTER, lock=root / "hubver.lock", settings=settings))
        repo.root = root
        yield repo


@pytest.fixture
def machine(served, tmp_path, monkeypatch):
    """A machine where both models were loaded once, with a cache of its own."""
    from huggingface_hub import constants

    shutil.copytree(served.root / "cache", tmp_path / "cache", symlinks=True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return Machine(served, tmp_path / "cache")


class Machine:
    def __init__(self, served, cache):
        self.served, self.cache = served, cache
        self.path = served.root / "hubver.lock"
        self.locked = {name: json.loads(self.path.read_text())["models"][name] for name in (ADAPTER, BASE)}

    def load(self, repo_id=ADAPTER, **kwargs):
        return load(repo_id, lock=self.path, settings=kwargs.pop("settings", self.served.settings), **kwargs)

    def folder(self, repo_id: str):
        return self.cache / f"models--{repo_id.replace('/', '--')}" / "snapshots" / self.locked[repo_id]["sha"]


def loaded(result) -> list[float]:
    """What a model answers to one text, as numbers."""
    import torch

    model, tokenizer, _ = result
    with torch.inference_mode():
        asked = tokenizer("refund late parcel", return_tensors="pt")
        return model(input_ids=asked["input_ids"]).logits.flatten().tolist()


def test_the_locked_commits_are_loaded_whatever_moved_since(machine):
    served = machine.served
    before = loaded(load(ADAPTER, "v1.0.0", settings=served.settings))
    served.commit("something else on main")
    for tag in ("v1.0.0", "moved"):
        if tag == "v1.0.0":
            served.hub.api.delete_tag(ADAPTER, tag=tag)
        served.hub.api.create_tag(ADAPTER, tag=tag, revision="main")
    model, tokenizer, record = machine.load()
    assert loaded((model, tokenizer, record)) == before
    assert (record.version, type(model).__name__, model.training) == ("v1.0.0", "PeftModelForCausalLM", False)


def test_a_model_that_stands_alone_is_loaded(machine):
    model, _, record = machine.load(BASE)
    assert (record.repo_id, type(model).__name__) == (BASE, "LlamaForCausalLM")
    assert loaded(machine.load()) != loaded(machine.load(BASE))


def test_what_was_fetched_once_is_loaded_without_a_hub(machine):
    nowhere = Settings(endpoint="http://127.0.0.1:9")
    assert loaded(machine.load(settings=nowhere)) == loaded(machine.load())


def flip(file) -> None:
    """Other bytes, as many as before, in the file that the cache's link leads to."""
    file = file.resolve()
    file.write_bytes(file.read_bytes()[:-1] + bytes([file.read_bytes()[-1] ^ 1]))


def longer(file) -> None:
    file = file.resolve()
    file.write_bytes(file.read_bytes() + b"\n")


def replaced(file) -> None:
    """A file of the user's own in place of the link."""
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1] + b"\0")


@pytest.mark.parametrize(
    ("repo_id", "path", "spoil"),
    [
        (ADAPTER, "adapter_model.safetensors", flip),
        (ADAPTER, "adapter_model.safetensors", replaced),
        (ADAPTER, "adapter_config.json", flip),
        (ADAPTER, "tokenizer.json", longer),
        (ADAPTER, "README.md", flip),
        (ADAPTER, "hubver.json", flip),
        (BASE, "model.safetensors", flip),
        (BASE, "config.json", flip),
        (BASE, "tokenizer.json", longer),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_file_that_was_changed_in_the_cache_is_refused_and_can_be_fetched_anew(machine, repo_id, path, spoil):
    file = machine.folder(repo_id) / path
    spoil(file)
    with pytest.raises(Tampered, match=f"{path} of {repo_id}@.* is not the file that was locked") as refused:
        machine.load()
    assert refused.value.exit_code == 1
    named = refused.value.hint.partition("delete ")[2]
    assert named == str(file.resolve())
    file.resolve().unlink()
    from hubver.locking import arrived
    from hubver.locking.file import read

    # What the hint says to do is enough: the file is fetched again, and is the right one.
    folder = machine.served.hub.snapshot(repo_id, machine.locked[repo_id]["sha"])
    arrived.check(folder, read(machine.path).models[repo_id].files, of=repo_id)


@pytest.mark.parametrize(
    ("repo_id", "path"),
    [
        (ADAPTER, "model.safetensors"),
        (ADAPTER, "chat_template.jinja"),
        (ADAPTER, "code/modeling.py"),
        (BASE, "model-00001-of-00001.safetensors"),
        (BASE, "generation/config.json"),
    ],
)
def test_a_file_that_was_put_beside_them_is_refused(machine, repo_id, path):
    file = machine.folder(repo_id) / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"{}")
    with pytest.raises(Tampered, match=f"{path} is no file of {repo_id}@") as refused:
        machine.load()
    assert str(file) in refused.value.hint


@pytest.mark.parametrize(("repo_id", "path"), [(ADAPTER, ".DS_Store"), (BASE, "pytorch_model.bin"), (BASE, "a.gguf")])
def test_what_no_loader_takes_disturbs_nobody(machine, repo_id, path):
    (machine.folder(repo_id) / path).write_bytes(b"x")
    machine.load()


def test_a_file_that_is_missing_is_named(machine):
    from hubver.locking import arrived
    from hubver.locking.file import read

    (machine.folder(ADAPTER) / "tokenizer.json").unlink()
    with pytest.raises(Tampered, match=r"tokenizer\.json of acme/sorter is missing"):
        arrived.check(machine.folder(ADAPTER), read(machine.path).models[ADAPTER].files, of=ADAPTER)


def test_which_model_is_meant_must_be_clear(machine, tmp_path):
    with pytest.raises(BadInput, match="does not say which model is meant"):
        machine.load(None)
    with pytest.raises(BadInput, match="does not lock acme/other"):
        machine.load("acme/other")
    with pytest.raises(BadInput, match="says which revision is loaded"):
        machine.load(revision="v1.0.0")
    with pytest.raises(BadInput, match="names a revision"):
        machine.load(f"{ADAPTER}@v1.0.0")
    with pytest.raises(NotFound, match="There is no lock file"):
        load(lock=tmp_path / "hubver.lock", settings=machine.served.settings)
    with pytest.raises(BadInput, match="No model was named"):
        load(settings=machine.served.settings)


def test_progress_ends_with_every_byte_read(machine):
    from hubver.locking import arrived
    from hubver.locking.file import read

    files = read(machine.path).models[ADAPTER].files
    told = []
    arrived.check(machine.folder(ADAPTER), files, of=ADAPTER, progress=lambda *counts: told.append(counts))
    hashed = sum(file.size for file in files.values() if file.sha256 is not None)
    assert told[-1] == (hashed, hashed)


def test_a_pickle_is_not_loaded(machine):
    import torch
    from safetensors.torch import load_file

    served, weights = machine.served, machine.cache / "pytorch_model.bin"
    torch.save(load_file(machine.folder(BASE) / "model.safetensors"), weights)
    api = served.hub.api
    api.upload_file(path_or_fileobj=weights, path_in_repo=weights.name, repo_id=BASE, revision="main")
    api.delete_file("model.safetensors", repo_id=BASE)
    with pytest.raises(Unsafe, match=rf"The weights of {BASE}@main .* are a pickle"):
        load(BASE, "main", settings=served.settings)
