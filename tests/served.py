"""A Hub in a process of its own, which can be killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from huggingface_hub import HfApi

_SERVE = """
import json, sys
from hubver.localhub import serve
{before}
serve(sys.argv[1], port=int(sys.argv[2]), on_ready=lambda environment: print(json.dumps(environment), flush=True))
"""


def start(root, port=0, before=""):
    """Serve `root`; answer the process and what clients need in their environment.

    `before` is run in that process before it serves.
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _SERVE.format(before=before), str(root), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process, json.loads(line)


def finish(process):
    """Wait for the end; answer what was printed."""
    return process.communicate(timeout=30)


def client(environment):
    """The real client for a Hub that was started."""
    return HfApi(endpoint=environment["HF_ENDPOINT"], token=Path(environment["HF_TOKEN_PATH"]).read_text())
