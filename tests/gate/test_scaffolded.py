"""What `hubver init` writes, run as it is: gates, smoke test, the shell's way and GitLab's, with models that answer."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml
from oidc_issuer import Issuer
from on_path import OnPath
from scaffolds import UsersProject, checkout, git, lines, tickets

from hubver.errors import Refused
from hubver.hub.client import Hub
from hubver.localhub import Answer, LocalHub, Publisher, Trust
from hubver.publish import push
from hubver.release import promote
from hubver.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    # PEFT 0.21 still reads a name that transformers 5.23 deprecates.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing. is deprecated:FutureWarning"),
]

MODEL = "acme/router"
GITLAB = "https://gitlab.com"
GITLAB_CLAIMS = {"project_path": "acme/router-training", "ref_type": "branch", "ref": "main"}
GOOD, DEAD, BETTER = "v1.0.0", "v1.1.0", "v1.2.0"


@pytest.fixture(scope="module")
def pushed(tiny, tmp_path_factory) -> Path:
    """A Hub's folder with a base, and three runs: one, one whose adapter changes nothing, and another one."""
    root = tmp_path_factory.mktemp("scaffolded")
    with LocalHub(root / "hub") as hub:
        settings = Settings(endpoint=hub.url, token=hub.token, root=root)
        push(tiny.base, "acme/base", settings=settings)
        for version, kind in ((GOOD, {"seed": 2}), (DEAD, {"seed": 3, "dead": True}), (BETTER, {"seed": 4})):
            folder = shutil.copytree(tiny.adapter(f"run-{version}", **kind), root / version)
            config = json.loads((folder / "adapter_config.json").read_text())
            (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "acme/base"}))
            for name in ("tokenizer.json", "tokenizer_config.json"):
                shutil.copy(tiny.base / name, folder)
            push(folder, MODEL, version=version, settings=settings)
    return root / "hub"


@pytest.fixture(scope="module")
def gitlab() -> Issuer:
    return Issuer(GITLAB)


@pytest.fixture
def hub(pushed, gitlab, tmp_path):
    """It trusts what `hubver init` says is to be trusted of a project on GitLab."""
    trust = Trust([Publisher(MODEL, GITLAB_CLAIMS, GITLAB)], {GITLAB: gitlab.jwks})
    with LocalHub(shutil.copytree(pushed, tmp_path / "hub"), trust=trust) as running:
        yield running


@pytest.fixture
def mine(in_this_process, tmp_path, monkeypatch, capsys) -> UsersProject:
    # After `in_this_process`, which goes into a folder of its own.
    root = checkout(tmp_path / "router-training")
    monkeypatch.chdir(root)
    return UsersProject(root, capsys)


@pytest.fixture
def on_path(tmp_path, in_this_process, capsys, monkeypatch):
    programs = OnPath(tmp_path / "bin", capsys, monkeypatch)
    yield programs
    programs.close()


@pytest.fixture
def release(mine, hub, on_path):
    """Runs the written release.sh as its user does."""

    def run(revision: str):
        on_path.calls.clear()
        return on_path.run(["./release.sh", revision], mine.root, hub.environment())

    return run


def in_production(hub) -> str | None:
    """The version that is in production, as its tag says."""
    refs = Hub(hub.url).refs(MODEL)
    sha = refs.branches.get("production")
    return next((tag for tag in (GOOD, DEAD, BETTER) if sha is not None and refs.tags[tag] == sha), None)


SICK = "def test_it_answers(candidate):\n    assert False\n"


def test_in_a_shell_from_the_first_candidate_to_a_rollback(mine, hub, release, on_path):
    mine.done("--model", MODEL, "--ci", "shell")

    def called() -> list[str]:
        return [call[0] for call in on_path.calls]

    first = release(GOOD)
    assert first.returncode == 0, first.stdout
    assert (in_production(hub), called()) == (GOOD, ["resolve", "gate", "promote", "smoke"])

    refused = release(DEAD)
    assert refused.returncode == 1, refused.stdout
    assert (in_production(hub), called()) == (GOOD, ["resolve", "gate"])

    (mine.root / "smoke" / "test_smoke.py").write_text(SICK)
    there = release(GOOD)
    assert there.returncode == 0, there.stdout
    assert "is in production already" in there.stdout
    assert (in_production(hub), called()) == (GOOD, ["resolve", "gate", "promote"])

    sick = release(BETTER)
    assert sick.returncode == 1, sick.stdout
    assert (in_production(hub), called()) == (GOOD, ["resolve", "gate", "promote", "smoke", "rollback"])
    with pytest.raises(Refused, match="quarantine"):
        promote(f"{MODEL}@{BETTER}", settings=Settings(endpoint=hub.url, token=hub.token))


