"""`doctor`: examine a repository, repair what one asks for, and examine it again."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from hubver.doctor.examination import examine
from hubver.doctor.repairs import Repairer
from hubver.errors import BadInput, NotFound, NotGated, StaleRef
from hubver.hub import witness
from hubver.hub.client import Hub
from hubver.record.secrets import redact
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubver.doctor.findings import Finding, Report

# What one repair uncovers, the next takes up; whoever runs the command again goes on.
_ROUNDS = 8


def doctor(
    repo_id: str,
    *,
    repair: bool = False,
    restore: Sequence[str] = (),
    adopt: str | None = None,
    reason: str | None = None,
    forget: bool = False,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    clock: Callable[[], float] = time.time,
) -> Report:
    """Say which way refs move, whether they agree with the ledger, and what would put right what does not.

    Nothing is written unless one of the repairs is asked for. Each is safe to repeat.

    Args:
        repair: finish what is half done, and make tags again that are missing.
        restore: channels to move back to where the ledger says, and tags to put back on the commit it names.
        adopt: a channel that the ledger shall follow to where it was moved by other means.
        reason: why; the ledger keeps it. Needed to adopt.
        forget: forget what this machine saw of the ledger.
        settings: the user's own if None.
        progress: told each step, before it is made.
        clock: seconds since 1970, by this machine.

    Raises:
        NotGated: a repair was asked for, but the ledger cannot be believed; or a channel may not go there.
        BadInput: nothing of that name can be restored or adopted; or there is no reason.
        BadToken, NotFound, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    said = _check_adoption(adopt, reason, settings)
    hub = Hub.of(settings, repo_id)
    tell = progress or (lambda _line: None)
    if forget:
        witness.forget(settings, repo_id)
    report = examine(hub, repo_id, settings, asked=restore, clock=clock)
    if not (repair or restore or adopt):
        return report
    _check_believable(report)
    done: list[str] = []

    def note(line: str) -> None:
        done.append(line)
        tell(line)

    repairer = Repairer(hub, repo_id, settings, note)
    for name in restore:
        _yielding(tell, _restore, repairer, report, name)
    if adopt is not None:
        _yielding(tell, repairer.adopt, adopt, said)
    report = examine(hub, repo_id, settings, clock=clock)
    for _ in range(_ROUNDS if repair else 0):
        todo = [one for one in report.problems if one.repair is not None]
        if not todo or report.unbelievable is not None:
            break
        _yielding(tell, _repair, repairer, todo)
        report = examine(hub, repo_id, settings, clock=clock)
    return replace(report, repaired=tuple(done))


def _yielding(tell: Callable[[str], None], repair: Callable[..., object], *arguments: object) -> None:
    """Run a repair; where somebody else was faster, say so, and let the examination that follows tell what is left."""
    try:
        repair(*arguments)
    except StaleRef as error:
        tell(f"somebody else was faster: {error}")


def _repair(repairer: Repairer, todo: Sequence[Finding]) -> None:
    if any(one.name == "half-done" for one in todo):
        repairer.finish()
    moves = [move for one in todo for move in one.moves]
    for one in todo:
        if one.moves and one.repair is not None:
            repairer.tell(one.repair)
    if moves:
        repairer.make_tags(moves)


def _restore(repairer: Repairer, report: Report, name: str) -> None:
    """Put back what is called so: a channel, or a tag. What is as the ledger says is left as it is.

    Raises:
        NotFound: a tag's commit is no longer on the Hub.
        BadInput: there is nothing of that name.
    """
    about = {one.name: one for one in report.problems if one.subject == name}
    tag = about.get("tag-moved") or about.get("tag-missing")
    if {"channel-moved", "channel-missing", "channel-unknown", "half-done"} & about.keys():
        repairer.restore(name)
    elif tag is not None and tag.moves:
        repairer.tell(f"putting {name} back on {str(tag.moves[0].new)[:8]}")
        repairer.put_back(tag.moves[0])
    elif lost := tag or about.get("tag-lost"):
        raise NotFound(f"{name} cannot be put back: its commit is no longer on the Hub.", hint=lost.advice)
    else:
        refs = repairer.hub.refs(repairer.repo_id)
        if name not in (*refs.branches, *refs.tags):
            raise BadInput(
                f"There is no channel and no tag {name!r} in {repairer.repo_id}, nor in its ledger.",
                hint=f"See what is wrong with: hubver doctor {repairer.repo_id}",
            )


def _check_believable(report: Report) -> None:
    """Refuse to write anything by a ledger that cannot be believed.

    Raises:
        NotGated: it cannot be.
    """
    why = report.unbelievable
    if why is not None:
        raise NotGated(
            f"Nothing is repaired by a ledger that cannot be believed. {why.fact}",
            expected=why.expected,
            found=why.found,
            hint=why.advice,
        )


def _check_adoption(channel: str | None, reason: str | None, settings: Settings) -> str:
    """The reason to adopt, as the ledger may keep it for ever; empty where nothing is adopted.

    Raises:
        BadInput: there is a reason, or a channel, without the other.
        NotGated: the channel takes nothing without a verdict.
    """
    if channel is None:
        if reason is not None:
            raise BadInput("A reason is for what is accepted.", hint="Name the channel: --adopt CHANNEL --reason TEXT")
        return ""
    if reason is None or not reason.strip():
        raise BadInput(
            f"To accept what others put into {channel} needs a reason, which the ledger keeps.",
            hint=f"Give one: --adopt {channel} --reason TEXT",
        )
    if not settings.model_copy(update={"acting_on": channel}).rules.overrides:
        raise NotGated(
            f"{channel} takes nothing without a verdict: {settings.source or 'the settings'} says overrides = false.",
            hint=f"Move it back with: hubver doctor ORG/NAME --restore {channel}",
        )
    return redact(reason)
