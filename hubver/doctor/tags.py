"""Tags held against the ledger: versions and rollback points, where its events put them and where they are. Pure.

What the ledger made, or named, must still be there and unmoved; what it never named was made by other means, or the
event that names it has been taken out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubver.doctor.facts import Facts, short
from hubver.doctor.findings import Finding
from hubver.hub.events import Event, Promoted, Pruned, Published, Release
from hubver.hub.transport.moves import Move
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROLLBACK = "rollback/"
_REF = "refs/tags/"
_NAMED = 10


@dataclass(frozen=True)
class Said:
    """Where the ledger says that tags are: name → commit, and who put them there: name → the event's title."""

    at: Mapping[str, str]
    by: Mapping[str, str]


@dataclass(frozen=True)
class Doubt:
    """A tag that is not where the ledger says.

    Attributes:
        said: the commit it should be on; None where no event names it.
        now: what the Hub lists; None where there is no such tag.
        by: the title of the event that put it there.
    """

    tag: str
    said: str | None
    now: str | None
    by: str | None = None

    @property
    def certain(self) -> bool:
        """Whether a look would tell no more: somebody made a rollback point that no event made, whatever is there."""
        return self.said is None and self.tag.startswith(ROLLBACK)


@dataclass(frozen=True)
class Looked:
    """What was seen when doubtful tags were looked at, one by one.

    Attributes:
        tags: those that were looked at. Of any other nothing is known but that it is not where the ledger says.
        resolved: tag → the commit that the Hub resolves it to: a list may show a tag with a message as itself.
        lost: commits that the Hub no longer has.
        records: commits that hold a record, so that hubver published them.
    """

    tags: frozenset[str] = frozenset()
    resolved: Mapping[str, str] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()


def said(facts: Facts) -> Said:
    """Where the ledger says that tags are: the newest event that made one decides, or else the newest that names it."""
    made: dict[str, str] = {}
    named: dict[str, str] = {}
    by: dict[str, str] = {}
    gone = set(facts.begun.tags) if facts.begun else set()
    for entry in reversed(facts.entries):
        event = entry.event
        if event is None:
            continue
        makes = _made(event)
        made |= makes
        by |= dict.fromkeys(makes, entry.title)
        if not (facts.begun and event == facts.begun):
            gone -= makes.keys()
        for release in _named(event):
            if release.version is not None:
                named[release.version] = release.sha
                by.setdefault(release.version, entry.title)
        if isinstance(event, Pruned):
            gone |= {ref.removeprefix(_REF) for ref in event.refs}
    at = {tag: sha for tag, sha in (named | made).items() if tag not in gone}
    return Said(at, by)


def doubts(facts: Facts, story: Said) -> list[Doubt]:
    """Tags that are not where the ledger says; those without an event only where all of it was read."""
    tags = facts.refs.tags
    found = [
        Doubt(tag, sha, tags.get(tag), story.by[tag]) for tag, sha in sorted(story.at.items()) if tags.get(tag) != sha
    ]
    if facts.whole:
        begun = facts.begun.tags if facts.begun else {}
        strange = sorted(tag for tag in tags if _is_ours(tag) and tag not in story.at and tag not in begun)
        found += [Doubt(tag, None, tags[tag]) for tag in strange]
    return found


def check(facts: Facts, doubtful: Sequence[Doubt], looked: Looked) -> Iterator[Finding]:
    """What is wrong with the tags."""
    unseen: list[Doubt] = []
    for doubt in doubtful:
        if doubt.tag not in looked.tags and not doubt.certain:
            unseen.append(doubt)
        elif doubt.said is None:
            yield _unexplained(facts, doubt, looked)
        elif doubt.now is None:
            yield _missing(facts, doubt, looked)
        elif looked.resolved.get(doubt.tag, doubt.now) != doubt.said:
            yield _moved(facts, doubt, looked)
    yield from _unseen(facts, unseen)


