"""Run the gates in a child process, and believe its report only where everything agrees.

A child of its own, because gates are the user's code: it may exit, crash, be killed or run out of memory, and none of
that may look like a pass.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadDocument, BadInput, HarnessFailed
from hubver.gate.hearing.scores import SCORES_JSON
from hubver.gate.hearing.shards import CarriedAnswers
from hubver.gate.hearing.smoked import SMOKE_JSON, Smoked
from hubver.gate.running import child, outbox
from hubver.gate.running.provenance import gates_code
from hubver.gate.verdict import REPORT_HTML, REPORT_JSON, REPORT_MARKDOWN, Verdict

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from hubver.gate.hearing.shards import Part
    from hubver.pins import Pin
    from hubver.settings import Settings

_REMEMBERED = "remembered.json"
_EXIT_CODES = {"pass": (0,), "fail": (1,), "inconclusive": (1,), "error": (2, 3)}


@dataclass(frozen=True)
class GateRun:
    """What a child found.

    Attributes:
        verdict: pass, fail or inconclusive.
        reports: the bytes of exactly this run's reports, by file name, whatever became of the files since.
        local: the same of what must stay on this machine, because it shows examples and answers.
    """

    verdict: Verdict
    reports: dict[str, bytes]
    local: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class How:
    """How a gate is run.

    Attributes:
        full: look at every example, also where fewer have decided already.
        merge: the folder with the answers of all shards; no model is asked then.
        shards: how many shards were started; None where only they know.
        only: run this one test; the verdict lets nothing into production.
        remembered: the bytes of what production scored when it was judged itself; see `scores`.
    """

    full: bool = False
    merge: Path | None = None
    shards: int | None = None
    only: str | None = None
    remembered: bytes | None = None

    def options(self) -> list[str]:
        """The same for pytest's command line."""
        return [
            *(["--gate-full"] if self.full else []),
            *(["--gate-merge", str(self.merge.resolve())] if self.merge else []),
            *(["--gate-only", self.only] if self.only else []),
        ]


_WHOLE = How()


def run(
    settings: Settings,
    candidate: Pin,
    baseline: Pin | None,
    gates: Path,
    out: Path,
    *,
    how: How = _WHOLE,
    progress: Callable[[str], None] | None = None,
    timeout_seconds: float | None = None,
) -> GateRun:
    """Judge one candidate against one production.

    Args:
        settings: of the project; its token reaches the child by its environment only.
        candidate: what is judged.
        baseline: what it would replace; None on a first release.
        gates: the folder of gates, or one file of it.
        out: where `gate-report.json`, `.md` and `.html` are put; earlier reports there are removed first.
        how: whether to stop early, to judge by carried answers, or to run one test only.
        progress: called with one line before each long step, and for each gate that ends.
        timeout_seconds: after which the child is killed; None to wait for ever.

    Returns:
        The verdict and its reports. An empty gates folder is a fail.

    Raises:
        BadInput: the gates, or what they name, cannot be used; or `out` cannot be written to, which is known at once.
        HarnessFailed: there is no verdict: the child was killed, wrote no report, or its exit code, its report and
            what was asked for disagree.
    """
    _need(gates)
    if how.merge is not None:
        commits = (candidate.repo_id, candidate.sha, baseline.sha if baseline else None)
        CarriedAnswers(outbox.shards(how.merge)).check(commits, gates_code(gates).digest, how.shards)
    outbox.clear(out)
    # A folder of its own, so that another gate with the same `out` cannot put its report in this one's place.
    with tempfile.TemporaryDirectory(prefix="hubver-gate-") as private:
        folder = Path(private)
        command = [*_command(settings, candidate, baseline, gates, folder), *how.options()]
        if how.remembered is not None:
            (folder / _REMEMBERED).write_bytes(how.remembered)
            command += ["--gate-remembered", str(folder / _REMEMBERED)]
        code, tail = child.run(command, settings, progress, timeout_seconds)
        judged = _read(folder, code, tail)
    verdict = judged.verdict
    _agree(verdict, code, candidate, baseline)
    outbox.put(out, {**judged.local, **judged.reports})
    if verdict.outcome == "error":
        raise _broken(verdict, code)
    return judged


