"""`hubver gate`, and its parts: `hubver gate ... --shard` and `hubver gate merge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubver.cli.output import give, json_option, note, step, warn
from hubver.errors import BadInput, HubverError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hubver.gate.judge import Judgement
    from hubver.settings import Settings


class _JudgeByDefault(click.Group):
    """`hubver gate TARGET` judges; a word that is a command of its own is that command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "-h", "--help"}:
            args = ["judge", *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the options of judging, which is what this command does."""
        records = [parameter.get_help_record(ctx) for parameter in judge_here.params if parameter.opts[0][:1] == "-"]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record is not None])


def _gates_options(function: Any) -> Any:
    gates = click.option(
        "--gates", type=click.Path(path_type=Path, file_okay=False), help="The folder of gates [default: gates]."
    )
    out = click.option(
        "--out", type=click.Path(path_type=Path, file_okay=False), help="Where the reports go [default: here]."
    )
    channel = click.option(
        "--channel", metavar="NAME", help="Judge for this channel of hubver.toml, against what is in it."
    )
    return gates(channel(out(function)))


_comment_option = click.option(
    "--comment", is_flag=True, help="Say the verdict on the pull request whose head this is, in the former one's place."
)


# No docstring, because `\b`, which keeps click from filling the paragraph, would have to be a raw character there.
_HELP = """Judge a revision with the project's gates, against what is in production now.

Runs pytest on exactly that commit, writes gate-report.json, .md and .html, and records the verdict in the ledger. Exits
with 0 for a pass and 1 for anything else.

\b
  hubver gate ORG/NAME@REV               judge it here
  hubver gate ORG/NAME@REV --shard 2/4   ask about a quarter of the examples, on one of four machines
  hubver gate merge ORG/NAME@REV DIR     judge by the answers of all four
  hubver gate rehearse ORG/NAME          try the gates on what is in production, and record nothing
"""


@click.group("gate", cls=_JudgeByDefault, help=_HELP, options_metavar="", subcommand_metavar="ORG/NAME@REV [OPTIONS]")
def command() -> None:
    """Hold the commands."""


@command.command("judge")
@click.argument("target", metavar="ORG/NAME@REV")
@_gates_options
@click.option("--full", is_flag=True, help="Look at every example, also where fewer have decided already.")
@click.option("--shard", metavar="I/N", help="Ask about one part of the examples only, and decide nothing.")
@_comment_option
@json_option
@click.pass_context
def judge_here(
    context: click.Context,
    target: str,
    gates: Path | None,
    channel: str | None,
    out: Path | None,
    full: bool,
    shard: str | None,
    comment: bool,
    as_json: bool,
) -> None:
    """Judge a revision on this machine, or ask about one part of its examples."""
    from hubver.gate.hearing.shards import Part
    from hubver.gate.judge import ask_part, judge
    from hubver.gate.running.runner import How
    from hubver.settings import Settings

    settings = Settings.load().on_channel(channel)
    if shard is not None:
        if comment:
            raise BadInput("A shard decides nothing, so there is no verdict to comment.", hint="Comment when merging.")
        file = ask_part(target, Part.parse(shard), gates=gates, out=out, settings=settings, progress=step)
        give({"shard": file}, as_json, lambda: str(file))
        note(f"Once all parts are in one folder: hubver gate merge {target} FOLDER")
        return
    found = judge(target, gates=gates, out=out, how=How(full=full), settings=settings, progress=step)
    if comment:
        _comment(found, settings)
    _say(context, target, channel, found, as_json)


@command.command("merge")
@click.argument("target", metavar="ORG/NAME@REV")
@click.argument("shards", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@_gates_options
@click.option("--full", is_flag=True, help="Look at every example, also where fewer have decided already.")
@_comment_option
@json_option
@click.pass_context
def merge(
    context: click.Context,
    target: str,
    shards: Path,
    gates: Path | None,
    channel: str | None,
    out: Path | None,
    full: bool,
    comment: bool,
    as_json: bool,
) -> None:
    """Judge a revision by the answers that all its shards left in DIR, or in folders of it. No model is loaded."""
    from hubver.gate.judge import judge
    from hubver.gate.running.runner import How
    from hubver.settings import Settings

    settings = Settings.load().on_channel(channel)
    found = judge(target, gates=gates, out=out, how=How(full=full, merge=shards), settings=settings, progress=step)
    if comment:
        _comment(found, settings)
    _say(context, target, channel, found, as_json)


@command.command("rehearse")
@click.argument("repo", metavar="ORG/NAME")
@_gates_options
@json_option
@click.pass_context
def rehearse(
    context: click.Context, repo: str, gates: Path | None, channel: str | None, out: Path | None, as_json: bool
) -> None:
    """Run the gates on what is in production now, against itself, and record nothing: for whoever changes a gate."""
    from hubver.gate import report
    from hubver.gate.rehearsal import rehearse
    from hubver.settings import Settings
    from hubver.target import Target

    settings = Settings.load().on_channel(channel)
    repo_id = Target.repo(repo)
    verdict = rehearse(repo_id, gates=gates, out=out, settings=settings, progress=step)
    if verdict is None:
        note(f"Nothing is in {settings.channel} of {repo_id} yet, so the gates were collected and not run.")
        give({"verdict": None}, as_json, lambda: "The gates can be collected.")
        return
    give({"verdict": verdict}, as_json, lambda: report.terminal(verdict))
    if not verdict.passed:
        context.exit(1)


def _comment(judgement: Judgement, settings: Settings) -> None:
    """Say the verdict on the pull request. It stands in the ledger, so nothing that goes wrong here changes it."""
    from hubver.gate import commenting

    try:
        address = commenting.comment(judgement, settings)
    except HubverError as error:
        warn(f"the verdict stands, but no comment says so: {error} {error.hint or ''}".rstrip())
        return
    note(f"Said on {address}" if address else f"No pull request has {judgement.candidate.sha[:8]} as its head.")


def _say(context: click.Context, target: str, channel: str | None, judgement: Judgement, as_json: bool) -> None:
    from hubver.gate import report

    def human() -> RenderableType:
        from rich.console import Group

        found = report.terminal(judgement.verdict)
        to = f" --to {channel}" if channel else ""
        return Group(found, f"Next: hubver promote {target}{to}") if judgement.verdict.passed else found

    give(judgement, as_json, human)
    if not judgement.verdict.passed:
        context.exit(1)
