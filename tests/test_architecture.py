"""The layers of the house: imports go down, nothing goes in circles, pure modules are pure, light commands are light."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hubver"

# From the bottom up. A module may import from its own layer and from those below; the longest matching prefix counts.
LAYERS: tuple[tuple[str, ...], ...] = (
    (
        *("hubver.errors", "hubver.versions", "hubver.target", "hubver.documents", "hubver.settings"),
        *("hubver.progress", "hubver.turns", "hubver.channel_settings", "hubver.ci_settings"),
        *("hubver.relay_settings", "hubver.oidc_settings"),
    ),
    ("hubver.hub", "hubver.record", "hubver.signing", "hubver.diff", "hubver.gate.verdict"),
    (
        *("hubver.card", "hubver.landed", "hubver.gates_folder", "hubver.output_folder"),
        *("hubver.pins", "hubver.loading", "hubver.locking", "hubver.copies", "hubver.safe_weights"),
    ),
    (
        *(
            "hubver.channels",
            "hubver.timeline",
            "hubver.export",
            "hubver.shipment",
            "hubver.publish",
            "hubver.release",
            "hubver.gate",
        ),
        *("hubver.reproduce", "hubver.retention", "hubver.bom", "hubver.verification", "hubver.doctor"),
        *("hubver.diff.difference", "hubver.diff.page", "hubver.diff.pictures", "hubver.diff.revisions"),
    ),
    ("hubver.checkpoints", "hubver.ci", "hubver.smoke"),
    ("hubver.callback", "hubver.gate.plugin", "hubver.localhub", "hubver.demo"),
    ("hubver.cli", "hubver.__main__"),
)
# The package itself holds the version, and the public API as lazy names: anyone may ask it for the version.
ANYWHERE = {"hubver"}

PURE = (
    "hubver.versions",
    "hubver.target",
    "hubver.doctor.channels",
    "hubver.doctor.facts",
    "hubver.doctor.findings",
    "hubver.doctor.story",
    "hubver.doctor.tags",
    "hubver.ci.actions",
    "hubver.ci.event",
    "hubver.ci.waiting",
    "hubver.diff.changes",
    "hubver.diff.compare",
    "hubver.diff.data",
    "hubver.diff.factor",
    "hubver.diff.place",
    "hubver.diff.propose",
    "hubver.diff.training",
    "hubver.diff.weights.lora",
    "hubver.diff.weights.numbers",
    "hubver.diff.weights.results",
    "hubver.diff.pictures",
    "hubver.timeline.dates",
    "hubver.timeline.told",
    "hubver.hub.events",
    "hubver.hub.contents",
    "hubver.hub.replay",
    "hubver.hub.transport.moves",
    "hubver.record.schema",
    "hubver.locking.document",
    "hubver.locking.rules",
    "hubver.signing.bundle",
    "hubver.signing.parties",
    "hubver.retention.known",
    "hubver.retention.proposal",
    "hubver.verification.findings",
    "hubver.verification.rules",
    "hubver.gate.statistics",
    "hubver.gate.policies",
    "hubver.gate.asking.requests",
    "hubver.gate.report.pictures",
    "hubver.gate.hearing.thresholds",
    "hubver.gate.verdict",
    "hubver.demo.tickets",
    "hubver.ci.scaffold.steps",
    "hubver.reproduce.plan",
    "hubver.reproduce.command",
    "hubver.reproduce.environment",
    "hubver.reproduce.causes",
    "hubver.ci.relay.webhook",
)
# What reads or writes the world, or differs from one run to the next.
IMPURE = {
    *("os", "io", "pathlib", "subprocess", "socket", "shutil", "tempfile", "time", "threading", "asyncio", "logging"),
    *("huggingface_hub", "dulwich", "torch", "transformers", "peft", "datasets", "click", "rich", "urllib", "sys"),
}

HEAVY = ("torch", "transformers", "peft", "trl", "datasets", "numpy", "scipy", "evaluate")


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        if "project" in path.relative_to(PACKAGE).parts:
            continue  # the demo's example project is a user's code, not the package's
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(path: Path, *, typing_too: bool = True) -> frozenset[str]:
    """The absolute names that a module imports, wherever in the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[ast.AST] = set()
    if not typing_too:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                skipped.update(inner for statement in node.body for inner in ast.walk(statement))
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def own(path: Path, *, typing_too: bool = True) -> set[str]:
    """The modules of this package that a module imports."""
    known = modules()
    found = set()
    for name in imports(path, typing_too=typing_too):
        parts = name.split(".")
        while parts and ".".join(parts) not in known:
            parts.pop()
        if parts:
            found.add(".".join(parts))
    return found - ANYWHERE


