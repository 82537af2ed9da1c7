"""Which refs may go, and why: from the refs, the ledger and the pull requests. Pure.

What is not known to be superfluous stays. A ref's age is the time of the newest event about its commit, or about its run;
a commit that no event is about has none, and stays, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.retention.known import RUNS, Known
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hubver.hub.contents import PullRequest, Refs
    from hubver.hub.ledger import Entry

_AGE = re.compile(r"(\d{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


@dataclass(frozen=True)
class Superfluous:
    """A ref that nothing needs.

    Attributes:
        ref: its whole name.
        sha: where it points.
        reason: why it may go, in a few words.
        since: the newest that is known of it.
    """

    ref: str
    sha: str
    reason: str
    since: datetime


def age(text: str) -> timedelta:
    """Read `12h`, `30d` or `8w`.

    Raises:
        BadInput: it is no such age.
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise BadInput(f"{text!r} is no age.", expected="a number with h, d or w, such as 30d")
    return timedelta(hours=int(match[1]) * _HOURS[match[2]])


def propose(
    refs: Refs,
    entries: Sequence[Entry],
    pulls: Iterable[PullRequest],
    run_dates: Mapping[str, datetime],
    before: datetime,
) -> tuple[Superfluous, ...]:
    """What may go.

    Args:
        entries: the ledger, newest first, as far as it was read.
        pulls: all pull requests of the repository.
        run_dates: branch → the date of its newest commit, of branches of runs that were never published.
        before: what is newer stays.

    Returns:
        Candidates' tags, branches of runs, and commits of closed pull requests, in this order, each by name.
    """
    known = Known.of(refs, entries, pulls)
    found = (*_candidates(known), *_runs(known, run_dates), *_closed(known))
    return tuple(one for one in found if one.since < before)


def _candidates(known: Known) -> Iterator[Superfluous]:
    """Tags of candidates that were refused, overtaken, or never judged."""
    tags = {version: tag for tag in known.refs.tags if (version := Version.try_parse(tag)) is not None}
    finals = [version for version in tags if version.candidate is None]
    for version, tag in sorted(tags.items()):
        sha = known.refs.tags[tag]
        since = known.newest.get(sha)
        if version.candidate is None or sha in known.needed or since is None:
            continue
        later = max(other for other in tags if other.final == version.final)
        if later == version:
            continue  # the next candidate's number goes by it, and no number is given twice
        verdict = known.verdicts.get(sha)
        overtaken = max((final for final in finals if final >= version.final), default=None)
        if verdict not in (None, "pass"):
            reason = f"its gate said {verdict}"
        elif overtaken is not None or later.candidate is not None:
            reason = f"{tags[overtaken or later]} came after it"
        else:
            reason = "it was never judged"
        yield Superfluous(f"refs/tags/{tag}", sha, reason, since)


def _runs(known: Known, run_dates: Mapping[str, datetime]) -> Iterator[Superfluous]:
    """Branches of runs that were published, or have long been left."""
    for name, sha in sorted(known.refs.branches.items()):
        published = known.published.get(name[len(RUNS) :]) if name.startswith(RUNS) else None
        since = published or run_dates.get(name)
        if since is not None:
            since = max(since, known.newest.get(sha, since))
        if since is not None and name.startswith(RUNS) and sha not in known.needed:
            reason = "its run is published" if published else "its run was never published"
            yield Superfluous(f"refs/heads/{name}", sha, reason, since)


def _closed(known: Known) -> Iterator[Superfluous]:
    """Commits of pull requests that were closed without a merge."""
    for number, opened in sorted(known.closed.items()):
        head = known.refs.pulls.get(number)
        if head is not None and head not in known.needed:
            since = max(opened, known.newest.get(head, opened))
            yield Superfluous(f"refs/pr/{number}", head, "it was closed without a merge", since)
