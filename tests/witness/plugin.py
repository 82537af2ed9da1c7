"""The pytest plugin that runs beside huggingface_hub's tests: points them at the embedded Hub, and notes what happens.

For each test one JSON line is written to the file that `WITNESS_NOTES` names:
`{"test", "outcome": "passed"|"failed"|"skipped", "detail", "requests": [...], "hosts": [...]}`.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from witness import stand_ins
from witness.outside import NO_XET, PRODUCTION, READ_SAMPLES, READ_SHELF

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTES = "WITNESS_NOTES"
ENDPOINT = "WITNESS_ENDPOINT"
_LONGEST_DETAIL = 240


class _Requests(logging.Handler):
    """Hears from the client's HTTP library which addresses a test asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and len(record.args) > 1:
            address = urlsplit(str(record.args[1]))
            self.seen.append(address._replace(scheme="", netloc="").geturl())


class Witness:
    """Notes the outcome of each test, and what it talked to."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self._requests = _Requests()
        self._hosts: set[str] = set()
        self._outcome: dict[str, str] = {}
        http = logging.getLogger("httpx2")
        http.setLevel(logging.INFO)
        http.addHandler(self._requests)
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo" and arguments[0]:
            host = arguments[0]
            self._hosts.add(host.decode() if isinstance(host, bytes) else str(host))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._requests.seen.clear()
        self._hosts.clear()
        self._outcome = {"outcome": "passed", "detail": ""}
        result = yield
        heard = {"requests": self._requests.seen, "hosts": sorted(self._hosts)}
        self._write(item.nodeid, {**self._outcome, **heard})
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self._outcome["outcome"] != "failed":
            crash = getattr(report.longrepr, "reprcrash", None)
            said = crash.message if crash else str(report.longrepr)
            self._outcome = {"outcome": "failed", "detail": _one_line(said)}
        elif report.skipped and self._outcome["outcome"] == "passed":
            said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._outcome = {"outcome": "skipped", "detail": _one_line(said.removeprefix("Skipped: "))}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            said = str(report.longrepr).strip().splitlines()[-1].removeprefix("E ").strip()
            missing = said.startswith("ModuleNotFoundError")
            self._write(report.nodeid, {"outcome": "skipped" if missing else "failed", "detail": _one_line(said)})
        elif report.skipped and isinstance(report.longrepr, tuple):
            self._write(report.nodeid, {"outcome": "skipped", "detail": _one_line(report.longrepr[2])})

    def _write(self, test: str, note: dict[str, Any]) -> None:
        with self._notes.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": test, **note}) + "\n")


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "…"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Change the endpoint in their table of constants before their conftest and their tests read it from there."""
    importlib.import_module("tests.testing_constants").ENDPOINT_STAGING = os.environ[ENDPOINT]  # type: ignore[attr-defined]


def pytest_configure(config: pytest.Config) -> None:
    """Note what happens, with stand-ins for the plugins that are missing."""
    for marker in ("asyncio", "vcr"):
        config.addinivalue_line("markers", f"{marker}: of a plugin that may not be installed")
    stand_ins.register(config)
    config.pluginmanager.register(Witness(Path(os.environ[NOTES])), "witness")
    theirs: Any = importlib.import_module("tests.conftest")
    theirs.ENDPOINT_PRODUCTION = os.environ[ENDPOINT]
    theirs.ENDPOINT_PRODUCTION_URL_SCHEME = os.environ[ENDPOINT] + "/{repo_id}/resolve/{revision}/{filename}"


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Leave out what marks itself as meant for huggingface.co, or for Xet, but for what finds here what it needs."""
    for item in items:
        if item.get_closest_marker("xet") and "HF_HUB_DISABLE_XET" in os.environ:
            item.add_marker(pytest.mark.skip(reason=NO_XET), append=False)
        if item.nodeid.removeprefix("tests/").startswith((*READ_SAMPLES, *READ_SHELF)):
            # Some make a client of their own instead of asking for the fixture.
            vars(item.module)["ENDPOINT_PRODUCTION"] = os.environ[ENDPOINT]
            continue
        if item.get_closest_marker("production") or "api_prod" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=PRODUCTION), append=False)
