"""The pytest plugin: its options and fixtures. It does nothing unless `--candidate` is given.

It is loaded in every pytest run of everyone who has hubver installed, so nothing heavy is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hubver.gate.hearing.session import GateSession
    from hubver.gate.testing.asked import Model
    from hubver.gate.testing.fixture import Gate
    from hubver.gate.verdict import Tier

_HOOKS = "hubver_gate_hooks"
_DEPENDENT = (
    "production",
    "first_release",
    "gate_report",
    "gate_full",
    "gate_shard",
    "gate_merge",
    "gate_remembered",
    "gate_only",
    "gate_smoke",
)


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
    group.addoption("--gate-report", metavar="DIR", help="write gate-report.json, .md and .html here")
    group.addoption(
        "--gate-full", action="store_true", help="look at every example, also where fewer have decided already"
    )
    group.addoption(
        "--gate-shard",
        metavar="I/N",
        help="ask about one part of the examples, and decide nothing (needs --gate-report)",
    )
    group.addoption(
        "--gate-merge", metavar="DIR", help="judge by the answers that all shards left here, asking no model"
    )
    group.addoption("--gate-remembered", metavar="FILE", help="what production scored when it was judged itself")
    group.addoption("--gate-smoke", action="store_true", help="run tests that ask the model, and come to no verdict")
    group.addoption("--gate-only", metavar="NAME", help="run one test only; its verdict lets nothing into production")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that make no sense together, and start a session if a candidate is named."""
    config.addinivalue_line("markers", "advisory: a gate that is reported, and stops no promotion")
    config.addinivalue_line("markers", "critical: a gate that must pass, as all do that are not advisory")
    option = config.option
    if option.candidate is None:
        for name in _DEPENDENT:
            if getattr(option, name):
                raise pytest.UsageError(f"--{name.replace('_', '-')} needs --candidate ORG/NAME@REV.")
        return
    if option.production and option.first_release:
        raise pytest.UsageError("--production and --first-release exclude each other.")
    if option.gate_shard and option.gate_merge:
        raise pytest.UsageError("--gate-shard and --gate-merge exclude each other.")
    if option.gate_shard and not option.gate_report:
        raise pytest.UsageError("--gate-shard needs --gate-report DIR, where its answers go.")
    from hubver.gate.testing.hooks import GateHooks

    config.pluginmanager.register(GateHooks(config), _HOOKS)


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> Gate:
    """The gate, each of whose questions fails the test where the answer is no; see `hubver.gate.testing.fixture.Gate`."""
    from hubver.gate.testing.fixture import Gate

    tier: Tier = "advisory" if request.node.get_closest_marker("advisory") else "critical"
    return Gate(_session(request), request.node.nodeid, request.path.parent, tier)


@pytest.fixture
def candidate(request: pytest.FixtureRequest) -> Model:
    """The model that is judged, with `generate(prompts)`; it is loaded on the first question."""
    from hubver.gate.testing.asked import Model

    session = _session(request)
    return Model(session, session.case.candidate)


@pytest.fixture
def production(request: pytest.FixtureRequest) -> Model | None:
    """The model that the candidate would replace; None on a first release."""
    from hubver.gate.testing.asked import Model

    session = _session(request)
    return None if session.case.production is None else Model(session, session.case.production)


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