def run_shard(
    settings: Settings,
    candidate: Pin,
    baseline: Pin | None,
    gates: Path,
    out: Path,
    *,
    part: Part,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Ask the models about one part of the examples, and decide nothing.

    Args:
        settings, candidate, baseline, gates, progress: as for `run`.
        out: where the shard's file is put.
        part: which one.

    Returns:
        The file, for `run(how=How(merge=...))`.

    Raises:
        BadInput, HarnessFailed: as `run`.
    """
    _need(gates)
    outbox.clear(out)
    with tempfile.TemporaryDirectory(prefix="hubver-gate-") as private:
        command = [
            *_command(settings, candidate, baseline, gates, Path(private)),
            "--gate-shard",
            f"{part.index}/{part.count}",
        ]
        code, tail = child.run(command, settings, progress, None)
        if code != 0:
            raise _broken(_read(Path(private), code, tail).verdict, code)
        try:
            content = (Path(private) / part.file_name).read_bytes()
        except OSError:
            raise HarnessFailed("The shard ended and left no answers.", hint=child.last_words(tail)) from None
    outbox.put(out, {part.file_name: content})
    return out / part.file_name


def run_smoke(
    settings: Settings, candidate: Pin, tests: Path, *, progress: Callable[[str], None] | None = None
) -> Smoked:
    """Run tests that ask one model, and come to no verdict.

    Args:
        settings, candidate, progress: as for `run`.
        tests: the folder of tests.

    Returns:
        What became of them. A folder without tests, or whose tests were all skipped, is a no.

    Raises:
        BadInput: a file of tests cannot be imported, or names what is not there.
        HarnessFailed: there is no answer: the child was killed, say, or the Hub did not answer it.
    """
    with tempfile.TemporaryDirectory(prefix="hubver-smoke-") as private:
        command = [*_command(settings, candidate, None, tests, Path(private)), "--gate-smoke"]
        code, tail = child.run(command, settings, progress, None)
        _not_killed(code, tail, "run of the smoke tests")
        try:
            found = Smoked.from_bytes((Path(private) / SMOKE_JSON).read_bytes())
        except (OSError, BadDocument):
            error = BadInput if code in {BadInput.exit_code, 4} else HarnessFailed
            raise error(f"The smoke tests ended with code {code} and no word.", hint=child.last_words(tail)) from None
    if found.error_code:
        raise _error(found.error_code)(found.problems[0] if found.problems else "The smoke tests ended with an error.")
    if code != found.exit_code:
        raise HarnessFailed(
            "The smoke tests' exit code and what they report disagree.", expected=str(found.exit_code), found=str(code)
        )
    return found


def _need(gates: Path) -> None:
    if not gates.exists():
        raise BadInput(
            f"There are no gates at {gates}.",
            expected="a folder of pytest files",
            hint="Write one: see 'Write a gate' in the README",
        )


def _broken(verdict: Verdict, code: int) -> BadInput | HarnessFailed:
    # The report says it; the child's last words would only repeat it.
    return _error(code)(verdict.problems[0] if verdict.problems else "The gate ended with an error.")


def _error(code: int) -> type[BadInput | HarnessFailed]:
    return BadInput if code == BadInput.exit_code else HarnessFailed


def _not_killed(code: int, tail: deque[str], what: str = "gate") -> None:
    if code < 0:
        raise HarnessFailed(
            f"The {what} was killed by {signal.Signals(-code).name}, so there is no verdict.",
            hint=f"Was there enough memory for the models? {child.last_words(tail)}",
        )


def _command(settings: Settings, candidate: Pin, baseline: Pin | None, gates: Path, out: Path) -> list[str]:
    compared = ["--production", f"{baseline.repo_id}@{baseline.revision}"] if baseline else ["--first-release"]
    return [
        *(sys.executable, "-m", "pytest", str(gates.resolve())),
        # So that tests are called by their place in the project, also where nothing in it is pytest's configuration.
        *("--rootdir", str(settings.root.resolve())),
        *("--candidate", f"{candidate.repo_id}@{candidate.revision}"),
        *compared,
        *("--gate-report", str(out.resolve())),
        # The project's own options are for its unit tests: a -k or -n there would leave gates out.
        *("-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:randomly", "--color=no"),
    ]


def _read(folder: Path, code: int, tail: deque[str]) -> GateRun:
    _not_killed(code, tail)
    try:
        # The JSON last, as it was written.
        reports = {name: (folder / name).read_bytes() for name in (REPORT_MARKDOWN, REPORT_JSON)}
        if (folder / SCORES_JSON).is_file():
            reports = {SCORES_JSON: (folder / SCORES_JSON).read_bytes(), **reports}
        local = {REPORT_HTML: (folder / REPORT_HTML).read_bytes()} if (folder / REPORT_HTML).is_file() else {}
    except OSError:
        error = BadInput if code in {BadInput.exit_code, 4} else HarnessFailed
        raise error(f"The gate ended with code {code} and wrote no report.", hint=child.last_words(tail)) from None
    try:
        return GateRun(Verdict.from_bytes(reports[REPORT_JSON], source=REPORT_JSON), reports, local)
    except BadDocument as error:
        raise HarnessFailed(f"The gate's report cannot be used: {error}", hint=child.last_words(tail)) from error


def _agree(verdict: Verdict, code: int, candidate: Pin, baseline: Pin | None) -> None:
    if code not in _EXIT_CODES[verdict.outcome]:
        raise HarnessFailed(
            "The gate's exit code and its report disagree, so neither is believed.",
            expected=f"exit code {' or '.join(map(str, _EXIT_CODES[verdict.outcome]))} for {verdict.outcome!r}",
            found=str(code),
        )
    asked = (candidate.repo_id, candidate.sha, baseline.sha if baseline else None)
    judged = (verdict.repo_id, verdict.candidate.sha, verdict.baseline.sha if verdict.baseline else None)
    if asked != judged:
        raise HarnessFailed(
            "A revision moved while the gate was starting, so the report is about something else.",
            expected=" ".join(map(str, asked)),
            found=" ".join(map(str, judged)),
            hint="Run the gate again.",
        )
