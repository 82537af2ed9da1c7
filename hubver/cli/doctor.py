"""`hubver doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, plain, step, visible

if TYPE_CHECKING:
    from rich.text import Text

    from hubver.doctor import Report


@click.command("doctor")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--repair", is_flag=True, help="Finish what is half done, and make tags again that are missing.")
@click.option(
    "--restore",
    metavar="NAME",
    multiple=True,
    help="Move a channel, or a tag, back to where the ledger says; may be given several times.",
)
@click.option("--adopt", metavar="CHANNEL", help="Let the ledger follow a channel to where others moved it.")
@click.option("--reason", metavar="TEXT", help="Why it is adopted; the ledger keeps it.")
@click.option("--forget", is_flag=True, help="Forget what this machine saw of the ledger before.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    repo: str,
    repair: bool,
    restore: tuple[str, ...],
    adopt: str | None,
    reason: str | None,
    forget: bool,
    as_json: bool,
) -> None:
    """Say which way refs will move, whether anything was moved behind hubver's back, and how to put it right.

    Nothing is changed without --repair, --restore or --adopt. The ledger is never rewritten.

    Exit codes: 0 nothing is wrong; 1 something is, or was not repaired; 2 the command or the token is wrong; 3 the Hub or
    the network failed.
    """
    from hubver.doctor import doctor
    from hubver.target import Target

    report = doctor(
        Target.repo(repo),
        repair=repair,
        restore=restore,
        adopt=adopt,
        reason=reason,
        forget=forget,
        progress=step,
    )
    give({**plain(report), "healthy": report.healthy} if as_json else report, as_json, lambda: _human(report))
    if not report.healthy:
        context.exit(1)


def _human(report: Report) -> Text:
    from rich.text import Text

    access = report.access
    count = len(report.problems)
    verdict = "is as its ledger says" if report.healthy else f"has {count} problem{'s' * (count != 1)}"
    text = headed(report.repo_id, f" {verdict}\n")
    read = f"{report.events:,} commits of the ledger were read" + ("" if report.whole else ", and there are more")
    lines = [
        f"  Hub      {access.endpoint}, as {access.account or 'nobody'}; token: {access.token}",
        f"  refs     {access.way or 'not known which way they move'}: {access.because}",
        *([f"           {access.meaning}"] if access.meaning else []),
        f"  ledger   {read}",
        "  here     " + ", ".join(f"{name} {version}" for name, version in access.versions.items()),
    ]
    text.append("\n".join(map(visible, lines)) + "\n")
    for finding in report.findings:
        text.append("  ✗ " if finding.problem else "  · ", style="red" if finding.problem else "dim")
        text.append(f"{visible(str(finding))}\n")
        for word, way in (("--repair would", finding.repair), ("you", finding.advice)):
            if way:
                text.append(f"      {word}: {visible(way)}\n", style="dim")
    for line in report.repaired:
        text.append("  ✓ ", style="green").append(f"{visible(line)}\n")
    return Text.assemble(text[:-1])
