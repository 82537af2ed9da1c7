"""What a command asked of the Hub, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubver.cli.main import run
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


@pytest.fixture
def hubver(repo, local_hub, monkeypatch, tmp_path, capsys):
    """Run a command; returns what it prints, or where another exit code is expected, what it says on standard error."""
    monkeypatch.chdir(tmp_path)
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str, code: int = 0) -> str:
        assert run(list(arguments)) == code
        caught = capsys.readouterr()
        return caught.out if code == 0 else caught.err

    return call
