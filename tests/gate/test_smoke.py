"""`hubver smoke` on real models: those that answer, and each way in which one does not."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from histories import Repo
from pydantic import SecretStr

from hubver.channel_settings import ChannelSettings
from hubver.cli.main import run
from hubver.errors import BadInput, HarnessFailed, HubFailed, NotFound
from hubver.gate.running import child
from hubver.gate.running.runner import run_smoke
from hubver.hub.client import Hub
from hubver.hub.contents import Upload
from hubver.localhub import Answer, LocalHub
from hubver.pins import resolve
from hubver.publish import push
from hubver.release import promote
from hubver.settings import Settings
from hubver.smoke import asking, smoke

pytestmark = [
    pytest.mark.slow,
    # PEFT 0.21 still reads a name that transformers 5.23 deprecates.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing. is deprecated:FutureWarning"),
]

ADAPTER, BASE = "acme/router", "acme/base"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


@pytest.fixture(scope="module")
def served(tiny, tmp_path_factory):
    """A Hub with a base, and an adapter on it in production."""
    root = tmp_path_factory.mktemp("smoke")
    with LocalHub(root / "hub") as hub:
        settings = Settings(endpoint=hub.url, token=hub.token, root=root)
        push(tiny.base, BASE, settings=settings)
        folder = shutil.copytree(tiny.adapter("two", seed=2), root / "adapter")
        config = json.loads((folder / "adapter_config.json").read_text())
        (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": BASE}))
        for name in TOKENIZER:
            shutil.copy(tiny.base / name, folder)
        push(folder, ADAPTER, settings=settings)
        promote(f"{ADAPTER}@v1.0.0", override="first", settings=settings)
        repo = Repo(Hub.of(settings), settings, ADAPTER)
        repo.local = hub
        yield repo


@pytest.fixture
def here(in_this_process):
    """The child's work in this process, where torch is loaded already."""


@pytest.fixture
def project(served, tmp_path):
    """A project without smoke tests, and the settings that it has."""
    return served.settings.model_copy(update={"root": tmp_path})


def in_production(served):
    return served.refs().branches["production"]


def commit(served, repo_id, files, delete=()):
    """A commit on main with some files of it changed; its sha."""
    uploads = [Upload(name, data, sha256(data).hexdigest()) for name, data in files.items()]
    parent = served.hub.refs(repo_id).branches["main"]
    return served.hub.commit(repo_id, uploads, delete=delete, title="broken", description="", parent=parent)[0]


def write_tests(project, body):
    (project.root / "smoke").mkdir()
    (project.root / "smoke" / "test_smoke.py").write_text(body)


def test_what_is_in_production_answers(served, project, here):
    lines = []
    found = smoke(ADAPTER, at=in_production(served), settings=project, progress=lines.append)
    assert (found.passed, found.problems, found.tests) == (True, (), None)
    assert (found.repo_id, found.revision, found.version) == (ADAPTER, "production", "v1.0.0")
    assert found.sha == in_production(served)
    assert found.answered.text.strip()
    assert found.answered.load_seconds > 0
    assert found.answered.answer_seconds > 0
    assert [line.split()[0] for line in lines if not line.startswith("hubver")][:2] == ["resolving", "fetching"]


def test_another_commit_than_expected_is_a_no_and_nothing_is_loaded(served, project, monkeypatch):
    monkeypatch.setattr("hubver.smoke.verb._PAUSES_S", (0.0,))
    for target in (ADAPTER, f"{ADAPTER}@v1.0.0", f"{ADAPTER}@v9.9.9"):
        found = smoke(target, at="b" * 40, settings=project)
        assert not found.passed
        assert found.answered is None
        assert found.problems[0].endswith("and should be at bbbbbbbb.")


def test_a_channel_is_followed_to_where_it_lives(served, project, here):
    channels = {"staging": ChannelSettings(repo=ADAPTER), "canary": ChannelSettings()}
    settings = project.model_copy(update={"channels": channels})
    served.hub.create_branch(ADAPTER, "staging", at=in_production(served))
    try:
        found = smoke("acme/training", channel="staging", settings=settings)
    finally:
        served.hub.delete_branch(ADAPTER, "staging")
    assert (found.passed, found.repo_id, found.revision) == (True, ADAPTER, "staging")
    with pytest.raises(NotFound):
        smoke(ADAPTER, channel="canary", settings=settings)
    with pytest.raises(BadInput, match="names a revision"):
        smoke(f"{ADAPTER}@v1.0.0", channel="staging", settings=settings)


