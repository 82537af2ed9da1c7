"""Repos to list, filter and describe, as far as the tests of `test_hf_api.py` tell what huggingface.co has of them."""

from __future__ import annotations

import json
import struct
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi

NAMESPACES = (
    *("HuggingFaceBR4", "HuggingFaceH4", "albert", "black-forest-labs", "facebook", "huggingface"),
    *("huggingface-hub-ci", "julien-c", "lhoestq", "muellerzr", "open-llm-leaderboard", "openai", "openchat"),
    *("samples", "zai-org"),
)
_DATASET_CARD: dict[str, Any] = {
    "language": ["en", "fr"],
    "language_creators": ["crowdsourced"],
    "multilinguality": ["multilingual"],
    "size_categories": ["100K<n<1M"],
    "task_categories": ["audio-classification"],
    "task_ids": ["natural-language-inference"],
    "tags": ["fiftyone"],
}
_BERT: dict[str, Any] = {"tags": ["bert", "jax", "adapter-transformers"], "language": "fr", "co2_eq_emissions": 7}
_CARDS: dict[str, dict[str, dict[str, Any]]] = {
    "model": {
        **{f"samples/bert-{number}": _BERT for number in range(12)},
        "albert/albert-base-v2": {"pipeline_tag": "fill-mask"},
        "facebook/bart-base": {},
        "facebook/bart-large": {},
        "HuggingFaceBR4/llama": {"tags": ["tensorboard"]},
        "muellerzr/model": {},
        "zai-org/GLM-5.2": {},
    },
    "dataset": {
        **{f"samples/wikipedia-{number}": {"license": "mit"} for number in range(6)},
        "samples/varied": _DATASET_CARD,
        "HuggingFaceH4/no_robots": {},
        "huggingface/DataMeasurementsFiles": {},
        "lhoestq/custom_squad": {},
        "openai/gsm8k": {},
    },
    "space": {
        **{f"julien-c/space-{number}": {} for number in range(11)},
        "samples/wikipedia": {"models": ["bert-base-uncased"], "datasets": ["wikipedia"]},
        "black-forest-labs/FLUX.1-dev": {"models": ["black-forest-labs/FLUX.1-dev"]},
        "HuggingFaceH4/zephyr-chat": {},
        "open-llm-leaderboard/open_llm_leaderboard": {},
    },
}
_SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def make(api: HfApi) -> None:
    """Put the repos on a Hub by a client that may write in `NAMESPACES`."""
    for kind, cards in _CARDS.items():
        for repo, card in cards.items():
            api.create_repo(repo, repo_type=kind, space_sdk="static" if kind == "space" else None)
            _commit(api, repo, {"README.md": b"---\n%s\n---\n" % json.dumps(card).encode()}, repo_type=kind)
    api.update_repo_settings("facebook/bart-large", gated="auto")
    api.update_repo_settings("samples/varied", gated="manual", repo_type="dataset")
    for number in range(12):
        _commit(api, f"samples/bert-{number}", {"config.json": b'{"model_type": "bert"}'})
    _commit(api, "lhoestq/custom_squad", {"data.bin": b"\0" * 100}, repo_type="dataset")
    for number in range(51):
        api.create_discussion(
            "open-llm-leaderboard/open_llm_leaderboard", title=f"Question {number}", repo_type="space"
        )
    api.create_repo("openchat/openchat_3.5")
    for title in ("Better", "Best"):
        api.create_pull_request("openchat/openchat_3.5", title=title)
    _make_weights(api)


def _make_weights(api: HfApi) -> None:
    index: dict[str, dict[str, Any]] = {
        "metadata": {"total_size": 8},
        "weight_map": dict(zip(("a", "b"), _SHARDS, strict=True)),
    }
    files = {name: _weights(tensor) for tensor, name in index["weight_map"].items()}
    files |= {
        "model.safetensors.index.json": json.dumps(index).encode(),
        "pytorch_model-00001-of-00008.bin": b"\0" * 99,
    }
    api.create_repo("HuggingFaceH4/zephyr-7b-beta")
    _commit(api, "HuggingFaceH4/zephyr-7b-beta", files)
    api.create_repo("huggingface-hub-ci/test_safetensors_metadata")
    weights = {"model.safetensors": _weights("a")}
    _commit(api, "huggingface-hub-ci/test_safetensors_metadata", weights, create_pr=True)


def _weights(tensor: str) -> bytes:
    header = json.dumps({tensor: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def _commit(api: HfApi, repo: str, files: dict[str, bytes], **more: Any) -> None:
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(repo, operations, commit_message="Add files", **more)
