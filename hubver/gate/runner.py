"""Run the gates in a child process, and believe its report only where everything agrees.

A child of its own, because gates are the user's code: it may exit, crash, be killed or run out of memory, and none of
that may look like a pass.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadDocument, BadInput, HarnessFailed
from hubver.gate import outbox
from hubver.gate.scores import SCORES_JSON
from hubver.gate.verdict import REPORT_JSON, REPORT_MARKDOWN, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hubver.gate.shards import Part
    from hubver.pins import Pin
    from hubver.settings import Settings

# Starts each line of the child's output that is meant for people who wait.
PROGRESS = "hubver: "
_TAIL_LINES = 40
_REMEMBERED = "remembered.json"
_EXIT_CODES = {"pass": (0,), "fail": (1,), "inconclusive": (1,), "error": (2, 3)}


@dataclass(frozen=True)
class GateRun:
    """What a child found.

    Attributes:
        verdict: pass, fail or inconclusive.
        reports: the bytes of exactly this run's reports, by file name, whatever became of the files since.
    """

    verdict: Verdict
    reports: dict[str, bytes]


@dataclass(frozen=True)
class How:
    """How a gate is run.

    Attributes:
        full: look at every example, also where fewer have decided already.
        merge: the folder with the answers of all shards; no model is asked then.
        only: run this one test; the verdict lets nothing into production.
        remembered: the bytes of what production scored when it was judged itself; see `scores`.
    """

    full: bool = False
    merge: Path | None = None
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
        out: where `gate-report.json` and `gate-report.md` are put; earlier reports there are removed first.
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
    outbox.clear(out)
    # A folder of its own, so that another gate with the same `out` cannot put its report in this one's place.
    with tempfile.TemporaryDirectory(prefix="hubver-gate-") as private:
        folder = Path(private)
        command = [*_command(candidate, baseline, gates, folder), *how.options()]
        if how.remembered is not None:
            (folder / _REMEMBERED).write_bytes(how.remembered)
            command += ["--gate-remembered", str(folder / _REMEMBERED)]
        code, tail = _run_child(command, settings, progress, timeout_seconds)
        judged = _read(folder, code, tail)
    verdict = judged.verdict
    _agree(verdict, code, candidate, baseline)
    outbox.put(out, judged.reports)
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
        command = [*_command(candidate, baseline, gates, Path(private)), "--gate-shard", f"{part.index}/{part.count}"]
        code, tail = _run_child(command, settings, progress, None)
        if code != 0:
            raise _broken(_read(Path(private), code, tail).verdict, code)
        try:
            content = (Path(private) / part.file_name).read_bytes()
        except OSError:
            raise HarnessFailed("The shard ended and left no answers.", hint=_said(tail)) from None
    outbox.put(out, {part.file_name: content})
    return out / part.file_name


def _need(gates: Path) -> None:
    if not gates.exists():
        raise BadInput(
            f"There are no gates at {gates}.",
            expected="a folder of pytest files",
            hint="Write one: see 'Write a gate' in the README",
        )


def _broken(verdict: Verdict, code: int) -> BadInput | HarnessFailed:
    error = BadInput if code == BadInput.exit_code else HarnessFailed
    # The report says it; the child's last words would only repeat it.
    return error(verdict.problems[0] if verdict.problems else "The gate ended with an error.")


def _command(candidate: Pin, baseline: Pin | None, gates: Path, out: Path) -> list[str]:
    compared = ["--production", f"{baseline.repo_id}@{baseline.revision}"] if baseline else ["--first-release"]
    return [
        *(sys.executable, "-m", "pytest", str(gates.resolve())),
        *("--candidate", f"{candidate.repo_id}@{candidate.revision}"),
        *compared,
        *("--gate-report", str(out.resolve())),
        # The project's own options are for its unit tests: a -k or -n there would leave gates out.
        *("-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:randomly", "--color=no"),
    ]


def _run_child(
    command: list[str], settings: Settings, progress: Callable[[str], None] | None, timeout_seconds: float | None
) -> tuple[int, deque[str]]:
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    child = subprocess.Popen(
        command,
        cwd=settings.root,
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        # Its own group, so that whatever it starts can be ended with it.
        start_new_session=True,
    )
    # Whatever the gates left behind ends with them, and could otherwise hold our end of the pipe open for ever.
    sweeper = threading.Thread(target=_sweep, args=(child,))
    sweeper.start()
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(child)

    timer = threading.Timer(timeout_seconds or 0.0, stop)
    if timeout_seconds is not None:
        timer.start()
    try:
        for line in _lines(child, settings):
            tail.append(line)
            if progress is not None and line.startswith(PROGRESS):
                progress(line.removeprefix(PROGRESS))
        code = child.wait()
    finally:
        timer.cancel()
        _kill(child)
        sweeper.join()
        if child.stdout:
            child.stdout.close()
    if late.is_set():
        raise HarnessFailed(
            f"The gate did not end within {timeout_seconds:g} seconds and was stopped.", hint=_said(tail)
        )
    return code, tail


def _lines(child: subprocess.Popen[str], settings: Settings) -> Iterator[str]:
    token = settings.token.get_secret_value() if settings.token else None
    for line in child.stdout or ():
        # Gates are the user's code, and could print what they were given.
        yield (line.replace(token, "[token]") if token else line).rstrip()


def _kill(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):  # it ended in between
            os.killpg(child.pid, signal.SIGKILL)


def _sweep(child: subprocess.Popen[str]) -> None:
    """Wait for the child's end, then end what is left of its group."""
    child.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _environment(settings: Settings) -> dict[str, str]:
    # PYTEST_ADDOPTS is for the same reason left out as the project's own options.
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTEST_ADDOPTS", "HF_TOKEN"}}
    environment |= {"HF_ENDPOINT": settings.endpoint, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    # Read by CUDA when it starts; without it some of its sums are not repeatable.
    environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if settings.token is not None:
        environment["HF_TOKEN"] = settings.token.get_secret_value()
    return environment


def _read(folder: Path, code: int, tail: deque[str]) -> GateRun:
    if code < 0:
        raise HarnessFailed(
            f"The gate was killed by {signal.Signals(-code).name}, so there is no verdict.",
            hint=f"Was there enough memory for the models? {_said(tail)}",
        )
    try:
        # The JSON last, as it was written.
        reports = {name: (folder / name).read_bytes() for name in (REPORT_MARKDOWN, REPORT_JSON)}
        if (folder / SCORES_JSON).is_file():
            reports = {SCORES_JSON: (folder / SCORES_JSON).read_bytes(), **reports}
    except OSError:
        error = BadInput if code in {BadInput.exit_code, 4} else HarnessFailed
        raise error(f"The gate ended with code {code} and wrote no report.", hint=_said(tail)) from None
    try:
        return GateRun(Verdict.from_bytes(reports[REPORT_JSON], source=REPORT_JSON), reports)
    except BadDocument as error:
        raise HarnessFailed(f"The gate's report cannot be used: {error}", hint=_said(tail)) from error


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


def _said(tail: deque[str]) -> str:
    last = [line for line in tail if line.strip("=-_! ")][-5:]  # without pytest's rules
    return "Its last words: " + " / ".join(last) if last else "It said nothing."
