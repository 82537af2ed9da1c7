"""`hubver ci`: what the steps of GitHub's jobs call. Each is a verb, and tells GitHub and the Hub what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, step
from hubver.errors import HubverError

if TYPE_CHECKING:
    from hubver.ci.telling import Telling
    from hubver.settings import Settings

_channel = click.option("--channel", metavar="NAME", help="A channel of hubver.toml; production if left out.")

# No docstring, because `\b`, which keeps click from filling the paragraph, would have to be a raw character there.
_HELP = """Run one step of a GitHub workflow, and tell GitHub and the Hub what came of it.

Each sets outputs and writes the step's summary; elsewhere than in a job of GitHub these are left out. What only tells
others, such as a comment or a commit's status, never changes the exit code: what cannot be told is a warning.

\b
  hubver ci candidates ORG/NAME            which revisions the run has to judge
  hubver ci plan ORG/NAME@SHA --shards 4   how several machines judge one
  hubver ci judge ORG/NAME@SHA DIR         the verdict, by the answers of all shards
  hubver ci promote ORG/NAME@SHA           hubver promote
  hubver ci rollback ORG/NAME --from SHA   hubver rollback
"""


@click.group("ci", help=_HELP)
def command() -> None:
    """Hold the commands."""


@command.command("candidates")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--revision", metavar="REV", help="What somebody asks for: a version, refs/pr/N, a branch or a sha.")
@_channel
@click.option("--limit", type=click.IntRange(1, 256), default=10, show_default=True, help="How many at most.")
@click.option("--again", is_flag=True, help="Also what was judged already.")
@json_option
def candidates(repo: str, revision: str | None, channel: str | None, limit: int, again: bool, as_json: bool) -> None:
    """Say what this run has to judge: what its event asks for, or whatever waits for a verdict.

    Waiting are open pull requests of hubver, and the newest version, that these gates have not judged against what is in
    production now. Sets `candidates`, a JSON list, the oldest first.
    """
    from hubver.ci.candidates import find
    from hubver.target import Target

    settings, telling = _here(channel)
    target = Target.repo(repo)
    try:
        found = find(target, revision=revision, again=again, limit=limit, settings=settings)
    except HubverError as error:
        telling.not_done(target, "searched", error)
        raise
    telling.found(found)
    give(found, as_json, lambda: headed(repo, "".join(f"\n  {one} {one.revision}" for one in found.candidates)))


@command.command("plan")
@click.argument("target", metavar="ORG/NAME@REV")
@click.option("--shards", type=click.IntRange(1, 256), default=1, show_default=True, help="How many machines ask.")
@_channel
@json_option
def plan(target: str, shards: int, channel: str | None, as_json: bool) -> None:
    """Say how a candidate is judged: which commit, in which shards, and what they may keep in a cache.

    Refuses what would run code of its own when it is loaded, unless hubver.toml says what to do about it. Sets `candidate`,
    `version`, `pull-request`, `base`, `shards` and `cache-key`.
    """
    from hubver.ci.plan import plan as make

    settings, telling = _here(channel)
    try:
        made = make(target, shards=shards, settings=settings)
    except HubverError as error:
        telling.not_done(target, "judged", error)
        raise
    telling.planned(made)
    give(made, as_json, lambda: headed(made.candidate, f"\n  {', '.join(made.shards)}"))


@command.command("judge")
@click.argument("target", metavar="ORG/NAME@REV")
@click.argument("shards", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--shards", "count", type=click.IntRange(1, 256), help="How many there must be, neither fewer nor more.")
@click.option("--gates", type=click.Path(path_type=Path, file_okay=False), help="The folder of gates [default: gates].")
@_channel
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where the reports go [default: here].")
@json_option
@click.pass_context
def judge(
    context: click.Context,
    target: str,
    shards: Path,
    count: int | None,
    gates: Path | None,
    channel: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Judge a candidate by the answers that all its shards left in DIR, and say so everywhere.

    In the ledger, in the summary, on the Hub's pull request, and as a status of the commit that trained it. Sets `outcome`,
    `passed`, `candidate`, `version`, `ledger-commit` and `baseline`. Exits with 0 for a pass only.
    """
    from hubver.gate import report
    from hubver.gate.judge import judge as merge
    from hubver.gate.running.runner import How

    settings, telling = _here(channel)
    try:
        how = How(merge=shards, shards=count)
        found = merge(target, gates=gates, out=out, how=how, settings=settings, progress=_tell)
    except HubverError as error:
        telling.no_verdict(target, error, gates)
        raise
    telling.judged(found)
    give(found, as_json, lambda: report.terminal(found.verdict))
    if not found.verdict.passed:
        context.exit(1)


@command.command("promote")
@click.argument("target", metavar="ORG/NAME@REV")
@click.option("--to", metavar="CHANNEL", help="A channel of hubver.toml; production if left out.")
@click.option("--override", metavar="REASON", help="Promote without a passing verdict; the ledger keeps the reason.")
@json_option
def promote(target: str, to: str | None, override: str | None, as_json: bool) -> None:
    """Promote, or find that a former attempt of this run did: then what follows a promotion can be repeated.

    Sets `promoted`, `version`, `sha`, `model`, `previous`, `previous-sha`, `rollback-tag` and `url`.
    """
    from hubver.ci import moving
    from hubver.hub import upload_memory

    upload_memory.bound()  # a channel in a repository of its own takes a copy
    settings, telling = _here(to)
    try:
        move = moving.promote(target, to=to, override=override, settings=settings, progress=_tell)
    except HubverError as error:
        telling.not_promoted(target, error)
        raise
    telling.promoted(target, move)
    words = " was in {} already." if move.done.already else " is in {}."
    give(move, as_json, lambda: headed(move.done.release, words.format(move.done.channel)))


@command.command("rollback")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--from", "leaving", metavar="REV", help="Only if this version or sha is there.")
@click.option("--to", metavar="TAG", help="A rollback tag, or the version it keeps; the newest if left out.")
@click.option("--channel", metavar="NAME", help="A channel of hubver.toml; production if left out.")
@click.option("--quarantine", is_flag=True, help="Keep what is left out of all channels from now on.")
@click.option("--reason", metavar="TEXT", help="Why; the ledger keeps it.")
@json_option
def rollback(
    repo: str,
    leaving: str | None,
    to: str | None,
    channel: str | None,
    quarantine: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Roll back, once in each run however often its jobs are repeated, and record on GitHub what runs now.

    Sets `rolled-back`, `version`, `sha`, `model`, `previous`, `previous-sha`, `rollback-tag` and `url`.
    """
    from hubver.ci import moving
    from hubver.target import Target

    settings, telling = _here(channel)
    target = Target.repo(repo)
    try:
        move = moving.rollback(
            target,
            leaving=leaving,
            to=to,
            channel=channel,
            quarantine=quarantine,
            reason=reason,
            settings=settings,
            progress=_tell,
        )
    except HubverError as error:
        telling.not_rolled_back(target, error)
        raise
    telling.rolled_back(move, reason)
    give(move, as_json, lambda: headed(move.done.release, f" is in {move.done.channel} again."))


def _here(channel: str | None) -> tuple[Settings, Telling]:
    """The settings of a channel, and whom to tell."""
    from hubver.ci.step import Step
    from hubver.ci.telling import Telling
    from hubver.settings import Settings

    settings = Settings.load().on_channel(channel)
    # A line as it is: the runner reads annotations from the log.
    here = Step(settings.github, lambda line: click.echo(line, err=True))
    here.begin()
    return settings, Telling(settings, here)


def _tell(line: str) -> None:
    from hubver.ci import actions

    step(actions.quiet(line))
