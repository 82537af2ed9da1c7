"""The verdict: what the gate found for one candidate against one production, as a stored document.

`gate-report.json` holds one. It carries everything that an auditor asks for, and it cannot contradict itself: a report
that claims a pass against its own evidence is not a verdict, and reading it raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from hubver.documents import Document, Part

if TYPE_CHECKING:
    from typing_extensions import Self

Outcome = Literal["pass", "fail", "inconclusive", "error"]
GateOutcome = Literal["pass", "fail", "inconclusive", "not-applicable"]
Tier = Literal["critical", "advisory"]

REPORT_JSON = "gate-report.json"
REPORT_MARKDOWN = "gate-report.md"
# It shows examples and answers, so it stays on the machine that judged; the ledger gets the other two.
REPORT_HTML = "gate-report.html"


class Bounds(Part):
    """A confidence interval: `low <= truth <= high`; each end is wrong with probability at most the gate's alpha."""

    low: float
    high: float


class EValues(Part):
    """The greatest e-values at any number of examples. One of 1 / alpha decides; its inverse is a p-value.

    Attributes:
        support: against "the truth is at or beyond the threshold": what speaks for a pass.
        against: against "the truth is fine": what speaks for a fail.
    """

    support: float
    against: float


class Evidence(Part):
    """How the evidence grew, thinned for a picture: log10 of the e-value after so many examples.

    Attributes:
        examples: after how many; rising, at most 100 of them, the last is all that were looked at.
        support: what spoke for a pass then.
        against: what spoke for a fail then.
    """

    examples: tuple[int, ...]
    support: tuple[float, ...]
    against: tuple[float, ...]


class SliceResult(Part):
    """One slice of a worst-slice gate, or one limit of a budget.

    A slice's numbers are those of its floor or of its margin, whichever decided; see `GateResult`, whose fields mean the
    same.
    """

    name: str
    outcome: GateOutcome
    n: int
    planned: int | None = None
    value: float | None = None
    production: float | None = None
    threshold: float | None = None
    interval: Bounds | None = None
    reason: str = ""
    more_examples: int | None = None
    e_values: EValues | None = None
    p_fail: float | None = None
    p_fail_holm: float | None = None


class GateResult(Part):
    """What one policy found for one task.

    Attributes:
        gate: the test that asked, as pytest names it; set by the session.
        policy: floor, steady, no_regression, retained, worst_slice, budget, memorisation or alive.
        task: the task's name.
        outcome: see `GateOutcome`; only "pass" and "not-applicable" do not stop a promotion.
        reason: one sentence for people.
        value: the candidate's mean score (for alive: the greatest difference of a log-probability).
        production: production's mean score, where the policy compares.
        threshold: the floor, or minus the margin, that the interval must clear.
        interval: of the mean (floor) or of the mean paired difference (no_regression).
        alpha: the probability of error in each direction: that a candidate beyond the threshold passes, or a fine one
            fails, whenever one stops.
        n: examples that were looked at.
        planned: examples that the task has; None in reports of an earlier hubver.
        more_examples: roughly how many more would decide an inconclusive gate; None where no realistic number would.
        slices: each slice of a worst-slice gate, each limit of a budget.
        tier: an advisory gate is reported, and never stops a promotion.
        e_values: the evidence that decided; None where none was needed.
        evidence: how it grew.
        bootstrap: the bootstrap interval at the same alpha, for one fixed n; it decides nothing.
        mcnemar: the p-value of McNemar's exact test, for one fixed n, where all scores are 0 or 1; it decides nothing.
        p_fail: the p-value of "the truth is fine"; None where the outcome is certain.
        p_fail_holm: the same after Holm's correction for all gates that were asked; set when the verdict is made.
    """

    gate: str = ""
    policy: str
    task: str
    outcome: GateOutcome
    reason: str
    value: float | None = None
    production: float | None = None
    threshold: float | None = None
    interval: Bounds | None = None
    alpha: float | None = None
    n: int = 0
    planned: int | None = None
    more_examples: int | None = None
    slices: tuple[SliceResult, ...] = ()
    tier: Tier = "critical"
    e_values: EValues | None = None
    evidence: Evidence | None = None
    bootstrap: Bounds | None = None
    mcnemar: float | None = None
    p_fail: float | None = None
    p_fail_holm: float | None = None


