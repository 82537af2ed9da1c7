"""The report: a table of files, and a line for each failure and each reason not to count a test."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from witness.run import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from witness.run import FileResult


def as_json(results: list[FileResult], left_out: dict[str, str]) -> str:
    """Everything, for programs."""
    files: list[dict[str, Any]] = [
        {
            "file": result.file,
            **{outcome.replace(" ", "_"): result.count(outcome) for outcome in OUTCOMES},
            "tests": [{"name": t.name, "outcome": t.outcome, "detail": t.detail} for t in result.tests],
        }
        for result in results
    ]
    return json.dumps({"files": files, "left_out": left_out}, indent=1) + "\n"


def as_markdown(results: list[FileResult], left_out: dict[str, str]) -> str:
    """The table, and what stands behind its numbers."""
    return (
        "\n".join([*_table(results), "", *_failures(results), *_not_applicable(results), *_left_out(left_out)]) + "\n"
    )


def _table(results: list[FileResult]) -> Iterator[str]:
    width = max([len(result.file) for result in results] + [5])
    yield f"| {'file':{width}} | " + " | ".join(f"{outcome:>14}" for outcome in OUTCOMES) + " |"
    yield f"|{'-' * (width + 2)}|" + "|".join("-" * 15 + ":" for _ in OUTCOMES) + "|"
    for result in results:
        yield f"| {result.file:{width}} | " + " | ".join(f"{result.count(o):>14}" for o in OUTCOMES) + " |"
    sums = [sum(result.count(outcome) for result in results) for outcome in OUTCOMES]
    yield f"| {'all':{width}} | " + " | ".join(f"{number:>14}" for number in sums) + " |"


def _failures(results: list[FileResult]) -> Iterator[str]:
    for result in results:
        for test in result.tests:
            if test.outcome == "failed":
                yield f"- {result.file} {test.name}: {test.detail}"
    yield ""


def _not_applicable(results: list[FileResult]) -> Iterator[str]:
    yield "Not applicable:"
    reasons = Counter(test.detail for result in results for test in result.tests if test.outcome == "not applicable")
    for detail, number in reasons.most_common():
        yield f"- {number} x {detail}"
    yield ""


def _left_out(left_out: dict[str, str]) -> Iterator[str]:
    yield "Files that were not run:"
    for file, why in left_out.items():
        yield f"- {file}: {why}"
