"""Every command and every snippet of the docs does what the docs say."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = sorted((ROOT / "docs" / "guide").glob("*.md"))
GATES = ROOT / "docs" / "guide" / "gates.md"
REPRODUCE = ROOT / "docs" / "guide" / "reproduce.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def test_every_block_has_a_language_that_is_checked():
    for page in (*PAGES, *GUIDE):
        kinds = {kind for kind, _ in FENCE.findall(page.read_text(encoding="utf-8"))}
        assert kinds <= {"console", "bash", "python", "text"}, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page):
    targets = re.findall(r"\bmake ([a-z]+)", "\n".join(blocks(page, "bash")))
    assert targets
    for target in targets:
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_readme_s_commands_run_one_after_the_other(hubver_here):
    commands = [
        line[2:] for body in blocks(PAGES[0], "console") for line in body.splitlines() if line.startswith("$ hubver")
    ]
    assert len(commands) > 5
    for command in commands:
        code, said = hubver_here(*shlex.split(command, comments=True)[1:])
        assert code == 0, f"{command}\n{said}"


@pytest.mark.slow
def test_the_readme_s_python_runs(hubver_here):
    snippets = [body for body in blocks(PAGES[0], "python") if "def test_" not in body]
    assert len(snippets) >= 2
    for snippet in snippets:
        exec(snippet, {})  # what the reader would run


def test_the_readme_s_gates_are_the_demo_s_gates():
    (gates,) = [body for body in blocks(PAGES[0], "python") if "gate.floor" in body]
    own = (ROOT / "hubver" / "demo" / "project" / "gates" / "test_quality.py").read_text(encoding="utf-8")
    assert gates.strip() in own


def test_the_readme_s_fixture_works(pytester):
    (test,) = [body for body in blocks(PAGES[0], "python") if "local_hub" in body]
    pytester.makepyfile(test)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "snippet",
    [body for body in blocks(ROOT / "docs" / "guide" / "local-hub.md", "python") if "def test_" in body],
    ids=lambda snippet: re.search(r"def test_(\w+)", snippet)[1],
)
def test_a_test_of_the_guide_passes(pytester, snippet):
    pytester.makepyfile(snippet)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.slow
def test_the_gates_of_the_guide_come_to_a_verdict(travelled, hubver_here):
    snippets = blocks(GATES, "python")
    assert len(snippets) >= 2
    for number, snippet in enumerate(snippets):
        gates = travelled.project / f"gates-{number}"
        shutil.copytree(travelled.project / "gates", gates)
        (gates / "test_quality.py").write_text(snippet, encoding="utf-8")
        code, said = hubver_here("gate", "acme/router@v1.2.0", "--gates", str(gates), "--out", f"reports/{number}")
        assert code == 0, f"{snippet}\n{said}"


@pytest.mark.slow
def test_the_commands_of_the_guide_to_gates_run(travelled, hubver_here):
    (tasks,) = blocks(GATES, "text")
    with (travelled.project / "hubver.toml").open("a", encoding="utf-8") as settings:
        settings.write(tasks)
    commands = [line[2:] for body in blocks(GATES, "console") for line in body.splitlines()]
    assert len(commands) >= 5
    for command in commands:
        code, said = hubver_here(*shlex.split(command, comments=True)[1:])
        assert code == 0, f"{command}\n{said}"


@pytest.mark.slow
def test_the_guide_to_pushing_does_what_it_says(folder_of, output, repo, local_hub, tmp_path, monkeypatch, capsys):
    from hubver.cli.main import run

    page = ROOT / "docs" / "guide" / "push.md"
    strict, said, required = [line[2:] for body in blocks(page, "console") for line in body.splitlines()]
    (snippet,) = blocks(page, "python")
    listed, settings = blocks(page, "text")
    shutil.rmtree(output)
    folder_of()
    monkeypatch.chdir(tmp_path)
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "tickets.jsonl").write_text("{}\n", encoding="utf-8")

    def call(command: str) -> str:
        typed, _, told = command.partition("  # exits with ")
        assert run(shlex.split(typed)[1:]) == int(told or 0), command
        return capsys.readouterr().err

    printed = call(strict).splitlines()
    assert [line for line in listed.splitlines() if line not in printed] == []
    call(said)
    exec(snippet, {})  # what the reader would run
    fields = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert "base_model.sha" in fields
    assert "data" not in fields
    (tmp_path / "hubver.toml").write_text(settings, encoding="utf-8")
    assert "base_model.sha, data" in call(required)


@pytest.mark.slow
def test_the_guide_to_reproducing_does_what_it_says(travelled, hubver_here, capsys):
    commands = [line[2:] for body in blocks(REPRODUCE, "console") for line in body.splitlines()]
    assert len(commands) >= 3
    for command in commands:
        code, said = hubver_here(*shlex.split(command)[1:])
        assert code == 0, f"{command}\n{said}"
        if "--yes" in command:
            assert "identical" in said, said
    assert (travelled.project / "router.cdx.json").stat().st_size
    (snippet,) = blocks(REPRODUCE, "python")
    exec(snippet, {})  # what the reader would run
    first, *others = capsys.readouterr().out.splitlines()
    assert "train.py" in first
    assert {line.split()[0] for line in others} <= {"same", "harmless"}


@pytest.mark.slow
def test_the_guide_to_differences_does_what_it_says(hubver_here):
    page = ROOT / "docs" / "guide" / "compare.md"
    commands = [line[2:] for body in blocks(page, "console") for line in body.splitlines()]
    assert len(commands) >= 8
    for command in commands:
        code, said = hubver_here(*shlex.split(command)[1:])
        assert code == 0, f"{command}\n{said}"
    for snippet in blocks(page, "python"):
        exec(snippet, {})  # what the reader would run


@pytest.mark.slow
def test_the_guide_to_locking_does_what_it_says(travelled, hubver_here):
    page = ROOT / "docs" / "guide" / "lock.md"
    commands = [line[2:] for body in blocks(page, "console") for line in body.splitlines()]
    assert len(commands) >= 8
    for command in commands:
        code, said = hubver_here(*shlex.split(command)[1:])
        assert code == 0, f"{command}\n{said}"
    (snippet,) = blocks(page, "python")
    found = {}
    exec(snippet, found)  # what the reader would run
    assert found["record"].version == "v1.0.0"
    (shown,) = [body for body in blocks(page, "text") if '"format"' in body]
    names = set(re.findall(r'"(\w+)":', shown)) - {"files"}
    assert names <= set(re.findall(r'"(\w+)":', (travelled.project / "hubver.lock").read_text(encoding="utf-8")))


def test_the_guide_to_ci_prints_what_is_printed(tmp_path, monkeypatch, capsys):
    """From the empty project on, in the order of the page; what is shown below a command is what it prints."""
    from scaffolds import UsersProject, checkout, lines, tickets

    page = ROOT / "docs" / "guide" / "ci.md"
    root = checkout(tmp_path / "router-training")
    monkeypatch.chdir(root)
    (root / "held-out.jsonl").write_text(lines(*tickets()), encoding="utf-8")
    project = UsersProject(root, capsys)
    typed = [block.split("\n$ ") for block in blocks(page, "console")]
    inits = [one for block in typed for one in block if one.removeprefix("$ ").startswith("hubver init")]
    assert len(inits) == 4
    for one in inits:
        command, *shown = one.removeprefix("$ ").rstrip().splitlines()
        code, printed = project.init(*shlex.split(command)[2:])
        assert code == 0, printed
        assert [line for line in shown[1:] if line not in printed.splitlines()] == []
        if one is inits[0]:
            assert f"  {typed[0][1]}" in printed.splitlines()
    assert "gate.floor" in (root / "gates" / "test_quality.py").read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    called = (ROOT / ".github" / "workflows" / "flow.yml").read_text(encoding="utf-8")
    table = text[text.index("| input of `flow.yml`") :].split("\n\n")[0]
    for name in re.findall(r"`([a-z-]+)(?::|`)", table.split("\n", 2)[2]):
        assert f"      {name}:\n" in called, name


@pytest.mark.parametrize("page", [PAGES[0], *GUIDE], ids=lambda page: page.stem)
def test_the_options_that_are_named_exist(page):
    from click.testing import CliRunner

    from hubver.cli.main import cli

    text = page.read_text(encoding="utf-8")
    for command, option in re.findall(r"hubver (\w+)[^\n`]*? (--[a-z]+)", text):
        help_text = CliRunner().invoke(cli, [command, "--help"]).output
        if command == "hub":
            help_text = CliRunner().invoke(cli, ["hub", "serve", "--help"]).output
        assert option in help_text, (command, option)
