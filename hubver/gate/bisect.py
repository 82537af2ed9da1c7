"""`bisect`: the first bad version, in about log2(n) gates. Nothing is promoted, and nothing written to the ledger."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver import diff
from hubver.errors import BadDocument, BadInput, HarnessFailed
from hubver.gate import bisect_search
from hubver.gate.running import runner
from hubver.gate.running.runner import How
from hubver.hub.client import Hub
from hubver.pins import pin
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.settings import Settings
from hubver.target import Target
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.diff import Change
    from hubver.gate.bisect_search import Answer
    from hubver.gate.verdict import Verdict
    from hubver.hub.contents import Refs


@dataclass(frozen=True)
class Step:
    """One version that was judged.

    Attributes:
        version: its tag.
        sha: its commit.
        answer: good, bad, or unknown where the gate could not decide or the version could not be run.
        reason: a sentence.
    """

    version: str
    sha: str
    answer: Answer
    reason: str


@dataclass(frozen=True)
class Bisection:
    """Where a gate began to fail.

    Attributes:
        repo_id: the model repository.
        gate: the test that was asked.
        versions: all from the good one to the bad one, ascending.
        steps: what was judged, in order.
        suspects: one of these is the first bad version; only one where everything could be told.
        before: the last version that is known to be good.
        changes: from `before` to the first bad version, by their records; None where either has none, or where there
            are several suspects.
    """

    repo_id: str
    gate: str
    versions: tuple[str, ...]
    steps: tuple[Step, ...]
    suspects: tuple[str, ...]
    before: str
    changes: tuple[Change, ...] | None

    @property
    def first_bad(self) -> str | None:
        """The first bad version, where it is known."""
        return self.suspects[0] if len(self.suspects) == 1 else None


def bisect(
    repo: str,
    *,
    good: str,
    bad: str,
    gate: str,
    gates: Path | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    told: Callable[[Step], None] | None = None,
) -> Bisection:
    """Find the first version that a gate refuses, with `good` in the place of production.

    Args:
        repo: `ORG/NAME`.
        good: a version that passes; known by judging it against itself.
        bad: a later one that fails; judged, too.
        gate: the name of one test.
        gates: the folder of gates; the settings' own if None.
        settings: the user's own if None.
        progress: told, in one line each, what takes long now.
        told: given each step when it is known.

    Raises:
        BadInput: the versions are not there or in the wrong order, there is no such test, the good one is not good, or
            the bad one not bad.
        HarnessFailed: the good or the bad one cannot be judged.
        NotFound, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    repo_id = Target.repo(repo)
    hub = Hub.of(settings, repo_id)
    refs = hub.refs(repo_id)
    versions = between(refs, good, bad)
    asking = _Asking(settings, hub, repo_id, refs, gates or settings.gates_directory, gate, versions[0], progress)
    steps: list[Step] = []

    def ask(version: str, *, end: bool = False) -> Answer:
        step = asking.step(version, end=end)
        steps.append(step)
        if told is not None:
            told(step)
        return step.answer

    for version, wanted in ((versions[0], "good"), (versions[-1], "bad")):
        if ask(version, end=True) != wanted:
            raise _not_so(steps[-1], wanted)
    places = bisect_search.search(len(versions), lambda place: ask(versions[place]))
    suspects, before = tuple(versions[place] for place in places), versions[places[0] - 1]
    changes = asking.changes(before, suspects[0]) if len(suspects) == 1 else None
    return Bisection(repo_id, gate, versions, tuple(steps), suspects, before, changes)


