"""The real client with hf_xet on: each upload and download is a process of its own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

UPLOAD = """
import sys
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("acme/router", exist_ok=True)
print(api.upload_folder(folder_path=sys.argv[1], repo_id="acme/router").oid)
"""
DOWNLOAD = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download("acme/router", revision=sys.argv[1]))
"""


def start_client(environment, home, script, *arguments, **more):
    known = {name: value for name, value in os.environ.items() if name != "HF_HUB_DISABLE_XET"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**known, **environment, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1", **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(client):
    out, err = client.communicate(timeout=120)
    assert client.returncode == 0, err
    return out.strip()


def run_client(hub, home, script, *arguments, **more):
    return finish(start_client(hub.environment(), home, script, *arguments, **more))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def download(hub, home, revision="main", **more):
    return contents(Path(run_client(hub, home, DOWNLOAD, revision, **more)))


def speaks_xet(home):
    """Whether a client with this home has been to a Xet store: it keeps a folder for each."""
    return any((home / "xet").glob("http*"))


def stored(hub):
    """The files under the Hub's root that hold content, and their sizes."""
    kept = (hub.root / part for part in ("lfs", "xet", "tmp"))
    return {str(p.relative_to(hub.root)): p.stat().st_size for part in kept for p in part.rglob("*") if p.is_file()}


def disk(hub):
    return sum(stored(hub).values())


def random_bytes(size, seed=0):
    return random.Random(seed).randbytes(size)
