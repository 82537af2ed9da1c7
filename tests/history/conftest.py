"""What a command asked of the Hub, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubver.hub.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The paths that were asked for since the last call; the requests themselves go on to the Hub."""
    seen: list[str] = []
    real = Reader._once

    def once(self, path, *args, **kwargs):
        seen.append(path)
        return real(self, path, *args, **kwargs)

    monkeypatch.setattr(Reader, "_once", once)

    def take() -> list[str]:
        taken = seen.copy()
        seen.clear()
        return taken

    return take
