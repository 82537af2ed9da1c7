"""The tables `[channels.NAME]`: which branches applications follow, and what a revision needs to get there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hubver.errors import BadSettings
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCTION = "production"
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Where runs, events and checkpoints are kept, and names that git and the Hub use for themselves.
_TAKEN = frozenset({"main", "ledger", "runs", "refs", "HEAD"})
# A commit's sha, and what follows `rollback/` in the name of a rollback point: a channel's own points go in a folder of
# its name there.
_LIKE_OTHERS = re.compile(r"[0-9a-f]{40}|\d+-.*")


class ChannelSettings(BaseModel):
    """A table `[channels.NAME]`: what a revision needs to go to that channel.

    Attributes:
        gates: the folder of gates that judge for it, relative to the folder of `hubver.toml`; the project's if None.
        gated: whether it needs a verdict at all.
        after: the channel that a revision must have been in before.
        overrides: whether `--override` may stand for a verdict.
        verdict_days: days after which a verdict no longer counts, at most 36,500; None, or `inf`, for never.
        repo: the repository that the channel lives in, where it is another than the one that runs are pushed to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gates: Path | None = None
    gated: bool = True
    after: str | None = None
    overrides: bool = True
    verdict_days: float | None = Field(default=30, gt=0, le=36500)
    repo: str | None = None

    @field_validator("verdict_days", mode="before")
    @classmethod
    def _infinite_is_never(cls, value: object) -> object:
        # TOML has no word for nothing, and has one for infinity.
        return None if value == float("inf") else value

    @field_validator("after")
    @classmethod
    def _must_be_a_channel(cls, value: str | None) -> str | None:
        return None if value is None else checked_branch(value)

    @field_validator("repo")
    @classmethod
    def _must_be_a_repository(cls, value: str | None) -> str | None:
        if value is not None and not _REPO.fullmatch(value):
            raise ValueError("it is no repository such as ORG/NAME")
        return value


def checked_branch(value: str) -> str:
    """The name of a branch that a channel may have.

    Raises:
        ValueError: it is none.
    """
    if not _BRANCH.fullmatch(value) or ".." in value or value.endswith((".", ".lock")):
        raise ValueError("it is no name of a branch")
    if value in _TAKEN or Version.try_parse(value) or _LIKE_OTHERS.fullmatch(value):
        raise ValueError(f"{value} has another meaning in a repository")
    return value


def check_channels(channels: Mapping[str, ChannelSettings], production: str, source: Path | None) -> None:
    """Refuse a table that would hold for nothing.

    Args:
        production: the branch that applications follow, which is a channel also where it has no table.
        source: the file that they stand in.

    Raises:
        BadSettings: a channel comes after one that there is not, or after itself; or the table is called production,
            and the channel that applications follow is not.
    """
    for name in channels:
        way = [name]
        while (before := channels[way[-1]].after if way[-1] in channels else None) is not None:
            where = f"The setting 'channels.{way[-1]}.after' in {source} cannot be used"
            if before not in channels and before != production:
                known = dict.fromkeys((production, *channels))
                raise BadSettings(f"{where}: there is no channel {before!r}.", expected=f"one of {', '.join(known)}")
            if before in channels and channels[before].repo is not None:
                raise BadSettings(f"{where}: {before} lives in a repository of its own.")
            if before in way:
                raise BadSettings(f"{where}: a channel cannot come after itself ({' after '.join((*way, before))}).")
            way.append(before)
    if production != PRODUCTION and PRODUCTION in channels:
        raise BadSettings(
            f"The table [channels.{PRODUCTION}] in {source} holds for nothing: the channel that applications follow is "
            f"called {production!r} there.",
            hint=f"Call the table [channels.{production}]",
        )