@pytest.mark.parametrize("token", ["read", None])
def test_no_right_to_write_is_needed(served, project, here, token):
    secret = SecretStr(served.local.add_user("reader", orgs=("acme",), write=False)) if token else None
    before = [served.hub.refs(repo) for repo in (ADAPTER, BASE)]
    assert smoke(ADAPTER, settings=project.model_copy(update={"token": secret})).passed
    assert [served.hub.refs(repo) for repo in (ADAPTER, BASE)] == before


def nan_weights(served, _folder):
    from safetensors.torch import load, save

    sha = in_production(served)
    tensors = load(served.hub.read(ADAPTER, sha, "adapter_model.safetensors"))
    broken = {name: tensor * float("nan") for name, tensor in tensors.items()}
    return commit(served, ADAPTER, {"adapter_model.safetensors": save(broken, {"format": "pt"})})


def cut_weights(served, _folder):
    whole = served.hub.read(ADAPTER, in_production(served), "adapter_model.safetensors")
    return commit(served, ADAPTER, {"adapter_model.safetensors": whole[: len(whole) // 2]})


def no_record(served, _folder):
    return commit(served, ADAPTER, {}, delete=["hubver.json"])


def broken_configuration(served, _folder):
    return commit(served, ADAPTER, {"adapter_config.json": b"{"})


def base_without_commit(served, _folder):
    config = json.loads(served.hub.read(ADAPTER, in_production(served), "adapter_config.json"))
    return commit(served, ADAPTER, {"adapter_config.json": json.dumps(config | {"revision": None}).encode()})


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (nan_weights, "numbers that are none"),
        (cut_weights, "cannot be loaded and asked: SafetensorError"),
        (no_record, "has no hubver.json"),
        (broken_configuration, "does not name a base model"),
        (base_without_commit, "does not say which commit of its base"),
    ],
)
def test_a_revision_that_cannot_answer_is_a_no_that_says_why(served, project, here, tmp_path, broken, words):
    sha = broken(served, tmp_path)
    write_tests(project, "def test_never(): raise AssertionError")
    found = smoke(f"{ADAPTER}@{sha}", settings=project)
    # What is broken goes again, so that the next one breaks something else.
    served.hub.create_branch(ADAPTER, "main", at=in_production(served), move=True)
    assert not found.passed
    assert words in found.problems[0]
    assert found.tests is None


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("generation_config.json", "its answer to each of 3 prompts is empty"),
        ("config.json", "cannot be loaded and asked: "),
    ],
    ids=["says nothing", "wants its code run"],
)
def test_a_whole_model_that_does_not_answer(served, project, here, tmp_path, file, words):
    mark = tmp_path / "executed"
    first = served.hub.refs(BASE).branches["main"]
    config = json.loads(served.hub.read(BASE, first, "config.json"))
    code = f"open({str(mark)!r}, 'w').close()\nclass Own: pass\n"
    changed = {
        "generation_config.json": {"eos_token_id": 1, "suppress_tokens": [n for n in range(config["vocab_size"]) if n != 1]},
        "config.json": config | {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}},
    }  # fmt: skip
    sha = commit(served, BASE, {file: json.dumps(changed[file]).encode(), "own.py": code.encode()})
    found = smoke(f"{BASE}@{sha}", settings=project)
    served.hub.create_branch(BASE, "main", at=first, move=True)
    assert not found.passed
    assert words in found.problems[0]
    assert not mark.exists()


SEES = """
import pytest
def test_answers(candidate):
    assert candidate.sha == {sha!r}
    assert candidate.generate(["hello"], max_new_tokens=2)[0] != {wrong!r}
@pytest.mark.skip(reason="not today")
def test_other(): pass
"""


