"""How a candidate is judged by several machines, and which are not judged at all."""

from __future__ import annotations

import json

import pytest
from huggingface_hub import CommitOperationAdd
from job_files import said

from hubver.ci.remote_code import modules_of

REPO, BASE = "acme/router", "acme/base"


def upload(repo, repo_id: str, files: dict[str, object], **options) -> str:
    api = repo.hub.api
    api.create_repo(repo_id, exist_ok=True)
    operations = [
        CommitOperationAdd(name, content if isinstance(content, bytes) else json.dumps(content).encode())
        for name, content in files.items()
    ]
    return api.create_commit(repo_id, operations, commit_message="files", **options).oid


@pytest.fixture
def base(repo) -> str:
    return upload(repo, BASE, {"config.json": {"model_type": "llama"}})


def adapter(base: str) -> dict[str, object]:
    return {"adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": BASE, "revision": base}}


def test_a_plan_says_what_the_jobs_need(repo, job, base):
    sha = upload(repo, REPO, adapter(base), create_pr=True)
    repo.hub.create_tag(REPO, "v1.0.0-rc.1", sha)
    assert job.step("plan", f"{REPO}@refs/pr/1", "--shards", 3) == 0
    assert job.outputs == {
        "candidate": sha,
        "version": "v1.0.0-rc.1",
        "pull-request": "1",
        "base": f"{BASE}@{base}",
        "shards": '["1/3","2/3","3/3"]',
        "cache-key": f"hubver-base-{base}",
    }
    assert job.step("plan", f"{REPO}@{sha}", "--json") == 0
    assert json.loads(job.said[0])["shards"] == ["1/1"]


def test_what_everybody_may_read_needs_no_token(repo, job, base):
    sha = upload(repo, REPO, adapter(base))
    repo.hub.create_tag(REPO, "v1.0.0", sha)
    job.monkeypatch.setenv("HF_TOKEN", "")
    job.monkeypatch.setenv("HF_TOKEN_PATH", str(job.root / "none"))
    assert job.settings().token is None
    job.event("schedule")
    assert job.step("candidates", REPO) == 0
    assert json.loads(job.outputs["candidates"])[0]["revision"] == sha
    assert job.step("plan", f"{REPO}@{sha}") == 0


def test_a_hub_that_is_down_is_said(job):
    job.monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for arguments in (["candidates", REPO], ["plan", f"{REPO}@v1.0.0"]):
        assert job.step(*arguments) == 3
        assert job.outputs == {}
        assert "did not answer" in job.summary
        assert "did not answer" in said(job.said[1], "error")


def test_a_model_that_stands_alone_has_no_base_to_keep(repo, job):
    sha = upload(repo, REPO, {"config.json": {"model_type": "llama"}})
    assert job.step("plan", f"{REPO}@{sha}") == 0
    assert (job.outputs["base"], job.outputs["cache-key"]) == ("", "")


CODE = b"open('MARK', 'w').close()\n"
OWN = {"auto_map": {"AutoModelForCausalLM": "modeling_own.Own"}}
REMOTE = {
    "model": ({"config.json": {"model_type": "own", **OWN}, "modeling_own.py": CODE}, "modeling_own"),
    "known model": ({"config.json": {"model_type": "llama", **OWN}}, "modeling_own"),
    "tokenizer": ({"tokenizer_config.json": {"auto_map": {"AutoTokenizer": [None, "a/b--tok.Fast"]}}}, "a/b--tok"),
    "deep": ({"config.json": {"text_config": {"vision": [OWN]}}}, "modeling_own"),
    "trusted by itself": ({"config.json": {"trust_remote_code": True}}, "trust_remote_code"),
    "kernel": ({"config.json": {"attn_implementation": {"text_config": "paged|evil/kernel@main"}}}, "evil/kernel"),
    "of another shape": ({"config.json": {"auto_map": 3}}, "auto_map"),
}


@pytest.mark.parametrize(("files", "named"), REMOTE.values(), ids=REMOTE)
def test_a_candidate_with_code_of_its_own_is_not_judged(repo, job, base, files, named):
    sha = upload(repo, REPO, {**adapter(base), **files})
    assert job.step("plan", f"{REPO}@{sha}") == 1
    assert job.outputs == {}
    assert f"{REPO} at " in job.said[1]
    assert named in job.said[1]
    assert "brings code of its own" in job.summary


def test_a_base_with_code_of_its_own_is_not_judged_unless_the_settings_say_what_to_do(repo, job):
    base = upload(repo, BASE, REMOTE["model"][0])
    sha = upload(repo, REPO, adapter(base))
    assert job.step("plan", f"{REPO}@{sha}") == 1
    assert f"{BASE} at " in job.said[1]
    for chosen in ("ignore", "run"):
        (job.root / "hubver.toml").write_text(f'remote_code = "{chosen}"\n')
        assert job.step("plan", f"{REPO}@{sha}") == 0
    assert not list(job.root.rglob("MARK"))


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff\xfe"], ids=["cut", "deep", "no text"])
def test_what_cannot_be_read_is_not_trusted(repo, job, base, content):
    sha = upload(repo, REPO, {**adapter(base), "config.json": content})
    assert job.step("plan", f"{REPO}@{sha}") == 2
    assert "nobody can tell what loading it runs" in job.said[1]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"auto_map": {}},
        {"auto_map": None},
        {"a": [1, {"b": "auto_map"}]},
        None,
        {"attn_implementation": "sdpa"},
    ],
)
def test_a_configuration_that_asks_for_no_code(value):
    assert list(modules_of(value)) == []
