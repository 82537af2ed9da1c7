"""From findings to what is written down: the verdict, the scores that the ledger keeps, the answers of a shard."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import hubver
from hubver.gate import policies
from hubver.gate.hearing.scores import Scores
from hubver.gate.hearing.shards import Part, Shard, written
from hubver.gate.running.provenance import gates_code
from hubver.gate.running.public import public
from hubver.gate.verdict import Counts, GateResult, Subject, Verdict, count_gates, judge

if TYPE_CHECKING:
    from hubver.gate.asking.contenders import Contender
    from hubver.gate.asking.models import Answering
    from hubver.gate.hearing.case import Case
    from hubver.gate.hearing.findings import Findings


def verdict(case: Case, findings: Findings, exit_status: int, seeds: dict[str, int]) -> Verdict:
    """Come to a verdict.

    Args:
        case: who stood before which gates.
        findings: everything that was found.
        exit_status: what pytest itself found; see `pytest.ExitCode`.
        seeds: every seed that a number depends on.
    """
    results, watch = policies.with_holm(findings.results), findings.watch
    watch.finish(exit_status, results)
    problems = tuple(watch.problems)
    found = count_gates(results)
    counts = Counts(
        collected=watch.collected,
        tests_failed=watch.failed,
        skipped=watch.skipped,
        deselected=watch.deselected,
        not_run=watch.not_run,
        passed=found["pass"],
        failed=found["fail"],
        inconclusive=found["inconclusive"],
        not_applicable=found["not-applicable"],
    )
    return Verdict(
        repo_id=case.repo_id,
        candidate=_subject(case, case.candidate),
        baseline=_subject(case, case.production) if case.production else None,
        outcome="error" if watch.error_code else judge(results, problems, counts),
        gates=tuple(GateResult.model_validate(_public(case, result.model_dump())) for result in results),
        problems=_public(case, problems),
        counts=counts,
        gates_code=gates_code(case.gates),
        tasks=tuple(findings.tasks[name] for name in sorted(findings.tasks)),
        engine=findings.engine,
        seeds=seeds,
        hubver_version=hubver.__version__,
        created=case.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        duration_seconds=round(time.monotonic() - case.clock, 3),
        only=case.only,
    )


def exit_code(found: Verdict, findings: Findings) -> int:
    """The code that pytest exits with: 0 pass, 1 no, 2 wrong input, 3 the harness failed."""
    return findings.watch.error_code or (0 if found.outcome == "pass" else 1)


def scores(case: Case, findings: Findings, models: Answering) -> Scores | None:
    """What the candidate scored, for the day when it is in production; None for a folder, and where it was not scored."""
    tasks = {digest: known for (who, digest), known in findings.scores.items() if who == case.candidate.name}
    identity = case.candidate.identity
    if identity is None or not tasks:
        return None
    return Scores.of(identity, models.key(), tasks)


def shard(case: Case, part: Part, found: Verdict, models: Answering) -> Shard:
    """What one part of a gate found out.

    Args:
        case: who stood before which gates.
        part: which part it was.
        found: the verdict on it, which decides nothing, but says what it was about.
        models: who answered.
    """
    taking_part = [who for who in (case.candidate, case.production, case.candidate.base) if who is not None]
    return Shard(
        repo_id=found.repo_id,
        candidate=found.candidate,
        baseline=found.baseline,
        gates_digest=found.gates_code.digest,
        index=part.index,
        count=part.count,
        tasks=found.tasks,
        engine=found.engine,
        answers={who.name: written(models.given(who)) for who in taking_part},
        measured=models.measured,
    )


def _subject(case: Case, who: Contender) -> Subject:
    return Subject(revision=_public(case, who.revision), sha=who.sha)


def _public(case: Case, value: Any) -> Any:
    return public(value, (case.settings.root, case.gates))
