"""Runs are reproduced from nothing but the Hub, bit for bit; and what was changed is named."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hubver.demo import tickets
from hubver.hub.client import Hub
from hubver.localhub import LocalHub
from hubver.record.schema import RunRecord
from hubver.reproduce.place import Place
from hubver.reproduce.plan import Given
from hubver.reproduce.prepare import prepare
from hubver.reproduce.verb import reproduce
from hubver.settings import Settings

pytestmark = pytest.mark.slow

STRANGER = Path(__file__).parent / "stranger"
QUICK = "--max_steps 3 --use_cpu True --bf16 False --report_to none --save_strategy no --gradient_checkpointing False"


@dataclass(frozen=True)
class World:
    """A Hub with a base model, code and published runs; and folders that nobody has worked in."""

    hub: LocalHub
    folder: Path

    @property
    def api(self) -> HfApi:
        return HfApi(endpoint=self.hub.url, token=self.hub.token)

    def python(self, *words: str, cwd: Path, as_owner: bool) -> subprocess.CompletedProcess[str]:
        """Run Python: the owner has a token and a cache, anybody else has neither."""
        environment = {**os.environ, "HF_ENDPOINT": self.hub.url, "HUBVER_CACHE": str(self.folder / "answers")}
        if as_owner:
            environment |= {**self.hub.environment(), "HF_HOME": str(self.folder / "owners-cache")}
        else:
            environment |= {"HF_HOME": str(cwd / "fresh-cache")}
        return subprocess.run(
            [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    def owner(self, *words: str, cwd: Path) -> None:
        done = self.python(*words, cwd=cwd, as_owner=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def reproduce(self, place: Path, *words: str) -> tuple[int, dict, str]:
        """As somebody who has nothing but the Hub's address."""
        done = self.python("-m", "hubver", "reproduce", *words, "--yes", "--json", cwd=place, as_owner=False)
        assert "Traceback" not in done.stderr.replace("hubver: ", "")
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr

    def record(self, repo_id: str) -> RunRecord:
        hub = Hub.of(Settings(endpoint=self.hub.url))
        return RunRecord.from_bytes(hub.read(repo_id, "v1.0.0", "hubver.json"))


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org", *words], check=True)


def publish_code(world: World, folder: Path, name: str) -> None:
    """A git repository on the Hub, which whoever clones it needs no account for."""
    world.api.create_repo(name)
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "start")
    address = f"{world.hub.url}/{name}"
    git(folder, "push", "-qf", address.replace("://", f"://owner:{world.hub.token}@"), "HEAD:refs/heads/main")
    git(folder, "remote", "add", "origin", address)


def pairs(seed: str) -> str:
    rows = ({**row, "rejected": " none"} for row in tickets.rows(24, seed))
    return "".join(
        json.dumps({"prompt": row["prompt"], "chosen": row["completion"], "rejected": row["rejected"]}) + "\n"
        for row in rows
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory, tiny_base):
    folder = tmp_path_factory.mktemp("world")
    with LocalHub(folder / "hub") as hub:
        made = World(hub, folder)
        made.api.create_repo("acme/tiny-base")
        made.api.upload_folder(repo_id="acme/tiny-base", folder_path=tiny_base)
        yield made


@pytest.fixture(scope="module")
def router(world, demo_project):
    """The demo's own script, with a change that was not committed, published by its callback."""
    project = world.folder / "project"
    shutil.copytree(demo_project, project)
    publish_code(world, project, "acme/router-code")
    with (project / "train.py").open("a", encoding="utf-8") as script:
        script.write("\n# tried late in the evening\n")
    words = "train.py --base acme/tiny-base --data data/tickets.jsonl --output out --steps 10 --push-to acme/router"
    world.owner(*words.split(), cwd=project)
    # The base and the code go on; a reproduction must not notice.
    world.api.upload_file(repo_id="acme/tiny-base", path_in_repo="config.json", path_or_fileobj=b"{}")
    git(project, "commit", "-qam", "another day")
    return "acme/router@v1.0.0"


@pytest.fixture(scope="module")
def preferred(world, tiny_base):
    """A stranger's module: HfArgumentParser, DPO, a file of pairs, the output far from the code."""
    project = world.folder / "stranger"
    shutil.copytree(STRANGER, project)
    (project / "data").mkdir()
    (project / "data" / "pairs.jsonl").write_text(pairs("pairs"), encoding="utf-8")
    publish_code(world, project, "acme/preferences-code")
    world.api.create_repo("acme/other-base")
    world.api.upload_folder(repo_id="acme/other-base", folder_path=tiny_base)
    out = world.folder / "far" / "away"
    words = f"-m training.dpo --model_name_or_path acme/other-base --pairs data/pairs.jsonl --output_dir {out} --seed 3"
    world.owner(*words.split(), *QUICK.split(), cwd=project)
    world.owner("-m", "hubver", "push", str(out), "acme/preferred", cwd=project)
    return "acme/preferred@v1.0.0"