def test_in_a_shell_what_nobody_could_look_at_stays_and_is_said(mine, hub, release, on_path):
    mine.done("--model", MODEL, "--ci", "shell")
    on_path.before["smoke"] = lambda: hub.faults.add("*", "/api/*", Answer(429), times=None)
    done = release(GOOD)
    hub.faults.clear()
    assert done.returncode == 3, done.stdout
    assert "nobody could see whether it answers" in done.stdout
    assert [call[0] for call in on_path.calls] == ["resolve", "gate", "promote", "smoke"]
    assert in_production(hub) == GOOD


def test_in_a_shell_without_a_revision_or_a_hub_nothing_moves(mine, hub, release, on_path):
    mine.done("--model", MODEL, "--ci", "shell")
    assert release("").returncode == 2
    assert release("v9.9.9").returncode == 2
    assert on_path.calls == [["resolve", f"{MODEL}@v9.9.9", "--json"]]
    assert in_production(hub) is None


def test_gates_for_examples_are_asked_in_parts_and_judged_together(mine, hub, release, on_path, tmp_path):
    rows = tmp_path / "held-out.jsonl"
    rows.write_text(lines(*tickets()))
    mine.done("--model", MODEL, "--ci", "shell", "--shards", "2", "--examples", str(rows))
    done = release(GOOD)
    assert done.returncode == 1, "a random model routes no ticket"
    assert [call[2:4] for call in on_path.calls if call[0] == "gate"][:2] == [["--shard", "1/2"], ["--shard", "2/2"]]
    report = json.loads((mine.root / "gate-report.json").read_text())
    assert {result["policy"] for result in report["gates"]} == {"alive", "floor", "no_regression", "worst_slice"}
    assert {result["outcome"] for result in report["gates"] if result["policy"] == "alive"} == {"pass"}
    assert report["outcome"] in ("fail", "inconclusive")


class GitLab:
    """Runs the script lines of a pipeline's jobs in a checkout of each, in the order of their stages."""

    def __init__(self, project: UsersProject, hub: LocalHub, on_path: OnPath, issuer: Issuer, number: int = 7) -> None:
        text = (project.root / ".gitlab-ci.yml").read_text()
        assert " HF_ENDPOINT=https://huggingface.co " in text
        self._text = text.replace(" HF_ENDPOINT=https://huggingface.co ", f" HF_ENDPOINT={hub.url} ")
        self.header, self.jobs = yaml.safe_load_all(self._text)
        self._project, self._hub, self._on_path, self._issuer = project, hub, on_path, issuer
        self.reported: dict[str, str] = {}
        self._number = number

    def begin(self, revision: str) -> None:
        """A new pipeline. What it is given becomes part of its text, as in GitLab."""
        assert re.fullmatch(self.header["spec"]["inputs"]["revision"]["regex"], revision)
        _, self.jobs = yaml.safe_load_all(self._text.replace("$[[ inputs.revision ]]", revision))

    def job(self, name: str, **more: str) -> int:
        """Run one, but for what installs hubver; its exit code. What it reports goes on to those after it."""
        merged: dict = {}
        own = self.jobs[name]
        extends = own.get("extends", [])
        for each in [*([extends] if isinstance(extends, str) else extends), name]:
            part = self.jobs[each]
            merged = {**merged, **part}
        pipeline = f"{GITLAB}/acme/router-training/-/pipelines/{self._number}"
        env = {**more, "CI_PIPELINE_URL": pipeline, **self.reported}
        for variable, token in merged.get("id_tokens", {}).items():
            assert token == {"aud": "https://huggingface.co"}
            env[variable] = self._issuer.mint(self._hub.url, **GITLAB_CLAIMS)
        done = self._on_path.run(
            ["bash", "-ec", "\n".join([merged["before_script"][0], *merged["script"]])], self._project.root, env
        )
        self.said = done.stdout
        report = merged.get("artifacts", {}).get("reports", {}).get("dotenv")
        if report:
            self.reported |= dict(line.split("=", 1) for line in (self._project.root / report).read_text().split())
        return done.returncode


