from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hubver.hub import upload_memory

FILES, BLOCK, AT_ONCE = (
    "HF_XET_DATA_MAX_CONCURRENT_FILE_INGESTION",
    "HF_XET_DATA_INGESTION_BLOCK_SIZE",
    "HF_XET_CLIENT_AC_MAX_UPLOAD_CONCURRENCY",
)
OURS = {FILES: "1", BLOCK: "1mb", AT_ONCE: "1"}
# Says how many heaps `malloc` has, once eight threads have allocated at the same time.
ARENAS = """
import ctypes, sys, threading
from hubver.hub import upload_memory
upload_memory.bound()
ready = threading.Barrier(8)
def allocate():
    kept = [bytes(50_000) for _ in range(20)]
    ready.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
ctypes.CDLL(None).malloc_stats()
"""


@pytest.fixture
def variables(monkeypatch):
    """The environment of a user who has set nothing; what is set in it is undone."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("HF_XET", "MALLOC", "GLIBC"))}
    # So that the process that runs the tests keeps its allocator as it is.
    monkeypatch.setattr(os, "environ", plain | {"MALLOC_ARENA_MAX": "8"})
    return os.environ


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ({}, OURS),
        ({AT_ONCE: "16"}, OURS | {AT_ONCE: "16"}),
        ({"HF_XET_HIGH_PERFORMANCE": "1"}, {}),
    ],
    ids=["nothing", "more-at-once", "high-performance"],
)
def test_what_the_user_has_set_stays(variables, theirs, expected):
    variables.update(theirs)
    upload_memory.bound()
    found = {name: value for name, value in variables.items() if name in OURS}
    assert found == expected


@pytest.mark.skipif(sys.platform != "linux", reason="the GNU C library's allocator")
@pytest.mark.parametrize(
    ("theirs", "one"),
    [
        ({}, True),
        ({"MALLOC_ARENA_MAX": "8"}, False),
        ({"GLIBC_TUNABLES": "glibc.malloc.arena_max=8"}, False),
        ({"HF_XET_HIGH_PERFORMANCE": "1"}, False),
    ],
    ids=["nothing", "arenas", "tunables", "high-performance"],
)
def test_all_threads_share_one_heap_unless_the_user_wants_otherwise(variables, theirs, one):
    del variables["MALLOC_ARENA_MAX"]
    done = subprocess.run(
        [sys.executable, "-c", ARENAS], env=variables | theirs, capture_output=True, text=True, check=True
    )
    arenas = done.stderr.count("Arena ")
    assert arenas == 1 if one else arenas > 1, done.stderr
