"""pytest's hooks while a candidate is judged: they hand facts to the session, write its report, set the exit status."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hubver.errors import HubverError
from hubver.gate.asking.contenders import find_candidate, find_production
from hubver.gate.asking.models import Models
from hubver.gate.hearing import conclusion
from hubver.gate.hearing.case import Case
from hubver.gate.hearing.scores import SCORES_JSON, Scores
from hubver.gate.hearing.session import SEED, GateSession
from hubver.gate.hearing.shards import CarriedAnswers, Part
from hubver.gate.hearing.smoked import SMOKE_JSON, Smoked
from hubver.gate.report import appendix, line, markdown, properties, sentence
from hubver.gate.report.page import html
from hubver.gate.running import outbox
from hubver.gate.running.child import PROGRESS
from hubver.gate.running.provenance import gates_code
from hubver.gate.running.public import public, said
from hubver.gate.verdict import REPORT_HTML, REPORT_JSON, REPORT_MARKDOWN
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from hubver.gate.asking.models import Answering
    from hubver.gate.verdict import Verdict


# What workers of pytest-xdist hand over, by name.
_FINDINGS, _COMMITS = "hubver_gate_findings", "hubver_gate_commits"


class GateHooks:
    """The hooks of one pytest run with `--candidate`.

    Attributes:
        session: what the fixtures ask.
    """

    session: GateSession

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shown = 0
        # Under pytest-xdist, workers run the tests and hand their findings to the process that started them.
        self._is_worker = hasattr(config, "workerinput")
        self._verdict: Verdict | None = None
        # What each test raised, by its node id and phase; pytest's own report ends with a place, not with a reason.
        self._raised: dict[tuple[str, str], str] = {}

    def pytest_sessionstart(self) -> None:
        """Find out who stands before the gate, once, so that every test judges the same commits."""
        option = self._config.option
        gates = _gates_folder(self._config)
        try:
            if option.gate_report and not option.collectonly and not self._is_worker:
                outbox.clear(Path(option.gate_report))
            # pytest's own root would not do: a local candidate on its command line moves it.
            settings = Settings.load(gates)
            candidate = find_candidate(settings, option.candidate)
            production = None if option.first_release else find_production(settings, candidate, option.production)
            case = Case(
                settings,
                candidate,
                production,
                gates,
                datetime.now(timezone.utc),
                full=option.gate_full,
                part=Part.parse(option.gate_shard) if option.gate_shard else None,
                only=option.gate_only,
            )
            self.session = GateSession(case, self._models(case), _remembered(option.gate_remembered))
        except HubverError as error:
            pytest.exit(_said(error), returncode=max(error.exit_code, 2))

    def _models(self, case: Case) -> Answering:
        if self._config.option.gate_merge:
            carried = CarriedAnswers(outbox.shards(Path(self._config.option.gate_merge)))
            carried.check(case.commits, gates_code(case.gates).digest)
            return carried
        # Whether a model answers is not to be known from what it answered once.
        cache = None if self._config.option.gate_smoke else case.settings.cache
        return Models(case.settings, self._tell, cache / "answers" if cache else None)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """See gates files that cannot be imported, or that skip themselves as a whole."""
        if report.failed:
            self.session.findings.watch.collection_failed(report.nodeid, _last_line(report.longreprtext))
        elif report.skipped:
            self.session.findings.watch.ended(report.nodeid, "skipped", "collect", _why(report))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep one test, where only one is asked for."""
        only = self._config.option.gate_only
        if only is not None:
            items[:] = [item for item in items if only in {item.name, getattr(item, "originalname", None), item.nodeid}]

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """See what -k, -m and --deselect leave out."""
        self.session.findings.watch.passed_over(len(items))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know how many tests must come to an end."""
        self.session.findings.watch.collected = len(session.items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """See errors of hubver itself, and show their message instead of a traceback."""
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, HubverError):
            self.session.findings.watch.broke(item.nodeid, error)
            report.longrepr = _said(error)
        elif report.failed and error is not None:
            self._raised[report.nodeid, report.when] = _in_short(error)
        if call.when == "call":
            # pytest hands them on with the report of the teardown, and `--junitxml` writes them down.
            item.user_properties += self._properties(item.nodeid)
        return report

    def _properties(self, test: str) -> list[tuple[str, object]]:
        case = self.session.case
        found = [result for result in self.session.findings.results if result.gate == test]
        return [pair for result in found for pair in public(properties(result), (case.settings.root, case.gates))]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See what became of each phase of each test, and say what the gate found in it."""
        if self._is_worker:
            return  # the process that started it sees the same report
        why = self._raised.pop((report.nodeid, report.when), "") or _why(report)
        self.session.findings.watch.ended(report.nodeid, report.outcome, report.when, why)
        self._show_new()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take in what a worker of pytest-xdist found; one that ended without a word stops the promotion."""
        found = getattr(node, "workeroutput", {}).get(_FINDINGS)
        commits = getattr(node, "workeroutput", {}).get(_COMMITS)
        findings = self.session.findings
        if found is None:
            findings.watch.problems.append(f"A worker of pytest-xdist ended without its findings: {error or 'unknown'}")
        elif commits != json.dumps(self.session.case.commits):
            findings.watch.problems.append("A revision moved while the workers were starting. Run the gate again.")
        else:
            try:
                findings.absorb(found)
            except HubverError as broken:
                findings.watch.broke("pytest-xdist", broken)
        self._show_new()

    def _show_new(self) -> None:
        for result in self.session.findings.results[self._shown :]:
            self._tell(line(result))
        self._shown = len(self.session.findings.results)

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
        self._spare_hypothesis()
        if not hasattr(self, "session") or self._config.option.collectonly:
            return
        case, findings, models = self.session.case, self.session.findings, self.session.models
        findings.engine = findings.engine or models.settings()
        if self._is_worker:
            output = self._config.workeroutput  # type: ignore[attr-defined]  # pytest-xdist put it there
            output |= {_FINDINGS: findings.to_json(), _COMMITS: json.dumps(case.commits)}
            return
        if self._config.option.gate_smoke:
            session.exitstatus = self._smoked(int(exitstatus))
            return
        found = conclusion.verdict(case, findings, int(exitstatus), {"order_of_bets": SEED})
        session.exitstatus = conclusion.exit_code(found, findings)
        report = self._config.option.gate_report
        if case.part is not None and not findings.watch.error_code:
            shard = conclusion.shard(case, case.part, found, models)
            outbox.put(Path(report), {case.part.file_name: shard.to_bytes()})
            session.exitstatus = 0
            return
        self._verdict = found
        if report:
            scores = conclusion.scores(case, findings, models)
            kept = {SCORES_JSON: scores.to_bytes()} if scores and case.part is None else {}
            # The JSON comes last: where it is, so is what stands beside it.
            reports = {**self._page(found), REPORT_MARKDOWN: markdown(found).encode()}
            outbox.put(Path(report), {**kept, **reports, REPORT_JSON: found.to_bytes()})

    def _smoked(self, exit_status: int) -> int:
        """Say what became of smoke tests; the code to exit with."""
        found = Smoked.of(self.session.findings.watch, exit_status)
        if self._config.option.gate_report:
            outbox.put(Path(self._config.option.gate_report), {SMOKE_JSON: found.to_bytes()})
        return found.exit_code

    def _spare_hypothesis(self) -> None:
        """Let go of a plugin that would take half as long as a small gate to load hypothesis, and say nothing with it."""
        plugins = self._config.pluginmanager
        plugin = plugins.get_plugin("hypothesispytest")
        if plugin is not None and "hypothesis" not in sys.modules:
            plugins.unregister(plugin)

    def _page(self, found: Verdict) -> dict[str, bytes]:
        """The page with pictures; a verdict stands without it, so nothing that goes wrong there may cost it."""
        try:
            return {REPORT_HTML: html(found, appendix.collect(self.session)).encode()}
        except Exception as error:  # noqa: BLE001 - see above
            self._tell(f"the page {REPORT_HTML} could not be drawn: {said(error)}")
            return {}

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
