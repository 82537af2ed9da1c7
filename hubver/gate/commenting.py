"""A verdict on the pull request that brought the candidate: one comment, which the next verdict replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.gate import report
from hubver.hub import pulls
from hubver.hub.client import Hub

if TYPE_CHECKING:
    from hubver.gate.judge import Judgement
    from hubver.settings import Settings


def comment(judgement: Judgement, settings: Settings) -> str | None:
    """Put a verdict, and what to do next, on the pull request whose head was judged.

    Args:
        judgement: what `judge` came to.
        settings: those that it judged by: each channel has a comment of its own.

    Returns:
        The comment's address; None where no pull request has that commit as its head now.

    Raises:
        BadToken, HubFailed, HubUnreachable: see `hubver.hub.pulls.upsert_comment`. The verdict stands all the same.
    """
    candidate = judgement.candidate
    hub = Hub.of(settings, candidate.repo_id)
    number = pulls.with_head(hub.refs(candidate.repo_id), candidate.sha)
    if number is None:
        return None
    return pulls.upsert_comment(hub, candidate.repo_id, number, marker(settings), text(judgement, settings))


def marker(settings: Settings) -> str:
    """What tells this comment from others: the verdict for a channel."""
    channel = "" if settings.acting_on is None else f" {settings.acting_on}"
    return f"<!-- hubver:gate{channel} -->"


def text(judgement: Judgement, settings: Settings) -> str:
    """The verdict as Markdown, and what to do next."""
    lines = [report.markdown(judgement.verdict), f"**Next:** {_next(judgement, settings)}", ""]
    if settings.run_url:
        lines.append(f"[The run that judged]({settings.run_url})")
    return "\n".join(lines)


def _next(judgement: Judgement, settings: Settings) -> str:
    candidate, outcome = judgement.candidate, judgement.verdict.outcome
    # A version or a sha: other revisions may hold letters that mean something in Markdown.
    target = f"{candidate.repo_id}@{candidate.version or candidate.sha}"
    if outcome == "pass":
        to = f" --to {settings.acting_on}" if settings.acting_on else ""
        return f"`hubver promote {target}{to}`"
    channel = f" --channel {settings.acting_on}" if settings.acting_on else ""
    if outcome == "inconclusive":
        return f"give the gates more examples, as said above, then `hubver gate {target}{channel}`"
    return f"put right what is said above, then `hubver push FOLDER {candidate.repo_id} --pr`"
