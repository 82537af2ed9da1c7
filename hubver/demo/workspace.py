"""A user's project on disk, as the demo works in it: script, settings and gates, with the generated tickets."""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.demo import runs, tickets

if TYPE_CHECKING:
    from hubver.demo.runs import Run

_PROJECT = Path(__file__).parent / "project"


def create(folder: Path) -> Path:
    """Lay out a new project: `train.py`, `hubver.toml`, `data/` to train on, and `gates/` with held-out tickets, in git.

    Args:
        folder: created if need be; what it holds already stays unless a file of the project has its name.

    Returns:
        `folder`.
    """
    shutil.copytree(_PROJECT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    data = folder / "data"
    data.mkdir(exist_ok=True)
    trained_on = tickets.rows(runs.TRAINING_ROWS, "train")
    _write(data / runs.GOOD.data, trained_on)
    _write(data / runs.WEAK.data, tickets.rows(runs.TRAINING_ROWS, "train", draft=True))
    known = {row["prompt"] for row in trained_on}
    _write(folder / "gates" / "tickets.jsonl", tickets.rows(runs.HELD_OUT_ROWS, "held-out", apart_from=known))
    _commit(folder)
    return folder


def _commit(folder: Path) -> None:
    """Make it a git repository with one commit, so that records and verdicts can name the code's commit."""
    from dulwich import porcelain
    from dulwich.repo import Repo

    if (folder / ".git").exists():
        return
    with Repo.init(str(folder)) as repository:
        porcelain.add(
            repository, [str(path) for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]
        )
        who = b"acme <acme@example.org>"
        porcelain.commit(repository, message=b"The router's training script and gates", author=who, committer=who)


def train(project: Path, run: Run, *, base: str, output: Path, push_to: str | None = None) -> None:
    """Run the project's own `train.py` in this process, where torch and its friends are loaded already.

    It runs as it would from a shell, by its command line, so that its record says how to run it again.

    Args:
        project: a folder that `create` laid out.
        run: which of the runs.
        base: the base model: a repo on the Hub, or a folder.
        output: the folder for the adapter.
        push_to: publish the adapter to this repo when done.
    """
    words = ["--base", base, "--data", str(project / "data" / run.data), "--output", str(output)]
    words += ["--steps", str(run.steps), "--rank", str(run.rank), "--seed", str(run.seed)]
    words += ["--without", *run.without] if run.without else []
    words += ["--push-to", push_to] if push_to else []
    before, sys.argv = sys.argv, [str(project / "train.py"), *words]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        sys.argv = before


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_bytes(tickets.jsonl(rows).encode())
