"""Which commit of hubver a project's workflows are pinned to."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from scaffolds import COMMIT, git

from hubver.ci.scaffold import origin
from hubver.errors import BadInput

ROOT = Path(__file__).parents[3]
FIND = "from hubver.ci.scaffold.origin import find; print(find())"


def found_by(folder: Path, *more: Path) -> subprocess.CompletedProcess[str]:
    """What the hubver in a folder says, in a process that sees no other one but for its dependencies."""
    return subprocess.run(
        [sys.executable, "-c", FIND],
        cwd=folder,
        env={"PYTHONPATH": ":".join(map(str, (folder, *more))), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The package in a folder that is no checkout, as pip leaves it."""
    folder = tmp_path_factory.mktemp("site-packages")
    shutil.copytree(ROOT / "hubver", folder / "hubver", ignore=shutil.ignore_patterns("__pycache__"))
    info = folder / "hubver-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hubver\nVersion: 9\n")
    return folder


def test_installed_from_git_it_is_the_commit_that_pip_notes(installed):
    url = installed / "hubver-9.dist-info" / "direct_url.json"
    told = {"url": "https://github.com/someone/hubver.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    url.write_text(json.dumps(told))
    try:
        assert found_by(installed).stdout == f"someone/hubver@{COMMIT}\n"
    finally:
        url.unlink()


@pytest.mark.parametrize("noted", ['{"url": "file:///srv/hubver", "dir_info": {"editable": true}}', "[]", "{", ""])
def test_what_does_not_know_its_commit_says_so(installed, noted):
    (installed / "hubver-9.dist-info" / "direct_url.json").write_text(noted)
    done = found_by(installed)
    assert "BadInput: This hubver does not know the commit" in done.stderr


def test_a_checkout_is_at_its_commit(installed, tmp_path):
    root = tmp_path / "clone"
    shutil.copytree(installed / "hubver", root / "hubver")
    git(root, "init", "-q")
    git(root, "remote", "add", "origin", "https://github.com/someone/fork")
    assert "does not know the commit" in found_by(root).stderr, "hubver merely lies in somebody else's checkout"
    git(root, "add", "hubver")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
    sha = git(root, "rev-parse", "HEAD").strip()
    assert found_by(root).stdout == f"someone/fork@{sha}\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A wheel, by way of a source distribution, of a checkout at a commit of its own."""
    folder = tmp_path_factory.mktemp("built")
    root = folder / "checkout"
    root.mkdir()
    for name in ("hubver", "model_cards"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "localhub"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, root / name)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
    return root


def build(root: Path, kind: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", "dist"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (archive,) = (root / "dist").glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return archive


def test_a_wheel_by_way_of_a_source_distribution_knows_its_commit(built, tmp_path):
    shutil.unpack_archive(build(built, "sdist"), tmp_path)
    (source,) = tmp_path.iterdir()
    with zipfile.ZipFile(build(source, "wheel")) as wheel:
        names = wheel.namelist()
        wheel.extractall(tmp_path / "site-packages")
    assert {
        f"hubver/ci/scaffold/templates/{path.name}" for path in (ROOT / "hubver/ci/scaffold/templates").iterdir()
    } <= set(names)
    assert git(built, "status", "--porcelain") == ""
    done = found_by(tmp_path / "site-packages", built)  # `localhub` was left out of the wheel, and is not needed
    assert done.stdout == f"hubver/hubver@{git(built, 'rev-parse', 'HEAD').strip()}\n", done.stderr


def test_a_changed_checkout_and_one_of_something_else_claim_no_commit(tmp_path):
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    root = tmp_path / "clone"
    (root / "within").mkdir(parents=True)
    (root / "file").write_text("1")
    git(root, "init", "-q")
    assert hook._commit(root) is None
    git(root, "add", "file")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
    assert hook._commit(root) == git(root, "rev-parse", "HEAD").strip()
    assert hook._commit(root / "within") is None
    (root / "file").write_text("2")
    assert hook._commit(root) is None


@pytest.mark.parametrize(
    "text", ["", "@", "a/b", f"a@{COMMIT}", f"a/b@{COMMIT[:-1]}", f"a/b@{COMMIT.upper()}", f"a/b/c@{COMMIT}"]
)
def test_only_a_full_commit_of_a_repository_is_a_pin(text):
    with pytest.raises(BadInput, match="does not pin workflows"):
        origin.Origin.parse(text)


def test_a_pin_reads_as_it_is_written():
    assert str(origin.Origin.parse(f"a/b@{COMMIT}")) == f"a/b@{COMMIT}"
