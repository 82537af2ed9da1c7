"""Clients that write to a Hub until they are told to stop, each in a process of its own.

    python busy_clients.py FOLDER KIND...

Each notes in `FOLDER/<name>.log`, a line of JSON each, what the Hub has acknowledged, and only that. They stop when
there is a file `FOLDER/stop`. With `BUSY_ROUNDS` in the environment each writes that often, and stops at an error.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, constants

REPOS = ("acme/one", "acme/two")
_RETRY_S = 0.05


class Client:
    """One client; `write` is one write to a repo, and answers what was acknowledged."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.api = HfApi()
        self.random = random.Random(name)

    def run(self):
        rounds = os.environ.get("BUSY_ROUNDS")
        most = int(rounds or sys.maxsize)
        done, attempt = 0, 0
        with (self.folder / f"{self.name}.log").open("a", buffering=1) as log:
            while done < most and not (self.folder / "stop").exists():
                attempt += 1
                title, repo = f"{self.name}-{attempt}", self.random.choice(REPOS)
                try:
                    told = self.write(repo, title)
                except Exception as error:
                    if rounds:
                        raise
                    print(f"{title}: {type(error).__name__}: {error}", file=sys.stderr)
                    time.sleep(_RETRY_S)
                else:
                    done += 1
                    log.write(json.dumps({"repo": repo, "title": title, **told}) + "\n")


class Committer(Client):
    """Commits two text files to main."""

    def write(self, repo, title):
        files = [CommitOperationAdd(f"{title}/{n}.txt", f"{title} {n}".encode()) for n in range(2)]
        return {"main": self.api.create_commit(repo, files, commit_message=title).oid}


class Uploader(Client):
    """Commits a large file to main."""

    def write(self, repo, title):
        content = b"\0" + self.random.randbytes(2000)
        files = [CommitOperationAdd(f"{title}.bin", content)]
        oid = self.api.create_commit(repo, files, commit_message=title).oid
        return {"main": oid, "file": f"{title}.bin", "sha256": hashlib.sha256(content).hexdigest()}


class Proposer(Client):
    """Opens a pull request, adds to it, and merges it."""

    def write(self, repo, title):
        made = self.api.create_commit(
            repo, [CommitOperationAdd(f"{title}.md", title.encode())], commit_message=title, create_pr=True
        )
        more = [CommitOperationAdd(f"{title}.more.md", b"more")]
        self.api.create_commit(repo, more, commit_message=f"{title} more", revision=made.pr_revision)
        self.api.merge_pull_request(repo, made.pr_num, comment=f"{title} is good")
        return {"pull": made.pr_num}


class Pusher(Client):
    """Pushes a commit to a branch of its own together with a tag, by git."""

    def git(self, *arguments, cwd=None):
        done = subprocess.run(
            ["git", "-c", "user.name=dev", "-c", "user.email=dev@example.org", *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def write(self, repo, title):
        clone = self.folder / self.name / repo
        if not (clone / ".git/HEAD").exists():
            address = constants.ENDPOINT.replace("//", f"//dev:{self.api.token or os.environ['HF_TOKEN']}@")
            self.git("clone", "-q", f"{address}/{repo}", str(clone))
        (clone / f"{title}.txt").write_text(title)
        self.git("add", ".", cwd=clone)
        self.git("commit", "-q", "-m", title, cwd=clone)
        oid = self.git("rev-parse", "HEAD", cwd=clone)
        refs = [f"HEAD:refs/heads/{self.name}", f"HEAD:refs/tags/{title}"]
        self.git("push", "-q", "--atomic", "origin", *refs, cwd=clone)
        return {"branch": self.name, "tag": title, "commit": oid}


KINDS = {"commit": Committer, "large": Uploader, "pull": Proposer, "push": Pusher}


def main(folder, kinds):
    fork = multiprocessing.get_context("fork")
    clients = [KINDS[kind](folder, f"{kind}{number}") for number, kind in enumerate(kinds)]
    processes = [fork.Process(target=client.run) for client in clients]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
