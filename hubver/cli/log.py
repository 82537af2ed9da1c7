"""`hubver log`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, json_option, note, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.text import Text

    from hubver.hub.events import Event
    from hubver.hub.ledger import Entry

_MARKS = {
    "publish": "•",
    "verdict": "?",
    "promote": "▲",
    "rollback": "▼",
    "quarantine": "■",
    "adopt": "◆",
    "prune": "✂",
    "signature": "✎",
}
_NAMED = 3


@click.command("log")
@click.argument("repo", metavar="ORG/NAME")
@click.option("--limit", "-n", type=click.IntRange(1, 1000), default=30, show_default=True, help="How many events.")
@click.option("--channel", metavar="NAME", help="Only what moved this channel.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(_MARKS)), help="Only these; may be repeated.")
@click.option("--since", "date", metavar="DATE", help="Only from then on: 2026-11-01, or 2026-11-01T12:00Z.")
@json_option
def command(
    repo: str, limit: int, channel: str | None, kinds: tuple[str, ...], date: str | None, as_json: bool
) -> None:  # click hands every option over by itself
    """Show what happened, newest first: versions, verdicts, promotions, rollbacks, and who did it."""
    from hubver.timeline.dates import parse
    from hubver.timeline.events import events

    since = parse(date) if date is not None else None
    entries, more = events(repo, limit=limit, channel=channel, kinds=kinds, since=since)
    if more:
        note(f"Older events are shown with --limit above {limit}.")

    def human() -> RenderableType:
        if not entries and (channel or kinds or since):
            return f"Nothing of the kind has happened in {repo}. Without filters: hubver log {repo}"
        if not entries:
            return f"Nothing has happened in {repo} yet. Publish a run with: hubver push OUTPUT_DIR {repo}"
        return _lines(entries) if not sys.stdout.isatty() else _table(entries)

    give([{"sha": entry.sha, "title": entry.title, "event": entry.event} for entry in entries], as_json, human)


def _lines(entries: list[Entry]) -> Text:
    """One line for each event, for grep and for files, with columns in line."""
    from rich.text import Text

    from hubver.cli.times import clock

    whole = max((len(_actor(entry)) for entry in entries), default=0)
    lines = []
    for entry in entries:
        when = clock(entry.event.at) if entry.event else " " * 16
        told = "; ".join((_title(entry), *_details(entry.event)))
        lines.append(f"{_mark(entry)}  {when}  {_actor(entry).ljust(whole)}  {told}  {entry.sha[:8]}")
    return Text("\n".join(lines))


def _table(entries: list[Entry]) -> RenderableType:
    """For a terminal: what is told folds within its own column, and what belongs to it stands below it."""
    from rich.table import Table
    from rich.text import Text

    from hubver.cli.times import clock

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for entry in entries:
        by = " ".join(filter(None, (f"by {_actor(entry)}" if entry.event else "", f"[{entry.sha[:8]}]")))
        story = Text(_title(entry), style="" if entry.event else "yellow")
        for line in (by, *_details(entry.event)):
            story.append(f"\n{line}", style="dim")
        table.add_row(_mark(entry), clock(entry.event.at) if entry.event else "", story)
    return table


def _mark(entry: Entry) -> str:
    return _MARKS.get(entry.event.kind, "•") if entry.event else "!"


def _actor(entry: Entry) -> str:
    return " ".join(visible(entry.event.actor).split()) if entry.event else ""


def _title(entry: Entry) -> str:
    why = getattr(entry.event, "override", None)
    title = " ".join(visible(f"{entry.title}: {why}" if why else entry.title).split())
    if entry.event is not None:
        return title
    return f"{title} (not written by hubver)" if entry.unreadable is None else f"{title} (by a newer hubver)"


def _details(event: Event | None) -> list[str]:
    """What an event says beyond its title, each in a few words."""
    return [" ".join(visible(text).split()) for text in _said(event)] if event is not None else []


def _said(event: Event) -> Iterator[str]:
    from hubver.hub.events import Change

    yield from _of_its_kind(event)
    if isinstance(event, Change) and event.in_steps:
        yield "in steps"
    if event.run_url is not None:
        yield event.run_url


def _of_its_kind(event: Event) -> Iterator[str]:
    from hubver.hub.events import Adopted, Judged, Promoted, Pruned, RolledBack, Unjudged

    if isinstance(event, Promoted):
        if event.rollback_tag is not None:
            yield f"way back: {event.rollback_tag}"
        if event.pull_request is not None:
            yield f"from pull request #{event.pull_request}"
    elif isinstance(event, RolledBack) and event.quarantined:
        yield f"{event.previous} is quarantined"
    elif isinstance(event, Adopted) and event.reason is not None:
        yield event.reason
    elif isinstance(event, Judged):
        yield from event.reasons[:_NAMED]
    elif isinstance(event, Unjudged):
        yield event.reason
    elif isinstance(event, Pruned):
        yield ", ".join(list(event.refs)[:_NAMED]) + (" ..." if len(event.refs) > _NAMED else "")
