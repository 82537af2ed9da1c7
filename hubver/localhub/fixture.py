"""The pytest fixture `local_hub`: a Hub for one test, on a free port, in that test's own folder.

Pytest loads this module in every project where hubver is installed, so it imports nothing else until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubver.localhub import LocalHub


@pytest.fixture
def local_hub(tmp_path: Path) -> Iterator[LocalHub]:
    """A running `LocalHub` with the user `acme`; `url`, `token` and `environment()` are what clients need."""
    from hubver.localhub import LocalHub

    with LocalHub(tmp_path / "hub") as hub:
        yield hub
