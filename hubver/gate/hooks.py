"""pytest's hooks while a candidate is judged: they hand facts to the session, write its report, set the exit status."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubver.errors import HubverError
from hubver.gate import outbox
from hubver.gate.child import PROGRESS
from hubver.gate.contenders import find_candidate, find_production
from hubver.gate.models import Models
from hubver.gate.public import said
from hubver.gate.report import line, markdown, sentence
from hubver.gate.scores import SCORES_JSON, Scores
from hubver.gate.session import GateSession
from hubver.gate.shards import CarriedAnswers, Part
from hubver.gate.verdict import REPORT_JSON, REPORT_MARKDOWN
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from hubver.gate.models import Answering
    from hubver.gate.verdict import Verdict


class GateHooks:
    """The hooks of one pytest run with `--candidate`.

    Attributes:
        session: what the fixtures ask.
    """

    session: GateSession

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shown = 0
        self._verdict: Verdict | None = None
        # What each test raised, by its node id and phase; pytest's own report ends with a place, not with a reason.
        self._raised: dict[tuple[str, str], str] = {}

    def pytest_sessionstart(self) -> None:
        """Find out who stands before the gate, once, so that every test judges the same commits."""
        option = self._config.option
        gates = _gates_folder(self._config)
        try:
            if option.gate_report and not option.collectonly:
                outbox.clear(Path(option.gate_report))
            # pytest's own root would not do: a local candidate on its command line moves it.
            settings = Settings.load(gates)
            candidate = find_candidate(settings, option.candidate)
            production = None if option.first_release else find_production(settings, candidate, option.production)
            part = Part.parse(option.gate_shard) if option.gate_shard else None
            models = self._models(settings)
            self.session = GateSession(
                settings,
                candidate,
                production,
                gates,
                datetime.now(timezone.utc),
                models=models,
                full=option.gate_full,
                part=part,
                remembered=_remembered(option.gate_remembered),
            )
            if isinstance(models, CarriedAnswers):
                self.session.check(models)
        except HubverError as error:
            pytest.exit(_said(error), returncode=max(error.exit_code, 2))

    def _models(self, settings: Settings) -> Answering:
        if self._config.option.gate_merge:
            return CarriedAnswers(outbox.shards(Path(self._config.option.gate_merge)))
        return Models(settings, self._tell, settings.cache / "answers" if settings.cache else None)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """See gates files that cannot be imported, or that skip themselves as a whole."""
        if report.failed:
            self.session.watch.collection_failed(report.nodeid, _last_line(report.longreprtext))
        elif report.skipped:
            self.session.watch.ended(report.nodeid, "skipped", "collect", _why(report))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep one test, where only one is asked for."""
        only = self._config.option.gate_only
        if only is not None:
            items[:] = [item for item in items if only in (item.name, getattr(item, "originalname", None), item.nodeid)]
            self.session.only = only

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """See what -k, -m and --deselect leave out."""
        self.session.watch.passed_over(len(items))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know how many tests must come to an end."""
        self.session.watch.collected = len(session.items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """See errors of hubver itself, and show their message instead of a traceback."""
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, HubverError):
            self.session.watch.broke(item.nodeid, error)
            report.longrepr = _said(error)
        elif report.failed and error is not None:
            self._raised[report.nodeid, report.when] = _in_short(error)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See what became of each phase of each test, and say what the gate found in it."""
        why = self._raised.pop((report.nodeid, report.when), "") or _why(report)
        self.session.watch.ended(report.nodeid, report.outcome, report.when, why)
        for result in self.session.results[self._shown :]:
            self._tell(line(result))
        self._shown = len(self.session.results)

    def _tell(self, text: str) -> None:
        """Say something to people who wait, also from within a test, whose output pytest keeps to itself."""
        plugins = self._config.pluginmanager
        terminal, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
        if terminal is None:
            return
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            terminal.ensure_newline()
            # It knows of an unfinished line only where it printed a file's name.
            if self._config.get_terminal_writer().width_of_current_line:
                terminal.write("\n")
            terminal.write_line(PROGRESS + " ".join(text.splitlines()))
            terminal.flush()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Come to a verdict, write it down, and exit with it."""
        if not hasattr(self, "session") or self._config.option.collectonly:
            return
        verdict = self.session.verdict(int(exitstatus))
        session.exitstatus = self.session.exit_code(verdict)
        if self.session.part is not None and not self.session.watch.error_code:
            shard = self.session.shard(verdict)
            outbox.put(Path(self._config.option.gate_report), {self.session.part.file_name: shard.to_bytes()})
            session.exitstatus = 0
            return
        self._verdict = verdict
        if self._config.option.gate_report:
            # The JSON comes last: where it is, so is what stands beside it.
            scores = self.session.scores_of_candidate()
            kept = {SCORES_JSON: scores.to_bytes()} if scores else {}
            reports = {**kept, REPORT_MARKDOWN: markdown(verdict).encode(), REPORT_JSON: verdict.to_bytes()}
            outbox.put(Path(self._config.option.gate_report), reports)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say the verdict last, where people look."""
        if self._verdict is None:
            return
        terminalreporter.section("hubver gate")
        terminalreporter.write_line(sentence(self._verdict))
        for problem in self._verdict.problems:
            terminalreporter.write_line(f"- {problem}")


def _remembered(file: str | None) -> Scores | None:
    return Scores.from_bytes(Path(file).read_bytes(), source=SCORES_JSON) if file else None


def _gates_folder(config: pytest.Config) -> Path:
    """The folder that holds everything pytest was pointed at."""
    start = config.invocation_params.dir
    paths = [(start / argument.split("::")[0]).resolve() for argument in config.args] or [start]
    folders = [path if path.is_dir() else path.parent for path in paths]
    return Path(os.path.commonpath(folders))


def _said(error: HubverError) -> str:
    return f"{error}\n{error.hint}" if error.hint else str(error)


def _in_short(error: BaseException) -> str:
    if isinstance(error, pytest.FixtureLookupError):
        return f"there is no fixture {error.argname!r}"
    return _last_line(str(error)) if isinstance(error, pytest.fail.Exception) else said(error)


def _why(report: pytest.TestReport | pytest.CollectReport) -> str:
    """One line on why a test did not pass."""
    if isinstance(report.longrepr, tuple):  # a skip: its file, line and reason
        return _last_line(report.longrepr[2].removeprefix("Skipped: "))
    return getattr(report, "wasxfail", "") or _last_line(report.longreprtext)


def _last_line(text: str) -> str:
    lines = [item.strip() for item in text.splitlines() if item.strip()]
    return lines[-1].removeprefix("E ").strip() if lines else "no reason given"