def layer(module: str) -> int:
    """The layer of a module, 0 at the bottom."""
    best, at = "", -1
    for number, prefixes in enumerate(LAYERS):
        for prefix in prefixes:
            if (module == prefix or module.startswith(prefix + ".")) and len(prefix) > len(best):
                best, at = prefix, number
    assert at >= 0, f"{module} belongs to no layer: give it one in {__file__}"
    return at


@pytest.mark.parametrize("module", sorted(set(modules()) - ANYWHERE))
def test_imports_go_down(module: str) -> None:
    above = {name for name in own(modules()[module]) if layer(name) > layer(module)}
    assert not above, f"{module} imports from above: {sorted(above)}"


def test_no_import_goes_in_circles() -> None:
    graph = {module: own(path, typing_too=False) - {module} for module, path in modules().items()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"a circle: {' → '.join((*trail[trail.index(module) :], module))}"
        if module in done:
            return
        for name in sorted(graph[module]):
            visit(name, (*trail, module))
        done.add(module)

    for module in sorted(graph):
        visit(module, ())


@pytest.mark.parametrize(
    "module", sorted(name for name in modules() if any(f"{name}.".startswith(f"{pure}.") for pure in PURE))
)
def test_pure_modules_are_pure(module: str) -> None:
    found = {name.split(".")[0] for name in imports(modules()[module], typing_too=False)} & IMPURE
    assert not found, f"{module} is to be pure, but imports {sorted(found)}"


def test_the_embedded_hub_is_an_independent_witness() -> None:
    for module, path in modules().items():
        if module.startswith("hubver.localhub"):
            shared = {name for name in own(path) if not name.startswith(("hubver.localhub", "hubver.errors"))}
            assert not shared, f"{module} shares {sorted(shared)} with what it is to witness"


def test_one_reader_of_the_environment() -> None:
    readers = {
        module
        for module, path in modules().items()
        if not module.startswith(("hubver.localhub", "hubver.demo"))
        and any(word in path.read_text(encoding="utf-8") for word in ("os.environ", "os.getenv"))
    }
    assert readers <= {
        "hubver.settings",
        "hubver.record.place.environment",  # how a run was launched is part of what it was
        "hubver.cli.main",  # the debug switch must work when settings cannot be read
        "hubver.hub.upload_memory",  # the Xet library is told by variables alone
        "hubver.cli.demo",  # points its own process at the demo's Hub
        "hubver.gate.running.given",  # hands the environment on to its child
        "hubver.reproduce.run",  # chooses what of the environment the run is given
        "hubver.reproduce.prepare",  # asks an interpreter in the same environment
        "hubver.reproduce.code",  # git needs the user's own
    }


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["push", "--help"],
        ["gate", "--help"],
        ["promote", "--help"],
        ["show", "--help"],
        ["doctor", "--help"],
        ["diff", "--help"],
        ["log", "--help"],
        ["lock", "--help"],
        ["init", "--help"],
        ["demo", "--help"],
        ["relay", "--help"],
        ["ci", "promote", "--help"],
    ],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(command: list[str]) -> None:
    code = (
        f"import sys; sys.argv[1:] = {command!r}\n"
        "from hubver.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_importing_hubver_imports_nothing_heavy() -> None:
    code = f"import hubver, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
