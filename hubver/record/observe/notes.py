"""Asking for one part of a record after the other, so that what cannot be had becomes a gap and never an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from hubver.record.place.paths import portable
from hubver.record.schema import Gap
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


@dataclass
class Notes:
    """Asks for one part after the other; one that cannot be had becomes a gap."""

    gaps: list[Gap] = field(default_factory=list)

    def ask(self, part: str, get: Callable[[], _T], otherwise: _T) -> _T:
        """What `get` returns; where it raises, `otherwise`, and a gap at `part` that says why."""
        try:
            return get()
        except Exception as error:  # noqa: BLE001  # a stranger's objects may raise anything, and training must go on
            self.gaps.append(Gap(field=part, reason=redact(portable(f"{type(error).__name__}: {error}"))[:300]))
            return otherwise
