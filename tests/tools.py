"""Programs that some tests talk to and that not every machine has."""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRE = "HUBVER_REQUIRE_TOOLS"
"""Where this variable is set, as in CI, a missing program fails the test that needs it instead of skipping it."""


def needs(*programs: str) -> None:
    """Skip the running test, or fail it under `HUBVER_REQUIRE_TOOLS`, unless all programs are on the PATH."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    reason = f"not on this machine: {', '.join(missing)}"
    if os.environ.get(REQUIRE):
        pytest.fail(reason)
    pytest.skip(reason)
