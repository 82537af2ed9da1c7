"""A push that is killed, at any moment, is finished by the same push."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from hashlib import sha256

import pytest
from outputs import write_adapter

MOMENTS = 10


def start_push(folder, repo_id: str, local_hub) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "hubver", "push", str(folder), repo_id],
        env={**os.environ, **local_hub.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.slow
def test_a_push_killed_at_random_moments_is_finished_by_the_same_push(repo, output, local_hub, tmp_path):
    began = time.monotonic()
    whole = start_push(output, "acme/whole", local_hub)
    text, _ = whole.communicate()
    assert whole.returncode == 0, text
    duration = time.monotonic() - began

    seed = random.randrange(2**32)
    moments = random.Random(seed)
    killed = []
    for number in range(MOMENTS):
        folder = write_adapter(tmp_path / f"run{number}", seed=number, megabytes=8)
        repo_id = f"acme/killed{number}"
        victim = start_push(folder, repo_id, local_hub)
        try:
            victim.wait(moments.uniform(0, duration))
        except subprocess.TimeoutExpired:
            victim.send_signal(signal.SIGKILL)
        victim.communicate()
        killed.append(victim.returncode == -signal.SIGKILL)

        again = start_push(folder, repo_id, local_hub)
        text, _ = again.communicate()
        assert again.returncode == 0, f"seed {seed}, moment {number}: {text.decode()}"

        refs = repo.hub.refs(repo_id)
        where = f"seed {seed}, moment {number}"
        assert refs.tags == {"v1.0.0": refs.branches["main"]}, where
        titles = [commit.title for commit in repo.hub.commits(repo_id, "main", limit=100)]
        assert titles == ["v1.0.0", "initial commit"], where
        assert [c.title for c in repo.hub.commits(repo_id, "ledger", limit=100)] == ["publish v1.0.0"], where
        stored = repo.hub.files(repo_id, "v1.0.0")["adapter_model.safetensors"]
        assert stored.sha256 == sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest(), where
    print(f"seed {seed}: {sum(killed)} of {MOMENTS} pushes were killed within {duration:.1f} s")
    assert sum(killed) >= MOMENTS // 2, "the moments came too late to show anything"