@pytest.mark.parametrize(
    ("body", "passed", "words"),
    [
        (SEES, 1, None),
        (SEES.replace("sha ==", "sha !="), 0, "test_answers failed in call"),
        ("", 0, "There is no smoke test in the folder"),
        ("import pytest\n@pytest.mark.skip\ndef test_a(): pass\n", 0, "None of 1 smoke tests ran to its end"),
        ("import pytest\n@pytest.mark.xfail\ndef test_a(): assert 0\n", 0, "None of 1 smoke tests ran to its end"),
        ("def test_a(candidate): pass\ndef test_b(): assert 0\n", 1, "test_b failed in call"),
        (
            "import pytest\n@pytest.fixture\ndef a():\n    yield\n    1 / 0\ndef test_a(a): pass\n",
            0,
            "failed in teardown",
        ),
        ("import pytest\ndef test_a(): pass\ndef test_b(): pytest.exit('enough')\n", 1, "before all smoke tests had"),
    ],
    ids=["passes", "fails", "no test", "all skipped", "expected to fail", "one fails", "breaks after", "stops"],
)
def test_the_project_s_smoke_tests_ask_exactly_that_commit(served, project, here, body, passed, words):
    write_tests(project, body.replace("{sha!r}", repr(in_production(served))).replace("{wrong!r}", "None"))
    before = served.refs()
    pinned = resolve(f"{ADAPTER}@{in_production(served)}", settings=project)
    found = run_smoke(project, pinned, project.root / "smoke")
    assert found.passed == passed
    assert (not found.problems) == (words is None), found.problems
    assert words is None or words in found.problems[-1]
    assert served.refs() == before  # no verdict, and no line in the ledger


def test_a_smoke_test_that_fails_is_a_no(served, project, here):
    write_tests(project, "def test_a(candidate): assert candidate.sha is None\n")
    lines = []
    found = smoke(ADAPTER, settings=project, progress=lines.append)
    assert found.answered.text.strip()
    assert not found.passed
    assert "test_a failed in call" in found.problems[0]
    assert "running the smoke tests in smoke/" in lines


def test_smoke_tests_that_cannot_be_read_are_wrong_input(served, project, here):
    write_tests(project, "import nothing_of_this_name\n")
    with pytest.raises(BadInput, match="cannot be collected"):
        smoke(ADAPTER, settings=project)
    with pytest.raises(BadInput, match="no folder of smoke tests"):
        smoke(ADAPTER, tests=project.root / "missing", settings=project)


@pytest.mark.parametrize("path", ["/api/models/*", "*/resolve/*"])
def test_a_hub_that_fails_is_no_no(served, project, here, path, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    served.local.faults.add("*", path, Answer(429), times=None)
    try:
        with pytest.raises(HubFailed):
            smoke(ADAPTER, settings=project)
    finally:
        served.local.faults.clear()


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ({"kind": "hub", "fact": "no answer", "hint": None}, HubFailed),
        ({"kind": "input", "fact": "no package", "hint": None}, BadInput),
        ({"kind": "machine", "fact": "out of memory", "hint": None}, HarnessFailed),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_what_is_not_the_revision_s_fault_is_no_no(found, error):
    with pytest.raises(error):
        asking.understood(found)


def test_a_child_that_is_killed_is_no_no(served, project, monkeypatch):
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    real = child.run
    monkeypatch.setattr(child, "run", lambda command, *more: real([*command[:1], "-c", killed], *more))
    with pytest.raises(HarnessFailed, match="ended by SIGKILL"):
        smoke(ADAPTER, settings=project)


def test_the_guide_to_releases_does_what_it_says(served, project, here, monkeypatch, capsys):
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "releases.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    (body,) = [body for kind, body in blocks if kind == "python" and "def test_" in body]
    write_tests(project, body)
    monkeypatch.chdir(project.root)
    for name, value in served.local.environment().items():
        monkeypatch.setenv(name, value)
    lines = [line[2:] for kind, body in blocks if kind == "console" for line in body.splitlines()]
    commands = [line for line in lines if line.startswith("hubver smoke")]
    assert len(commands) == 2
    for command in commands:
        assert run(shlex.split(command)[1:]) == 0, capsys.readouterr()
    out = capsys.readouterr().out
    assert "acme/router@production (v1.0.0, " in out
    assert '"prompt": "Where is my parcel?"' in out


def test_the_command_says_yes_and_no_of_a_process_of_its_own(served, project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    for name, value in served.local.environment().items():
        monkeypatch.setenv(name, value)
    assert run(["smoke", ADAPTER, "--at", in_production(served), "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["passed"] is True
    assert told["tests"] is None
    assert "loading acme/router" in err
    assert run(["smoke", ADAPTER, "--at", "b" * 40]) == 1
    out, err = capsys.readouterr()
    assert "does not answer as it should" in out
    assert "hf_" not in out + err
    assert run(["smoke", ADAPTER, "--at", "bbbb"]) == 2