def _unseen(facts: Facts, unseen: Sequence[Doubt]) -> Iterator[Finding]:
    """What is known of tags that nobody has looked at: not which commits they are on, nor whether these are still there."""
    if wrong := [doubt.tag for doubt in unseen if doubt.said is not None]:
        yield Finding(
            "tag-unseen",
            "tags",
            f"Tags that are not where the ledger says, and that were not looked at: {_counted(wrong)}.",
            advice="They come up once those above are right. Look at one now, and put it back where it is wrong, with: "
            f"hubver doctor {facts.repo_id} --restore TAG",
        )
    if strange := [doubt.tag for doubt in unseen if doubt.said is None]:
        fact = f"Versions that no event names, and that were not looked at: {_counted(strange)}."
        yield Finding("tag-unseen", "tags", fact, problem=False)


def _missing(facts: Facts, doubt: Doubt, looked: Looked) -> Finding:
    what, sha = _what(doubt.tag), str(doubt.said)
    fact = f"The {what} {doubt.tag} is not there."
    expected = f"{sha[:8]}, by {doubt.by!r}"
    if sha in looked.lost:
        return Finding(
            "tag-lost",
            doubt.tag,
            fact,
            expected,
            "no such tag, and the commit is no longer on the Hub",
            advice=f"It is lost here. From a clone that has the commit: git push {facts.remote} {sha}:{_REF}{doubt.tag}",
        )
    return Finding(
        "tag-missing",
        doubt.tag,
        fact,
        expected,
        "no such tag",
        repair=f"tag {sha[:8]} as {doubt.tag} again",
        moves=(Move(_REF + doubt.tag, None, sha),),
    )


def _moved(facts: Facts, doubt: Doubt, looked: Looked) -> Finding:
    sha = str(doubt.said)
    gone = sha in looked.lost
    return Finding(
        "tag-moved",
        doubt.tag,
        f"The {_what(doubt.tag)} {doubt.tag} was moved to another commit.",
        f"{sha[:8]}, by {doubt.by!r}" + (", which is no longer on the Hub" if gone else ""),
        short(looked.resolved.get(doubt.tag, doubt.now)),
        advice=f"The commit is lost here; push it from a clone that has it: git push {facts.remote} {sha}:refs/heads/lost"
        if gone
        else f"Who has pinned {doubt.tag} since then has the other commit. Put it back with: "
        f"hubver doctor {facts.repo_id} --restore {doubt.tag}",
        moves=() if gone else (Move(_REF + doubt.tag, doubt.now, sha),),
    )


def _unexplained(facts: Facts, doubt: Doubt, looked: Looked) -> Finding:
    tag, now = doubt.tag, str(doubt.now)
    away = f"git push {facts.remote} :{_REF}{tag}"
    if tag.startswith(ROLLBACK):
        fact = f"No event made the rollback point {tag}: somebody else did, or the event was taken out of the ledger."
        advice = f"Look for the event in a copy of the ledger; if there is none: {away}"
        return Finding("tag-unexplained", tag, fact, "a promotion that made it", short(now), advice=advice)
    if now in looked.records:
        return Finding(
            "tag-unexplained",
            tag,
            f"{tag} holds a run that hubver published, but no event says so.",
            "an event that published it",
            short(now),
            advice="If that push was cut short, run it again. If not, the event was taken out of the ledger: look for it "
            "in a copy.",
        )
    return Finding(
        "tag-unexplained", tag, f"{tag} was tagged by other means than hubver.", found=short(now), problem=False
    )


def _made(event: Event) -> dict[str, str]:
    if isinstance(event, Published) and event.release.version:
        return {event.release.version: event.release.sha}
    return event.tags if isinstance(event, Promoted) else {}


def _named(event: Event) -> Iterator[Release]:
    for name in ("release", "previous", "candidate", "baseline"):
        value = getattr(event, name, None)
        if isinstance(value, Release):
            yield value
    for channel in event.state.channels.values():
        yield channel.release


def _is_ours(tag: str) -> bool:
    return tag.startswith(ROLLBACK) or Version.try_parse(tag) is not None


def _what(tag: str) -> str:
    return "rollback point" if tag.startswith(ROLLBACK) else "version"


def _counted(names: Sequence[str]) -> str:
    more = ", ..." if names[_NAMED:] else ""
    return f"{len(names)} ({', '.join(names[:_NAMED])}{more})"
