"""What workflows install: each package that hubver needs, at one version, by its digest, on every Python it is for."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
SETUP = ROOT / ".github" / "actions" / "setup"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
LISTS = ("base", "gate")


def runner(python: str) -> dict[str, str]:
    """What markers are asked about on a runner of GitHub's."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.7",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "os_name": "posix",
        "extra": "",
    }


def listed(path: Path, python: str) -> dict[str, list[str]]:
    """The requirements of a file of pip's that apply, by name; each ends in its digests."""
    text = path.read_text().replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith(("#", "--")):
            requirement = Requirement(line.partition(" --hash")[0])
            if requirement.marker is None or requirement.marker.evaluate(runner(python)):
                found.setdefault(canonicalize_name(requirement.name), []).append(line)
    return found


def pinned(name: str, python: str) -> dict[str, str]:
    """The version of each package that is installed there."""
    lines = {**listed(SETUP / f"{name}.txt", python)}
    if name == "gate":
        lines |= listed(ROOT / "constraints.txt", python)
    versions = {}
    for package, found in lines.items():
        assert len(found) == 1, f"{package} is pinned twice"
        version = re.match(r"[\w.-]+==([^\s;]+)", found[0])
        assert version, f"{found[0][:60]} is not exact"
        versions[package] = version[1]
    return versions


def needed(name: str, python: str) -> list[Requirement]:
    """What pyproject.toml asks for there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = map(
        Requirement, project["dependencies"] + (project["optional-dependencies"]["gate"] if name == "gate" else [])
    )
    return [each for each in asked if each.marker is None or each.marker.evaluate(runner(python))]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", LISTS)
def test_what_hubver_needs_is_pinned_to_a_version_that_will_do(name, python):
    versions = pinned(name, python)
    assert needed(name, python), "nothing was asked for"
    for requirement in needed(name, python):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not pinned: .github/actions/setup/lock"
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}"


@pytest.mark.parametrize("name", LISTS)
def test_so_is_all_that_those_need(name):
    """Without anything to resolve: what is installed here tells what it needs itself."""
    python = "{}.{}".format(*sys.version_info)
    versions = pinned(name, python)
    for package in versions:
        try:
            asked = [Requirement(text) for text in requires(package) or []]
        except PackageNotFoundError:  # such as CUDA's, which a torch for CPUs does without
            continue
        for each in asked:
            if each.marker is None or each.marker.evaluate(runner(python)):
                assert canonicalize_name(each.name) in versions, f"{package} needs {each.name}"


@pytest.mark.parametrize("name", LISTS)
def test_each_is_a_wheel_with_digests(name):
    text = (SETUP / f"{name}.txt").read_text()
    assert "\n--only-binary :all:\n" in text
    for lines in listed(SETUP / f"{name}.txt", "3.12").values():
        assert re.fullmatch(r"\S+==\S+( ; .+?)?\s+(--hash=sha256:[0-9a-f]{64}\s*)+", lines[0]), lines[0][:80]
    assert "torch" not in listed(SETUP / f"{name}.txt", "3.12"), "a mirror may have a build of its own"


def test_what_builds_hubver_is_that_of_a_release():
    ours, theirs = listed(ROOT / ".ci" / "build-requirements.txt", "3.12"), pinned("base", "3.12")
    assert f"hatchling=={theirs['hatchling']} " in ours["hatchling"][0]


def test_with_the_gate_there_is_nothing_else_than_without_it_and_more():
    for python in PYTHONS:
        assert pinned("base", python).items() < pinned("gate", python).items()


@pytest.mark.parametrize("extras", ["sign", "gate,sign", "gate sign", "../base"])
def test_what_is_not_pinned_is_not_installed(tmp_path, extras):
    command = [SETUP / "install", tmp_path / "environment", extras]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "are not pinned here" in done.stderr
    assert not (tmp_path / "environment").exists()


def test_dependabot_looks_at_the_lists():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    folders = [folder for each in updates if each["package-ecosystem"] == "pip" for folder in _folders(each)]
    for path in (SETUP / "base.txt", SETUP / "gate.txt", ROOT / "constraints.txt"):
        assert f"/{path.parent.relative_to(ROOT).as_posix()}".removesuffix(".") in folders
        assert path.stat().st_size < 500_000, "dependabot reads no larger file"


def _folders(update: dict) -> list[str]:
    return [update["directory"]] if "directory" in update else update["directories"]
