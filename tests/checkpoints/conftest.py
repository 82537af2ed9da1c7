from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from outputs import write_adapter

from hubver.checkpoints.branch import checkpoint_id
from hubver.checkpoints.pending import finish
from hubver.checkpoints.spool import Entry, Spool, Waiting
from hubver.record.draft import Draft
from hubver.record.schema import Checkpoint, RunRecord, Training

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Run:
    """An output folder in which a run leaves checkpoints, as the callback would."""

    output: Path
    repo: object
    run_id: str = "run-1"

    @property
    def spool(self) -> Spool:
        return Spool(self.output)

    @property
    def branch(self) -> str:
        return f"runs/{self.run_id}"

    def another(self, run_id: str) -> Run:
        return replace(self, run_id=run_id)

    def folder(self, step: int, **options) -> Path:
        """The trainer's own copy of a checkpoint."""
        return write_adapter(self.output / f"checkpoint-{step}", seed=step, **options)

    def add(self, step: int, *, repo_id: str | None = "acme/router", keep: str = "all", **options) -> Waiting:
        checkpoint = Checkpoint(of_run=self.run_id, step=step)
        record = RunRecord(
            run_id=checkpoint_id(self.run_id, step), created=NOW, training=Training(checkpoint=checkpoint, steps=step)
        )
        entry = Entry(kind="checkpoint", of_run=self.run_id, repo_id=repo_id, step=step, keep=keep)
        return self.spool.add(entry, self.folder(step, **options), Draft(record, None))

    def add_best(self, step: int) -> Waiting:
        return self.spool.add(Entry(kind="best", of_run=self.run_id, repo_id="acme/router", step=step))

    def add_end(self, **options) -> Waiting:
        folder = write_adapter(self.output / "hubver-final", seed=99)
        entry = Entry(kind="final", of_run=self.run_id, repo_id="acme/router", **options)
        return self.spool.add(entry, folder, Draft(RunRecord(run_id=self.run_id, created=NOW), None))

    def finish(self, *arguments, **options):
        return list(finish(self.output, *arguments, settings=self.repo.settings, **options))

    def titles(self) -> list[str]:
        """Of the run's branch, newest first."""
        return [commit.title for commit in self.repo.hub.commits(self.repo.repo_id, self.branch, limit=100)]

    def record(self, revision: str) -> dict:
        return json.loads(self.repo.hub.read(self.repo.repo_id, revision, "hubver.json"))


@pytest.fixture
def run(output, repo) -> Run:
    """`output` is the folder of an adapter whose base is on the Hub; checkpoints lie in it as a trainer would have them."""
    return Run(output, repo)


@pytest.fixture
def push_pending():
    """`hubver push --pending`, as a process."""

    def start(folder: Path, env: dict[str, str], *arguments: str, **options) -> subprocess.Popen:
        command = [sys.executable, "-m", "hubver", "push", "--pending", str(folder), *arguments]
        return subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
        )

    return start
