"""What `hubver init` writes is as clean as the project's own: the same script lints both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scaffolds import tickets

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
LINTERS = ("zizmor", "actionlint", "check-jsonschema", "shellcheck")


@pytest.fixture
def lint():
    missing = [name for name in LINTERS if not (BIN / name).exists()]
    assert not missing, f"{missing} are in the extra dev"

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "BIN": str(BIN)}
        command = [ROOT / ".ci" / "lint-workflows", folder]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    return run


def test_everything_that_is_written_is_clean(users_project, rows, lint):
    everything = ["--channel", "canary", "--shards", "3", "--examples", str(rows(*tickets()))]
    for ci in ("github", "gitlab", "shell"):
        users_project.done("--model", "acme/router", "--ci", ci, *everything)
    done = lint(users_project.root)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linters_find_what_they_are_for(users_project, lint):
    """A rotten line in each file, none of which stops the others from being read."""
    for ci in ("github", "gitlab", "shell"):
        users_project.done("--model", "acme/router", "--ci", ci)
    rotten = {
        ".github/workflows/hubver.yml": ("permissions: {}", "permissions: write-all"),
        ".github/dependabot.yml": ("default-days: 7", "default-days: 0"),
        ".gitlab-ci.yml": ("expire_in: 1 week", "expire_in: {}"),
        "release.sh": ('"$model@$sha"', "$model@$sha"),
    }
    for name, (sound, bad) in rotten.items():
        path = users_project.root / name
        text = path.read_text()
        assert sound in text
        path.write_text(text.replace(sound, bad))
    done = lint(users_project.root)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "excessive-permissions" in said
    assert "dependabot-cooldown" in said
    assert ".gitlab-ci.yml::" in said
    assert "SC2086" in said
