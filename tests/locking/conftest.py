from __future__ import annotations

import shutil
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from histories import Repo
from outputs import write_adapter

from hubver.hub.client import Hub
from hubver.localhub import LocalHub
from hubver.locking import check, file, verb
from hubver.publish import push
from hubver.release import promote
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Counted:
    """An effect that changes nothing, and keeps which requests there were."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    async def apply(self, app, scope, receive, send) -> None:
        self.requests.append(f"{scope['method']} {scope['path']}")
        await app(scope, receive, send)


@dataclass
class Application:
    """An application's repository: a folder with a lock file, and the models' repository beside it."""

    folder: Path
    repo: Repo
    counted: Counted = field(default_factory=Counted)

    @property
    def path(self) -> Path:
        return self.folder / "hubver.lock"

    def lock(self, *targets, **kwargs):
        return verb.lock(*targets, file=self.path, settings=self.repo.settings, **kwargs)

    def check(self, **kwargs):
        return check.check_lock(self.path, settings=self.repo.settings, **kwargs)

    def faults(self, **kwargs) -> list[str]:
        return [str(fault) for model in self.check(**kwargs).models for fault in model.faults]

    def read(self):
        return file.read(self.path)

    def model(self, repo_id="acme/router"):
        return self.read().models[repo_id]

    def publish(self, version: str, *, seed: int = 0, repo_id="acme/router", production=False) -> str:
        """Push a version, and put it in production if that is asked for."""
        folder = write_adapter(self.folder.parent / f"output-{seed}", seed=seed)
        done = push(folder, repo_id, settings=self.repo.settings, version=version)
        if production:
            self.repo.judge(done.sha)
            promote(f"{self.repo.repo_id}@{version}", settings=self.repo.settings)
        return done.sha

    def put(self, path: str, content: bytes, tag: str | None = None, repo_id=None) -> str:
        """Commit a file to main by other means than hubver, and move a tag there."""
        api, repo_id = self.repo.hub.api, repo_id or self.repo.repo_id
        sha = api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=repo_id).oid
        if tag is not None:
            self.move_tag(tag, sha)
        return sha

    def move_tag(self, tag: str, sha: str | None) -> None:
        self.repo.hub.api.delete_tag(self.repo.repo_id, tag=tag)
        if sha is not None:
            self.repo.hub.api.create_tag(self.repo.repo_id, tag=tag, revision=sha)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory) -> Path:
    """The folder of a Hub with a base, v1.0.0 of `acme/router` in production, and `acme/other`. Read it, do not change it."""
    root = tmp_path_factory.mktemp("locking")
    with LocalHub(root / "hub") as hub:
        made = _application(root, hub)
        for name in ("acme/base", "acme/router"):
            made.repo.hub.create_repo(name)
        for path, content in (("model.safetensors", b"weights"), ("config.json", b'{"model_type": "llama"}')):
            made.put(path, content, repo_id="acme/base")
        made.publish("v1.0.0", production=True)
        made.publish("v2.0.0", repo_id="acme/other", seed=3)
    return root / "hub"


@pytest.fixture(scope="session")
def quiet_hub(shelf, tmp_path_factory) -> Iterator[LocalHub]:
    """A Hub for tests that change nothing on it."""
    root = tmp_path_factory.mktemp("quiet") / "hub"
    shutil.copytree(shelf, root)
    with LocalHub(root) as hub:
        yield hub


@pytest.fixture
def quiet(quiet_hub, tmp_path) -> Iterator[Application]:
    """An application whose models nobody moves."""
    made = _application(tmp_path, quiet_hub)
    quiet_hub.faults.add("*", "*", made.counted, times=None)
    yield made
    quiet_hub.faults.clear()


@pytest.fixture
def hub(shelf, tmp_path) -> Iterator[LocalHub]:
    """A Hub of the test's own."""
    shutil.copytree(shelf, tmp_path / "hub")
    with LocalHub(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def application(hub, tmp_path) -> Application:
    """An application, and models that the test may move."""
    made = _application(tmp_path, hub)
    hub.faults.add("*", "*", made.counted, times=None)
    return made


def _application(folder: Path, hub: LocalHub) -> Application:
    settings = Settings(endpoint=hub.url, token=hub.token)
    (folder / "application").mkdir()
    return Application(folder / "application", Repo(Hub.of(settings), settings, "acme/router"))


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> tuple[Path, Path]:
    """The folders of a random Llama of 20,000 parameters with its tokenizer, and of a LoRA adapter that changes it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    root = tmp_path_factory.mktemp("tiny-models")
    words = ["<pad>", "<eos>", "<unk>", "refund", "invoice", "late", "parcel"]
    raw = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        pad_token_id=0,
        eos_token_id=1,
    )
    base = LlamaForCausalLM(config)
    base.save_pretrained(root / "base")
    with warnings.catch_warnings():  # peft uses what transformers deprecated
        warnings.simplefilter("ignore")
        adapter = get_peft_model(base, LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    for name, weight in adapter.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    adapter.save_pretrained(root / "adapter")
    for folder in ("base", "adapter"):
        tokenizer.save_pretrained(root / folder)
    return root / "base", root / "adapter"
