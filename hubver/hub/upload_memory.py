"""How much of a model an upload may hold in memory, for a process whose business is uploading."""

from __future__ import annotations

import os
import sys

# By itself the Xet library takes up to eight files and 64 blocks of 64 MB at a time, which was seen to be all of a 2 GB
# model. Variables are the only way to tell it; it reads them when it is first used.
_XET = {
    "HF_XET_DATA_MAX_CONCURRENT_FILE_INGESTION": "1",
    "HF_XET_DATA_INGESTION_BLOCK_SIZE": "1mb",
    "HF_XET_CLIENT_AC_MAX_UPLOAD_CONCURRENCY": "1",
}
_ALLOCATOR = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")
# From malloc.h of the GNU C library.
_M_ARENA_MAX = -8


def bound() -> None:
    """Keep this process from holding as much of a model in memory as the network has not taken yet.

    To be called before any thread is started and before anything is uploaded. Whoever has a fast link and the memory sets
    `HF_XET_HIGH_PERFORMANCE`, and then nothing is bound, or `HF_XET_CLIENT_AC_MAX_UPLOAD_CONCURRENCY`. Variables that are
    set already stay as they are.
    """
    if "HF_XET_HIGH_PERFORMANCE" in os.environ:
        return
    for name, value in _XET.items():
        os.environ.setdefault(name, value)
    if sys.platform == "linux" and not any(name in os.environ for name in _ALLOCATOR):
        _share_one_arena()


def _share_one_arena() -> None:
    """Let the GNU C library's `malloc` keep one heap for all threads.

    Blocks of a file are allocated in one thread of the Xet library and freed in another, so with a heap for each, all of
    them keep room for blocks that are gone: 40 MB of 320.
    """
    import ctypes

    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_ARENA_MAX, 1)