def test_in_gitlab_the_same_commands_and_a_token_only_where_something_is_written(mine, hub, on_path, gitlab):
    done = mine.done("--model", MODEL, "--ci", "gitlab", "--shards", "2")
    assert done["clicks"][0]["fields"] == GITLAB_CLAIMS
    promote(f"{MODEL}@{GOOD}", override="first", settings=Settings(endpoint=hub.url, token=hub.token))
    pipeline = GitLab(mine, hub, on_path, gitlab)
    assert [name for name, job in pipeline.jobs.items() if ".writes" in str(job)] == ["verdict", "promote", "rollback"]
    # What a token that is stored may be scoped to: no job that loads a model is in either.
    environments = {name: job["environment"] for name, job in pipeline.jobs.items() if "environment" in job}
    assert environments == {".writes": {"name": "hubver/writes", "action": "access"}, "promote": "production"}
    pipeline.begin(BETTER)
    # Whoever starts a pipeline may have a right to give it variables. None of them says what is done to which model.
    others = {
        "model": "acme/evil",
        "HF_OIDC_RESOURCE": "acme/evil",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "CANDIDATE": "0" * 40,
    }
    assert pipeline.job("plan", **others) == 0, pipeline.said
    for index in ("1", "2"):
        assert pipeline.job("shard", **others, CI_NODE_INDEX=index, CI_NODE_TOTAL="2") == 0, pipeline.said
    # The promotion is run again, as after a runner that died: it was this pipeline that promoted, still.
    for name in ("verdict", "promote", "promote", "smoke", "gates"):
        assert pipeline.job(name, **others) == 0, pipeline.said
    assert in_production(hub) == BETTER
    called = [call[0] for call in on_path.calls]
    assert called == ["resolve", "gate", "gate", "gate", "promote", "log", "promote", "log", "smoke", "gate"]

    (mine.root / "smoke" / "test_smoke.py").write_text(SICK)
    other = GitLab(mine, hub, on_path, gitlab, number=8)
    other.begin(BETTER)
    assert [other.job(name) for name in ("plan", "promote", "smoke", "rollback")] == [0, 0, 1, 0], other.said
    assert "This pipeline promoted nothing" in other.said
    assert in_production(hub) == BETTER

    assert pipeline.job("smoke") == 1
    for told in ({"SMOKE": "3"}, {"PROMOTED": ""}):  # the Hub was down; the promotion was refused
        reported = dict(pipeline.reported)
        pipeline.reported |= told
        assert pipeline.job("rollback", PROMOTED="True", SMOKE="1") == 0, pipeline.said
        assert in_production(hub) == BETTER
        pipeline.reported = reported
    assert pipeline.job("rollback") == 0, pipeline.said
    assert in_production(hub) == GOOD


@pytest.mark.parametrize("extra", ["", "gate"])
def test_in_gitlab_hubver_is_installed_from_its_commit_with_what_that_lists(mine, on_path, tmp_path, extra):
    install = '#!/usr/bin/env bash\nset -euo pipefail\nmkdir -p "$1/bin"\necho "installed ${2:-}"\n'
    source = checkout(tmp_path / "source")
    script = source / ".github" / "actions" / "setup" / "install"
    script.parent.mkdir(parents=True)
    script.write_text(install)
    script.chmod(0o755)
    git(source, "add", ".")
    git(source, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "One")
    commit = git(source, "rev-parse", "HEAD").strip()
    mine.done("--model", MODEL, "--ci", "gitlab", "--pin", f"hubver/hubver@{commit}")
    _, jobs = yaml.safe_load_all((mine.root / ".gitlab-ci.yml").read_text())
    model, fetch, *rest = jobs[".needs-models" if extra else ".hubver"]["before_script"]
    config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{source.as_uri()}.insteadOf"}
    env = {**config, "GIT_CONFIG_VALUE_0": "https://github.com/hubver/hubver", "TMPDIR": str(tmp_path)}
    done = on_path.run(["bash", "-ec", "\n".join([model, *fetch, *rest])], mine.root, env)
    assert done.returncode == 0, done.stdout
    assert done.stdout == f"installed {extra}\n"
