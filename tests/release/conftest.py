"""Each test of releases is run on three Hubs: with atomic pushes, with one ref at a time, and without any git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubver.localhub import LocalHub
from hubver.localhub.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAYS = {
    "atomic git": Switches(),
    "git one by one": Switches(atomic_push=False),
    "http": Switches(git_http=False),
}


@pytest.fixture(params=WAYS)
def local_hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub", switches=WAYS[request.param]) as hub:
        yield hub
