"""Real trainings, each with one thing changed: every pair of them is told apart by exactly what changed."""

from __future__ import annotations

import json
import os
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi
from road import python
from safetensors.numpy import load_file, save_file
from stock_git import Git

from hubver.demo import tickets
from hubver.diff.difference import difference, show
from hubver.publish import push
from hubver.settings import Settings

pytestmark = pytest.mark.slow

REPO, BASE = "acme/router", "acme/base"
FACTOR = {
    "baseline": None,
    "data": "data",
    "seed": "seed",
    "rank": "adapter",
    "tokenizer": "tokenizer",
    "base": "base",
    "dirty": "code",
}


@pytest.fixture(scope="module")
def variants(tmp_path_factory, tiny_base):
    """All of them on a Hub: the settings, and the tag of each."""
    from hubver.localhub import LocalHub

    root = tmp_path_factory.mktemp("variants")
    with LocalHub(root / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        commits = _two_commits(api, tiny_base, root / "base")
        plan = _plan(root, commits, _other_tokenizer(tiny_base, root / "tokenizer"))
        script = _repository(root / "code")
        env = {**hub.environment(), "HF_HOME": str(root / "cache"), "PYTHONPATH": os.pathsep.join(_packages())}
        done = python(str(script), str(plan), cwd=script.parent, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        settings = Settings(endpoint=hub.url, token=hub.token)
        tags = {name: push(plan.parent / name, REPO, settings=settings).tag for name in FACTOR}
        yield settings, tags


def _packages() -> list[str]:
    import hubver

    return [str(Path(hubver.__file__).parents[1])]


def _two_commits(api: HfApi, base: Path, folder: Path) -> list[str]:
    """The base's commit, and another one whose weights differ a little."""
    shutil.copytree(base, folder)
    api.create_repo(BASE)
    first = api.upload_folder(repo_id=BASE, folder_path=folder).oid
    weights = folder / "model.safetensors"
    tensors = {name: value * np.float32(1.001) for name, value in load_file(weights).items()}
    save_file(tensors, weights, metadata={"format": "pt"})
    return [first, api.upload_folder(repo_id=BASE, folder_path=folder).oid]


def _other_tokenizer(base: Path, folder: Path) -> Path:
    """One that knows fewer merges, so that the same texts become other tokens."""
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, folder / name)
    words = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    words["model"]["merges"] = words["model"]["merges"][:300]
    (folder / "tokenizer.json").write_text(json.dumps(words), encoding="utf-8")
    return folder


def _plan(root: Path, commits: list[str], tokenizer: Path) -> Path:
    folder = root / "runs"
    folder.mkdir()
    for name, rows in (("data", 64), ("other", 48)):
        texts = [{"prompt": row["prompt"], "completion": row["completion"]} for row in tickets.rows(rows, name)]
        (folder / f"{name}.jsonl").write_text(tickets.jsonl(texts), encoding="utf-8")
    usual = {
        "base": BASE,
        "tokenizer": BASE,
        "revision": commits[0],
        "data": str(folder / "data.jsonl"),
        "seed": 0,
        "rank": 4,
        "dirty": False,
    }
    # The code is dirty from its run on, so that one is the last.
    runs = {
        "baseline": usual,
        "data": {**usual, "data": str(folder / "other.jsonl")},
        "seed": {**usual, "seed": 1},
        "rank": {**usual, "rank": 8},
        "tokenizer": {**usual, "tokenizer": str(tokenizer)},
        "base": {**usual, "revision": commits[1]},
        "dirty": {**usual, "dirty": True},
    }
    plan = folder / "plan.json"
    plan.write_text(json.dumps(runs))
    return plan


def _repository(folder: Path) -> Path:
    folder.mkdir()
    script = folder / "train.py"
    shutil.copy(Path(__file__).with_name("variants.py"), script)
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "Train")):
        Git(folder)(*command)
    return script


@pytest.mark.parametrize(("one", "other"), list(combinations(FACTOR, 2)), ids=str)
def test_exactly_what_changed_is_named(variants, one, other):
    settings, tags = variants
    found = difference(f"{REPO}@{tags[one]}", tags[other], settings=settings)
    expected = {FACTOR[name] for name in (one, other)} - {None}
    assert set(found.factors.changed) == expected, [change for change in found.changes if change.standing == "cause"]
    assert found.factors.unknown == ()


def test_one_factor_is_said_in_a_sentence(variants):
    settings, tags = variants
    found = difference(f"{REPO}@{tags['baseline']}", tags["data"], settings=settings)
    assert found.summary == "One factor changed: data."
    assert "steps 8 → 6" in [change.sentence for change in found.changes if change.standing == "consequence"]
    assert found.next.bump == "minor"


def test_what_applications_must_follow_is_major(variants):
    settings, tags = variants
    bumps = {
        name: difference(f"{REPO}@{tags['baseline']}", tags[name], settings=settings).next.bump
        for name in FACTOR
        if name != "baseline"
    }
    assert {name for name, bump in bumps.items() if bump == "major"} == {"tokenizer", "base"}
    assert {bump for name, bump in bumps.items() if name not in {"tokenizer", "base"}} == {"minor"}


def test_ranks_are_those_of_the_tensors(variants):
    settings, tags = variants
    found = difference(f"{REPO}@{tags['baseline']}", tags["rank"], weights=True, settings=settings)
    assert (found.weights.a.ranks, found.weights.b.ranks) == ((4,), (8,))
    assert found.weights.a.targets == ("q_proj", "v_proj")
    assert found.contradictions == ()
    assert -1.0 < found.weights.cosine < 1.0
    assert show(f"{REPO}@{tags['rank']}", weights=True, settings=settings).weights.ranks == (8,)
