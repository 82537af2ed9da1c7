"""What a job has to say, as Markdown for its summary and for the pull request's comment. Pure.

Versions, reasons and the Hub's answers are other people's words: they are escaped, or stand in code where they can only be
what hubver knows a version or a sha to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.gate.report.comment import escaped

if TYPE_CHECKING:
    from hubver.ci.candidates import Found
    from hubver.ci.moving import GoingBack, Promoting
    from hubver.ci.plan import Plan
    from hubver.errors import HubverError


def found(result: Found) -> str:
    """Which candidates there are, and what was left out."""
    lines = [f"### Candidates of {escaped(result.repo_id)}", ""]
    for one in result.candidates:
        by = f", pull request {one.pull_request}" if one.pull_request else ""
        lines.append(f"- {escaped(str(one))} (`{one.revision}`{by})")
    lines += [] if result.candidates else ["None waits for a verdict."]
    return "\n".join([*lines, *([""] if result.notes else []), *(f"- {escaped(note)}" for note in result.notes)])


def planned(plan: Plan) -> str:
    """What is judged."""
    candidate = plan.candidate
    base = f" on {escaped(plan.base)}" if plan.base else ""
    shards = f"{len(plan.shards)} shard{'s' * (len(plan.shards) != 1)}"
    name = escaped(f"{candidate.repo_id}@{candidate.version or candidate.sha[:8]}")
    return f"{name} (`{candidate.sha}`){base} is judged in {shards}."


def no_verdict(target: str, error: HubverError, run_url: str | None) -> str:
    """A gate that came to no verdict, and why."""
    return _trouble(f"💥 There is no verdict on {escaped(target)}", error, run_url)


def refused(target: str, doing: str, error: HubverError, run_url: str | None) -> str:
    """A change that was not made, and why.

    Args:
        doing: what was not done, such as `promoted`.
    """
    return _trouble(f"⛔ {escaped(target)} was not {doing}", error, run_url)


def in_doubt(target: str, error: HubverError, run_url: str | None) -> str:
    """A promotion of which nobody can tell whether it was made, and why."""
    return _trouble(f"❔ It is not known whether {escaped(target)} was promoted", error, run_url)


def promoted(move: Promoting, url: str, run_url: str | None) -> str:
    """A promotion, and the way back."""
    done = move.done
    name = escaped(str(done.release))
    lines = [f"### 🚀 [{name}]({url}) is in {escaped(done.channel)}", ""]
    if not move.ours:
        lines.append("It was there before this run.")
    if move.previous is not None:
        kept = f", kept as `{move.rollback_tag}`" if move.rollback_tag else ""
        lines.append(f"It replaced {escaped(str(move.previous))}{kept}.")
    if done.merged:
        lines.append(f"Pull request {done.pull_request} is merged.")
    if done.note:
        lines.append(f"**{escaped(done.note)}**")
    return _ended(lines, run_url)


def rolled_back(move: GoingBack, url: str, reason: str | None, run_url: str | None) -> str:
    """A rollback, and why."""
    done = move.done
    left = f"{escaped(str(done.previous))} (`{done.previous.sha}`)"
    lines = [f"### ↩️ [{escaped(str(done.release))}]({url}) is in {escaped(done.channel)} again", ""]
    lines.append(f"It replaced {left}{', which is quarantined' if done.quarantined else ''}.")
    if reason:
        lines.append(f"Reason: {escaped(reason)}")
    return _ended(lines, run_url)


def _trouble(headline: str, error: HubverError, run_url: str | None) -> str:
    lines = [f"### {headline}", "", escaped(str(error))]
    return _ended([*lines, *(["", f"**Next:** {escaped(error.hint)}"] if error.hint else [])], run_url)


def _ended(lines: list[str], run_url: str | None) -> str:
    return "\n".join([*lines, *(["", f"[The run]({run_url})"] if run_url else []), ""])
