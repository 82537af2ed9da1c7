"""What the tests and the measurements of disturbed commands share lies with the tests."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def modules() -> Iterator[None]:
    """Let the tests' modules be imported, with a home of the Hub's client that goes away."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    with tempfile.TemporaryDirectory(prefix="hubver-crash-") as home:
        os.environ["HF_HOME"] = home
        yield