@pytest.fixture(scope="module")
def alone(world, tiny_base):
    """A stranger's one file in no repository: argparse, the plain Trainer, all weights trained."""
    project = world.folder / "alone"
    project.mkdir()
    shutil.copy(STRANGER / "sft.py", project)
    (project / "pairs.jsonl").write_text(pairs("pairs"), encoding="utf-8")
    world.api.create_repo("acme/third-base")
    world.api.upload_folder(repo_id="acme/third-base", folder_path=tiny_base)
    words = "sft.py --model acme/third-base --file pairs.jsonl --threads 1"
    world.owner(*words.split(), cwd=project)
    world.owner("-m", "hubver", "push", "result", "acme/alone", cwd=project)
    return "acme/alone@v1.0.0"


def tasks(folder: Path) -> None:
    """A project with one task that tells any two models apart, and one that tells few."""
    (folder / "hubver.toml").write_text(
        '[tasks.weighed]\nkind = "perplexity"\nrows = "rows.jsonl"\ntext = "{prompt}{completion}"\n'
        '[tasks.told]\nrows = "rows.jsonl"\nmax_new_tokens = 4\n',
        encoding="utf-8",
    )
    rows = "".join(json.dumps(row) + "\n" for row in tickets.rows(4, "gate"))
    (folder / "rows.jsonl").write_text(rows, encoding="utf-8")


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if file.is_file()}


def test_a_run_of_the_demo_comes_out_bit_for_bit(world, router, tmp_path):
    before = Hub.of(Settings(endpoint=world.hub.url)).refs("acme/router")
    code, found, said = world.reproduce(tmp_path, router, "--exact", "--keep", "kept")
    assert (code, found.get("grade")) == (0, "identical"), said
    recorded = {entry.path: entry.sha256 for entry in world.record("acme/router").files}
    assert {file["path"]: file["produced"] for file in found["files"]} == {
        path: digest for path, digest in recorded.items() if path != "run/code.diff"
    }
    made = digests(Path(found["output"]))
    assert made["adapter_model.safetensors"] == recorded["adapter_model.safetensors"]
    assert found["output"].startswith(str(tmp_path / "kept"))
    # The change that was never committed is there, and nothing was published again.
    assert "late in the evening" in (tmp_path / "kept" / "code" / "train.py").read_text(encoding="utf-8")
    assert Hub.of(Settings(endpoint=world.hub.url)).refs("acme/router") == before
    assert found["exit_code"] == 0
    assert found["unrecorded"] == []
    assert {one["grade"] for one in found["environment"]} <= {"same", "harmless"}


def test_a_stranger_s_run_comes_out_bit_for_bit(world, preferred, tmp_path):
    assert world.record("acme/preferred").code.argv[5] == "[elsewhere]/away"
    code, found, said = world.reproduce(tmp_path, preferred, "--exact")
    assert (code, found.get("grade")) == (0, "identical"), said
    recorded = {entry.path: entry.sha256 for entry in world.record("acme/preferred").files}
    assert {file["path"]: file["produced"] for file in found["files"]} == recorded
    assert "training.dpo" in said


def test_a_script_in_no_repository_comes_out_bit_for_bit(world, alone, tmp_path):
    data = world.folder / "alone" / "pairs.jsonl"
    code, found, said = world.reproduce(tmp_path, alone, "--exact", "--data", f"pairs.jsonl={data}")
    assert (code, found.get("grade")) == (0, "identical"), said
    assert found["distance"] is None


def test_data_that_is_nowhere_is_asked_for(world, alone, tmp_path):
    code, _found, said = world.reproduce(tmp_path, alone)
    assert code == 2
    assert "pairs.jsonl" in said
    assert "--data pairs.jsonl=PATH" in said


def test_other_data_is_refused_by_name_and_named_as_the_cause(world, alone, tmp_path):
    data = tmp_path / "other.jsonl"
    data.write_text(pairs("others"), encoding="utf-8")
    code, _found, said = world.reproduce(tmp_path, alone, "--data", f"pairs.jsonl={data}")
    assert code == 2
    assert "pairs.jsonl" in said
    assert "is not what the run read" in said
    tasks(tmp_path)
    code, found, said = world.reproduce(tmp_path, alone, "--anyway", "--gate", "--data", f"pairs.jsonl={data}")
    assert (code, found.get("grade")) == (1, "different"), said
    assert found["causes"][0]["group"] == "data"
    assert "pairs.jsonl" in found["causes"][0]["sentence"]
    assert {cause["group"] for cause in found["causes"]} == {"data"}
    assert found["distance"]["error"] > 0.05
    weighed = next(task for task in found["scores"] if task["task"] == "weighed")
    assert (weighed["examples"], weighed["differing"]) == (4, 4)
    assert weighed["recorded"] != weighed["produced"]


