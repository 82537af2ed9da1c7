"""Run a published training again from its record, and say whether the same model comes out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.errors import HarnessFailed, NotFound
from hubver.hub.client import Hub
from hubver.record import capture, draft
from hubver.record.digest import entry
from hubver.record.folder import adapter
from hubver.record.folder.files import ADAPTER_CONFIG
from hubver.reproduce import code, environment, inputs, outputs, run, scores, venv
from hubver.reproduce.causes import Cause, causes
from hubver.reproduce.closeness import Distance, distance
from hubver.reproduce.compare import Comparison, compare
from hubver.reproduce.pinned_hub import PinnedHub
from hubver.reproduce.prepare import compare_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubver.record.schema import RunRecord
    from hubver.reproduce.compare import FileCompared, Grade
    from hubver.reproduce.environment import Compared
    from hubver.reproduce.place import Place
    from hubver.reproduce.plan import Given
    from hubver.reproduce.prepare import Prepared
    from hubver.reproduce.scores import Scored
    from hubver.settings import Settings

# What of a base transformers reads; anything else the run fetches by itself, at the same commit.
_OF_A_BASE = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "*.tiktoken", "*.spm", "*.py")
_TAIL = 12


@dataclass(frozen=True)
class Reproduction:
    """What came of it.

    Attributes:
        sha: the commit of the published revision.
        grade: `identical`, `within tolerance` or `different`.
        files: each published file, with its sha256 then and now.
        distance: of the weights, where their bytes differ.
        scores: of both models on each task of the gates; None where that was not asked for, or the bytes are the same.
        causes: what differs in the run itself, the likeliest cause first; of no consequence where the grade is
            `identical`.
        environment: how the environments compare, the gravest first.
        unrecorded: repositories that the run asked for and the record does not name.
        exit_code: of the run.
        seconds: that the run took.
        output: the folder of the model that was made.
        log: the file with what the run printed.
    """

    repo_id: str
    revision: str
    sha: str
    grade: Grade
    files: tuple[FileCompared, ...]
    distance: Distance | None
    scores: tuple[Scored, ...] | None
    causes: tuple[Cause, ...]
    environment: tuple[Compared, ...]
    unrecorded: tuple[str, ...]
    exit_code: int
    seconds: float
    output: Path
    log: Path


def reproduce(
    prepared: Prepared,
    place: Place,
    given: Given,
    *,
    interpreter: Path,
    fresh: bool = False,
    gate: bool = False,
    settings: Settings,
    progress: Callable[[str], None] | None = None,
) -> Reproduction:
    """Run a published training again, and compare.

    This executes the recorded code with the user's rights; it is no sandbox.

    Args:
        prepared: what `prepare` made of the revision.
        place: an empty folder to do it in.
        given: what the user gives beyond the record.
        interpreter: Python to run it with; not asked for with `fresh`.
        fresh: make a virtual environment with the recorded versions, and run it with that.
        gate: where the bytes differ, ask both models the project's tasks too; a model that scores otherwise on any
            example is `different`.
        settings: of the user.
        progress: told each step.

    Raises:
        NotFound, BadInput: something that the run needs is missing, or is not what it was; the message names it. Or `gate`, and
            the project has no tasks.
        HarnessFailed: the run failed before it had made a model.
        HubUnreachable, HubFailed: see `hubver.hub`.
    """
    if gate:
        scores.need_tasks(settings)
    work = _Work(prepared, place, given, settings, progress or (lambda _line: None))
    place.lay_out()
    if fresh:
        interpreter = work.make_venv()
    return work.go(interpreter, gate=gate)


class _Work:
    def __init__(
        self, prepared: Prepared, place: Place, given: Given, settings: Settings, tell: Callable[[str], None]
    ) -> None:
        self.prepared, self.place, self.given, self.settings, self.tell = prepared, place, given, settings, tell
        self.record, self.plan = prepared.record, prepared.plan
        self.hub = Hub.of(settings)
        self.deviations: list[Cause] = []
        self.base_folder: Path | None = None

    def make_venv(self) -> Path:
        made = venv.make(self.record.environment, self.place.venv, self.tell)
        self.deviations += [Cause("environment", f"{package}: no index has it") for package in made.unavailable]
        return made.interpreter

    def go(self, interpreter: Path, *, gate: bool) -> Reproduction:
        code.fetch_code(self.plan.source, self.place.code, self.tell)
        directory = self.place.code / self.plan.directory if self.plan.directory is not None else self.place.work
        if not directory.is_dir():
            raise NotFound(f"The code has no folder {self.plan.directory!r}, which the run worked in.")
        words = self._lay_inputs(directory)
        with self._pinned() as view:
            variables = run.environment(self.place, interpreter, self.plan.variables, view.url)
            began = time.time()
            self.tell(f"running: {self.plan.program or 'python'} {' '.join(self.plan.command)}")
            ran = run.run([self._program(interpreter), *words], directory, variables, self.place.log, self.tell)
        output = outputs.find(self.place.folder, self.record, began)
        if output is None:
            raise self._failed(ran, tuple(view.unrecorded))
        self.tell(f"comparing {output.relative_to(self.place.folder)} with what was published")
        comparison, produced = self._compare(output)
        if produced is not None:
            # What the run itself has seen: a script may choose its threads, or leave an accelerator alone.
            compared = environment.compare(self.record.environment, produced.environment)
        else:
            compared = compare_environment(self.record, interpreter, variables)
        scored = self._score(output) if gate and comparison.grade != "identical" else None
        return Reproduction(
            repo_id=self.prepared.pin.repo_id,
            revision=self.prepared.pin.revision,
            sha=self.prepared.pin.sha,
            grade=scores.graded(comparison.grade, scored or ()),
            files=comparison.files,
            distance=comparison.distance,
            scores=scored,
            causes=causes(self.record, produced, self.deviations, compared),
            environment=compared,
            unrecorded=tuple(view.unrecorded),
            exit_code=ran.exit_code,
            seconds=ran.seconds,
            output=output,
            log=self.place.log,
        )

    def _program(self, interpreter: Path) -> str:
        return str(interpreter.parent / self.plan.program) if self.plan.program else str(interpreter)

    def _lay_inputs(self, directory: Path) -> list[str]:
        found, deviations = inputs.lay_data(self.plan.data, self.given, self.place)
        self.deviations += deviations
        paths = inputs.Paths(self.place.elsewhere, directory, found, self._base_folder())
        words = paths.placed(self.plan.command)
        script = self.place.code / words[0] if words else self.place.code
        return [str(script), *words[1:]] if self.plan.directory is None and script.is_file() else words

    def _base_folder(self) -> Path | None:
        """The base for a command that names a folder; one of the Hub is also laid into the run's cache."""
        base = self.plan.base
        if self.given.base is not None:
            self.deviations += inputs.check_base(self.given.base, base, self.given)
            return self.given.base.resolve()
        if base.id is None or base.sha is None:
            inputs.need_base(self.place.code, base)
            return None
        self.tell(f"fetching {base.id} at {base.sha[:8]}")
        folder = self.base_folder = self.hub.snapshot(base.id, base.sha, _OF_A_BASE)
        _into_cache(folder, self.place.cache / "hub" / f"models--{base.id.replace('/', '--')}", base.sha)
        if not self.plan.base_from_folder:
            return None
        self.deviations += inputs.check_base(folder, base, self.given)
        return folder

    def _pinned(self) -> PinnedHub:
        plan = self.plan
        return PinnedHub(
            self.hub.endpoint,
            self.hub.token,
            models=plan.models,
            datasets=plan.datasets,
            beyond=self.given.anyway,
        )

    def _failed(self, ran: run.Ran, unrecorded: tuple[str, ...]) -> HarnessFailed:
        for line in run.last_lines(self.place.log, _TAIL):
            self.tell(line)
        if ran.exit_code == 0:
            return HarnessFailed(
                "The run ended well, and left no model where it ran.",
                expected=f"a folder with {'adapter_model' if self.prepared.pin.is_adapter else 'model'}.safetensors",
                hint=f"See what it printed: {self.place.log}",
            )
        asked = f"It asked for {', '.join(unrecorded[:3])}, which the record does not name. " if unrecorded else ""
        return HarnessFailed(
            f"The run failed with exit code {ran.exit_code} before it had made a model.",
            hint=f"{asked}See what it printed: {self.place.log}",
        )

    def _compare(self, output: Path) -> tuple[Comparison, RunRecord | None]:
        taken = capture.complete(
            output,
            repo_id=self.prepared.pin.repo_id,
            version=self.record.version,
            message=self.record.message,
            resolve_base=self._recorded_base,
            now=datetime.now(timezone.utc),
        )
        left = draft.find(output) or draft.find(output.parent)
        made, produced = dict(taken.files), taken.record
        if draft.find(output) is None and ADAPTER_CONFIG in made:
            # As the published one was: with the base's name on the Hub, and not the folder that it lay in here.
            base = self.record.base_model
            made[ADAPTER_CONFIG] = adapter.normalised_config((output / ADAPTER_CONFIG).read_bytes(), base.id, base.sha)
            files = [e if e.path != ADAPTER_CONFIG else entry(e.path, made[ADAPTER_CONFIG]) for e in produced.files]
            produced = produced.model_copy(update={"files": tuple(files)})
        comparison = compare(self.record, produced, made, self._published, lambda: self._distance(output))
        return comparison, produced if draft.find(output) else (left.record if left else None)

    def _score(self, output: Path) -> tuple[Scored, ...]:
        place = self.place.folder / "on-its-base"
        pin, base = self.prepared.pin, self.record.base_model
        return scores.score(pin, output, base, place, settings=self.settings, progress=self.tell)

    def _recorded_base(self, base_id: str, _revision: str) -> str:
        base = self.record.base_model
        if base_id != base.id or base.sha is None:
            raise NotFound(f"The record does not say which commit of {base_id} the run used.")
        return base.sha

    def _published(self, path: str) -> bytes:
        return self.hub.read(self.prepared.pin.repo_id, self.prepared.pin.sha, path)

    def _distance(self, output: Path) -> Distance:
        """How far apart the weights are: those on the Hub are read by parts, and not downloaded."""
        from hubver.diff.weights.files import open_folder, open_revision

        base = self.given.base or self.base_folder
        started = open_folder(base) if base is not None and not self.prepared.pin.is_adapter else None
        recorded = open_revision(self.hub, self.prepared.pin.repo_id, self.prepared.pin.sha)
        return distance(recorded, open_folder(output), started)


def _into_cache(folder: Path, repository: Path, sha: str) -> None:
    """Link a snapshot's files into the run's own cache, file by file, so that what the run adds stays there."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        link = repository / "snapshots" / sha / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.resolve())
