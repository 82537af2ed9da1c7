"""The pytest plugin: its options and fixtures. It does nothing unless `--candidate` is given.

It is loaded in every pytest run of everyone who has hubver installed, so nothing heavy is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hubver.gate.fixture import Gate, Model
    from hubver.gate.session import GateSession

_HOOKS = "hubver_gate_hooks"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    group = parser.getgroup("hubver", "evaluation gate of a fine-tuned model")
    group.addoption(
        "--candidate", metavar="ORG/NAME@REV", help="judge this revision on the Hub, or the model in this local folder"
    )
    group.addoption(
        "--production",
        metavar="REV",
        help="compare with this revision, ORG/NAME@REV or folder (default: the repository's production branch)",
    )
    group.addoption(
        "--first-release", action="store_true", help="there is no production yet: compare with nothing, and say so"
    )
    group.addoption("--gate-report", metavar="DIR", help="write gate-report.json and gate-report.md here")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that make no sense together, and start a session if a candidate is named."""
    option = config.option
    if option.candidate is None:
        for name in ("production", "first_release", "gate_report"):
            if getattr(option, name):
                raise pytest.UsageError(f"--{name.replace('_', '-')} needs --candidate ORG/NAME@REV.")
        return
    if option.production and option.first_release:
        raise pytest.UsageError("--production and --first-release exclude each other.")
    if getattr(option, "numprocesses", None):
        raise pytest.UsageError("A gate keeps its models in one process: run it without -n.")
    from hubver.gate.hooks import GateHooks

    config.pluginmanager.register(GateHooks(config), _HOOKS)


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> Gate:
    """The gate: `floor`, `no_regression`, `worst_slice` and `alive`, each failing the test where it says no."""
    from hubver.gate.fixture import Gate

    return Gate(_session(request), request.node.nodeid, request.path.parent)


@pytest.fixture
def candidate(request: pytest.FixtureRequest) -> Model:
    """The model that is judged, with `generate(prompts)`; it is loaded on the first question."""
    from hubver.gate.fixture import Model

    session = _session(request)
    return Model(session, session.candidate)


@pytest.fixture
def production(request: pytest.FixtureRequest) -> Model | None:
    """The model that the candidate would replace; None on a first release."""
    from hubver.gate.fixture import Model

    session = _session(request)
    return None if session.production is None else Model(session, session.production)


def _session(request: pytest.FixtureRequest) -> GateSession:
    hooks = request.config.pluginmanager.get_plugin(_HOOKS)
    if hooks is None:
        pytest.fail(
            "This test judges a model, and none was named. Run: pytest --candidate ORG/NAME@REV "
            "(or --candidate FOLDER for one that was not pushed yet).",
            pytrace=False,
        )
    session: GateSession = hooks.session
    return session