def between(refs: Refs, good: str, bad: str) -> tuple[str, ...]:
    """The tags of the final versions from one to another, ascending; of those on one commit, the first.

    Raises:
        BadInput: either is no version's tag, or they are not in this order.
    """
    first, last = Version.parse(good), Version.parse(bad)
    tags = {version: tag for tag in refs.tags if (version := Version.try_parse(tag)) is not None}
    for version in (first, last):
        if version not in tags:
            raise BadInput(f"There is no version {version}.", found=", ".join(map(str, sorted(tags)[-5:])) or "none")
    if not first < last:
        raise BadInput(f"{first} does not come before {last}.", hint=f"Swap them: --good {last} --bad {first}")
    found, seen = [tags[first]], {refs.tags[tags[first]], refs.tags[tags[last]]}
    for version in sorted(tags):
        sha = refs.tags[tags[version]]
        # A candidate that was refused says nothing on when production broke.
        if first < version < last and version.candidate is None and sha not in seen:
            found.append(tags[version])
            seen.add(sha)
    return (*found, tags[last])


def answer(verdict: Verdict, gate: str) -> tuple[Answer, str]:
    """What the verdict of one test says of a version, and why.

    Raises:
        BadInput: there is no such test.
    """
    if not verdict.counts.collected:
        raise BadInput(f"No test is called {gate!r}.", hint="Name it as pytest does, such as: --gate test_accuracy")
    outcomes = {result.outcome: result.reason for result in reversed(verdict.gates)}
    if "fail" in outcomes:
        return "bad", outcomes["fail"]
    if verdict.counts.tests_failed or (verdict.gates and verdict.problems):
        return "bad", verdict.problems[0] if verdict.problems else "the test failed"
    if "inconclusive" in outcomes:
        return "unknown", outcomes["inconclusive"]
    if verdict.counts.skipped or verdict.counts.not_run:
        return "unknown", verdict.problems[0] if verdict.problems else "the test did not run"
    if verdict.gates and "pass" not in outcomes:
        return "unknown", outcomes["not-applicable"]
    return "good", outcomes.get("pass", "the test passed")


@dataclass(frozen=True)
class _Asking:
    settings: Settings
    hub: Hub
    repo_id: str
    refs: Refs
    gates: Path
    gate: str
    good: str
    progress: Callable[[str], None] | None

    def step(self, version: str, *, end: bool) -> Step:
        """Judge one version; one between the ends may be such that it cannot be judged."""
        sha = self.refs.tags[version]
        try:
            verdict = self._judge(version)
        except (BadInput, HarnessFailed) as error:
            if end:
                raise
            return Step(version, sha, "unknown", f"it cannot be judged: {error.fact}")
        return Step(version, sha, *answer(verdict, self.gate))

    def changes(self, old: str, new: str) -> tuple[Change, ...] | None:
        """What changed between two versions, by their records."""
        before, after = self._record(old), self._record(new)
        return None if before is None or after is None else diff.compare(before, after)

    def _judge(self, version: str) -> Verdict:
        candidate, baseline = (
            pin(self.hub, self.repo_id, name, self.refs, production=self.settings.production)
            for name in (version, self.good)
        )
        # Where the answers are known, the folder is all that is new; nobody reads these reports.
        with tempfile.TemporaryDirectory(prefix="hubver-bisect-") as out:
            how = How(only=self.gate)
            found = runner.run(
                self.settings, candidate, baseline, self.gates, Path(out), how=how, progress=self.progress
            )
        return found.verdict

    def _record(self, version: str) -> RunRecord | None:
        raw = self.hub.read_if_there(self.repo_id, self.refs.tags[version], RECORD_FILE)
        try:
            return None if raw is None else RunRecord.from_bytes(raw, source=f"{RECORD_FILE} of {version}")
        except BadDocument:
            return None


def _not_so(step: Step, wanted: str) -> BadInput:
    other = "an earlier" if wanted == "good" else "a later"
    said = "cannot be told" if step.answer == "unknown" else f"is {step.answer}"
    return BadInput(
        f"{step.version} {said} by this gate, so it is no {wanted} end of the search.",
        found=step.reason,
        hint=f"Name {other} version with --{wanted}, or another test with --gate.",
    )
