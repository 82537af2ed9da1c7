"""Repos of huggingface.co that tests read, made anew as far as those tests tell what is in them."""

from __future__ import annotations

import os
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from huggingface_hub import CommitOperationAdd, HfApi

from witness import shelf

if TYPE_CHECKING:
    from hubver.localhub import LocalHub

_NAMESPACES = ("celinah", "hf-internal-testing", "julien-c", "multimodalart", "openai-community")


def make(hub: LocalHub, files: list[str]) -> None:
    """Put the repos that these files read on a running Hub.

    That is done by a client of its own: this process may have its client set up otherwise.
    """
    with TemporaryDirectory() as home:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        token = hub.add_user("samples", orgs=tuple({*_NAMESPACES, *shelf.NAMESPACES}))
        client = hub.environment() | {"HF_TOKEN": token, "HF_HOME": home, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        subprocess.run([sys.executable, "-m", "witness.samples", *files], env=kept | client, check=True)


def _upload(
    api: HfApi, repo: str, files: dict[str, bytes], revision: str | None = None, repo_type: str | None = None
) -> None:
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(repo, operations, commit_message="Add files", revision=revision, repo_type=repo_type)


def _main() -> None:
    api = HfApi()
    if "test_hf_api.py" in sys.argv:
        shelf.make(api)
    config, card = b'{"model_type": "roberta"}\n', b"---\nlicense: mit\n---\n# GPT-2\n"
    models: dict[str, dict[str, bytes]] = {
        "julien-c/dummy-unknown": {
            "config.json": config,
            "README.md": card,
            "merges.txt": b"a b\n",
            "pytorch_model.bin": os.urandom(65074),
        },
        "hf-internal-testing/hfh-cache-layout": {"file_0.txt": b"File 0\n", "file_1.txt": b"File 1\n"},
        "hf-internal-testing/dummy-will-be-renamed": {"config.json": config},
        "celinah/dummy-xet-testing": {"dummy.safetensors": os.urandom(2**20)},
        "openai-community/gpt2": {"README.md": card},
    }
    for repo, files in models.items():
        api.create_repo(repo)
        _upload(api, repo, files)
    api.create_pull_request("julien-c/dummy-unknown", title="Change")
    for number in (2, 3):
        layout, branch = "hf-internal-testing/hfh-cache-layout", f"file-{number}"
        api.create_branch(layout, branch=branch)
        _upload(api, layout, {f"file_{number}.txt": b"File %d\n" % number}, revision=branch)
    api.move_repo("hf-internal-testing/dummy-will-be-renamed", "hf-internal-testing/dummy-renamed")
    space = "multimodalart/dreambooth-training"
    api.create_repo(space, repo_type="space", space_sdk="gradio")
    _upload(api, space, {"README.md": b"---\ntitle: Dreambooth Training\nsdk: gradio\n---\n"}, repo_type="space")


if __name__ == "__main__":
    _main()
