"""What was answered is not asked again: by the next gate, after a kill, on other machines, once it is in production."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from hubver.errors import BadInput
from hubver.gate.hearing.shards import Part
from hubver.gate.judge import judge
from hubver.gate.running.runner import How, run_shard
from hubver.release import promote

pytestmark = pytest.mark.slow

GATES = """
from hubver.gate import Task
def longish(prediction, expected):
    return min(1.0, len(prediction) / 8)
ROWS = [{"prompt": f"p{index}", "completion": "x"} for index in range(COUNT)]
LONG = Task("long", rows=ROWS, scorer=longish, max_new_tokens=8)
def test_floor(gate):
    gate.floor(LONG, 0.02)
def test_no_regression(gate):
    gate.no_regression(LONG, margin=0.02)
"""


def gates(count):
    return GATES.replace("COUNT", str(count))


def found(verdict):
    return [(gate.gate, gate.policy, gate.outcome, gate.value, gate.production, gate.n) for gate in verdict.gates]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("HUBVER_CACHE", str(folder))
    return folder / "answers"


def test_the_next_gate_asks_nothing(project, cache, in_this_process):
    first = project.judge(gates(60))
    lines = []
    again = project.judge(gates(60), progress=lines.append)
    assert found(again) == found(first)
    assert not [line for line in lines if line.startswith(("putting", "loading", "scoring"))]


def test_a_gate_that_was_killed_goes_on_where_it_was(project, cache, tmp_path, in_this_process):
    """What is killed are real processes; what goes on from there may run anywhere."""
    count = 1500
    project.write(gates(count))
    code = (
        "import sys; from pathlib import Path; from pydantic import SecretStr;"
        "from hubver.gate.running.runner import run, How; from hubver.pins import resolve; from hubver.settings import Settings;"
        f"settings = Settings(endpoint={project.settings.endpoint!r}, root=Path({str(tmp_path)!r}));"
        "pins = [resolve(f'acme/router@{name}', settings=settings) for name in ('v1.1.0', 'v1.0.0')];"
        f"run(settings, *pins, Path({str(project.gates)!r}), Path({str(project.out)!r}), how=How(full=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as child:
        try:
            deadline = time.monotonic() + 300
            while kept(cache) < 64 and child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            for line in subprocess.run(
                ["pgrep", "-P", str(child.pid)], stdout=subprocess.PIPE, check=True
            ).stdout.split():
                os.killpg(int(line), signal.SIGKILL)
        finally:
            child.kill()
    before = kept(cache)
    assert 64 <= before < 2 * count, "it was killed too late to show anything"
    lines = []
    verdict = project.judge(gates(count), how=How(full=True), progress=lines.append)
    assert [gate.n for gate in verdict.gates] == [count, count]
    assert any("answers are known" in line for line in lines)
    assert found(verdict) == found(project.judge(gates(count), how=How(full=True)))


def kept(cache):
    """Answers on the disk, liveness probes aside."""
    return sum(path.read_bytes().count(b'"answer":"') for path in cache.glob("*.jsonl"))


def test_shards_come_to_the_verdict_of_one_machine(project, tmp_path, monkeypatch, in_this_process):
    project.write(gates(200))
    pins = project.pin("v1.1.0"), project.pin("production")
    for index in (1, 2, 3):
        monkeypatch.setenv("HUBVER_CACHE", str(tmp_path / f"machine-{index}"))
        out = tmp_path / "shards" / f"artifact-{index}"
        run_shard(project.settings, *pins, project.gates, out, part=Part(index, 3))
    monkeypatch.setenv("HUBVER_CACHE", str(tmp_path / "one"))
    lines = []
    merged = project.run(gates(200), how=How(merge=tmp_path / "shards"), progress=lines.append)
    whole = project.run(gates(200))
    assert found(merged.verdict) == found(whole.verdict)
    assert merged.verdict.engine == whole.verdict.engine
    assert not [line for line in lines if line.startswith(("fetching", "loading", "scoring"))]


def test_shards_of_other_gates_are_refused(project, tmp_path, in_this_process):
    project.write(gates(20))
    pins = project.pin("v1.1.0"), project.pin("production")
    run_shard(project.settings, *pins, project.gates, tmp_path / "shards", part=Part(1, 1))
    with pytest.raises(BadInput, match="other gates"):
        project.run(gates(21), how=How(merge=tmp_path / "shards"))


def test_production_is_not_asked_what_it_scored_as_a_candidate(project, tmp_path, monkeypatch, in_this_process):
    settings = project.settings.model_copy(update={"actor": "dev"})
    project.api.delete_branch("acme/router", branch="production")
    project.write(gates(60).replace("0.02", "0.001"))
    options = {"gates": project.gates, "settings": settings}
    monkeypatch.setenv("HUBVER_CACHE", str(tmp_path / "first-machine"))
    assert judge("acme/router@v1.0.0", out=tmp_path / "a", **options).verdict.passed
    promote("acme/router@v1.0.0", settings=settings)
    monkeypatch.setenv("HUBVER_CACHE", str(tmp_path / "second-machine"))
    lines = []
    remembered = judge("acme/router@v1.1.0", out=tmp_path / "b", progress=lines.append, **options).verdict
    assert not [line for line in lines if "production" in line.split(" of ")[0] and "scoring" in line]
    monkeypatch.setenv("HUBVER_CACHE", str(tmp_path / "third-machine"))
    asked = project.run(gates(60).replace("0.02", "0.001")).verdict
    assert found(remembered) == found(asked)


def test_workers_of_xdist_come_to_one_verdict(project, in_this_process):
    alone = project.judge(gates(60))
    command = [sys.executable, "-m", "pytest", str(project.gates), "--candidate", "acme/router@v1.1.0"]
    out = project.out / "workers"
    done = subprocess.run(
        [*command, "--gate-report", str(out), "-n", "2", "-p", "no:cacheprovider"],
        env={
            **os.environ,
            "HF_ENDPOINT": project.settings.endpoint,
            "HF_TOKEN": project.settings.token.get_secret_value(),
        },
        cwd=project.settings.root,
        capture_output=True,
        text=True,
        check=False,
    )
    from hubver.gate.verdict import Verdict

    verdict = Verdict.from_bytes((out / "gate-report.json").read_bytes())
    assert done.returncode == (0 if alone.passed else 1)

    def told(verdict):
        # Where pytest began is another folder in this process.
        return sorted((gate.rpartition("/")[2], *others) for gate, *others in found(verdict))

    assert told(verdict) == told(alone)
    assert verdict.counts == alone.counts
    assert verdict.problems == alone.problems