class Subject(Part):
    """A revision that took part: as it was asked for, and the commit it meant. A local folder has no commit."""

    revision: str
    sha: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")


class Counts(Part):
    """How many. Tests: collected, tests_failed, skipped, deselected, not_run. Critical gates: the others."""

    collected: int = 0
    tests_failed: int = 0
    skipped: int = 0
    deselected: int = 0
    not_run: int = 0
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    not_applicable: int = 0


class GatesCode(Part):
    """The code that judged: the digest of its folder, and its git commit where it has one."""

    digest: str
    commit: str | None = None
    dirty: bool | None = None


class TaskUsed(Part):
    """A task that was scored: the digest covers its rows, templates, scorer and generation settings."""

    name: str
    digest: str
    n: int


class Verdict(Document):
    """What the gate found. `passed` is the one question that a promotion asks.

    Attributes:
        repo_id: the model repository; None for a local folder.
        candidate: what was judged.
        baseline: the production it was compared with; None on a first release.
        outcome: pass, fail, inconclusive (nothing failed, but something could not be decided) or error.
        gates: every result, in the order they were found.
        problems: sentences that each stop the promotion, whatever the gates found.
        counts: of tests and gates.
        gates_code: which gates these were.
        tasks: what was scored.
        engine: device, precision, threads, library versions.
        seeds: every seed that a number depends on.
        hubver_version: of the tool.
        created: ISO 8601, UTC.
        duration_seconds: of the whole session.
        only: the one test that was run; None where all were. Such a verdict promotes nothing, whatever it found.
    """

    document_name: ClassVar[str] = "gate report"

    format: Literal["hubver.verdict/1"] = "hubver.verdict/1"
    repo_id: str | None
    candidate: Subject
    baseline: Subject | None
    outcome: Outcome
    gates: tuple[GateResult, ...] = ()
    problems: tuple[str, ...] = ()
    counts: Counts = Counts()
    gates_code: GatesCode
    tasks: tuple[TaskUsed, ...] = ()
    engine: dict[str, str | int | bool] = Field(default_factory=dict)
    seeds: dict[str, int] = Field(default_factory=dict)
    hubver_version: str
    created: str
    duration_seconds: float = Field(ge=0)
    only: str | None = None

    @property
    def passed(self) -> bool:
        """Whether this verdict allows a promotion of its candidate over its baseline."""
        return self.outcome == "pass" and self.only is None

    @model_validator(mode="after")
    def _must_not_contradict_itself(self) -> Self:
        found_gates = count_gates(self.gates)
        counted = (self.counts.passed, self.counts.failed, self.counts.inconclusive, self.counts.not_applicable)
        if counted != tuple(found_gates.values()):
            raise ValueError(f"its counts {counted} are not those of its gates {tuple(found_gates.values())}")
        if self.outcome == "pass" and (found := judge(self.gates, self.problems, self.counts)) != "pass":
            raise ValueError(f"it claims a pass, but its own evidence says {found}")
        return self


def count_gates(gates: tuple[GateResult, ...]) -> dict[GateOutcome, int]:
    """How many critical gates had each outcome: pass, fail, inconclusive, not-applicable, in this order."""
    counts: dict[GateOutcome, int] = {"pass": 0, "fail": 0, "inconclusive": 0, "not-applicable": 0}
    for gate in gates:
        if gate.tier == "critical":
            counts[gate.outcome] += 1
    return counts


def judge(gates: tuple[GateResult, ...], problems: tuple[str, ...], counts: Counts) -> Outcome:
    """The outcome that some evidence supports. Pure; fails closed.

    A pass needs at least one critical gate that passed, because all of nothing would be true.
    """
    found = count_gates(gates)
    clean = not (problems or counts.tests_failed or counts.skipped or counts.deselected or counts.not_run)
    if found["fail"] or not clean or not (found["pass"] or found["inconclusive"]):
        return "fail"
    return "inconclusive" if found["inconclusive"] else "pass"