def test_another_seed_is_named_as_the_cause(world, alone, tmp_path):
    data = world.folder / "alone" / "pairs.jsonl"
    command = "python sft.py --model acme/third-base --file pairs.jsonl --threads 1 --seed 7"
    words = ("--data", f"pairs.jsonl={data}", "--command", command)
    code, found, said = world.reproduce(tmp_path, alone, *words, "--exact")
    assert code == 1, said
    assert found["grade"] != "identical"
    assert found["causes"][0] == {"group": "seed", "sentence": "seed 1 → 7"}


def test_other_vector_units_stay_within_tolerance_and_are_named(world, alone, tmp_path):
    if world.record("acme/alone").environment.cpu_capability == "DEFAULT":
        pytest.skip("this processor has no vector units that could be left out")
    tasks(tmp_path)
    declared = Settings.load(tmp_path, {"HF_HOME": str(tmp_path / "cache"), "HF_ENDPOINT": world.hub.url}).tasks
    told = {name: table for name, table in declared.items() if name == "told"}
    settings = Settings(endpoint=world.hub.url, root=tmp_path, tasks=told)
    given = Given(data={"pairs.jsonl": world.folder / "alone" / "pairs.jsonl"})
    prepared = prepare(alone, given, settings=settings)
    plan = replace(prepared.plan, variables={**prepared.plan.variables, "ATEN_CPU_CAPABILITY": "default"})
    place = Place(tmp_path / "place")
    here = Path(sys.executable)
    found = reproduce(replace(prepared, plan=plan), place, given, interpreter=here, gate=True, settings=settings)
    assert [(task.task, task.examples, task.differing) for task in found.scores] == [("told", 4, 0)]
    assert found.grade == "within tolerance"
    assert 0 < found.distance.error < 0.05
    assert [cause.group for cause in found.causes] == ["environment"]
    assert found.causes[0].sentence.startswith("cpu_capability ")


def test_a_gate_without_tasks_is_said_before_anything_runs(world, alone, tmp_path):
    data = world.folder / "alone" / "pairs.jsonl"
    code, _found, said = world.reproduce(tmp_path, alone, "--gate", "--data", f"pairs.jsonl={data}")
    assert code == 2
    assert "task" in said
    assert "running:" not in said


def test_code_that_is_gone_is_named(world, preferred, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    code, _found, said = world.reproduce(tmp_path, preferred, "--code", str(empty))
    assert code == 2
    assert world.record("acme/preferred").code.sha[:8] in said
    assert "--code" in said


def test_a_run_that_fails_shows_its_end_and_what_it_lacked(world, alone, tmp_path):
    data = world.folder / "alone" / "pairs.jsonl"
    # As the script would, but without loading what it trains with first.
    command = '-c \'import huggingface_hub; huggingface_hub.hf_hub_download("acme/tiny-base", "config.json")\''
    code, found, said = world.reproduce(tmp_path, alone, "--data", f"pairs.jsonl={data}", "--command", command)
    assert (code, found) == (3, {})
    assert "It asked for acme/tiny-base, which the record does not name." in said


def test_a_dry_run_runs_nothing(world, preferred, tmp_path):
    done = world.python("-m", "hubver", "reproduce", preferred, "--dry-run", cwd=tmp_path, as_owner=False)
    assert done.returncode == 0, done.stderr
    for words in ("python -m training.dpo", "acme/other-base at ", "data/pairs.jsonl", "same: ", "torch"):
        assert words in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["fresh-cache"] or not list(tmp_path.iterdir())


def test_a_dry_run_for_machines(world, router, tmp_path):
    words = ("-m", "hubver", "reproduce", router, "--dry-run", "--json")
    done = world.python(*words, cwd=tmp_path, as_owner=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["plan"]["command"][0] == "train.py"
    assert found["record"]["code"]["diff_sha256"]
    assert {"name", "recorded", "here", "grade", "reason"} == set(found["environment"][0])


def test_nobody_there_to_agree_is_a_no(world, preferred, tmp_path):
    done = world.python("-m", "hubver", "reproduce", preferred, cwd=tmp_path, as_owner=False)
    assert done.returncode == 2
    assert "--yes" in done.stderr
