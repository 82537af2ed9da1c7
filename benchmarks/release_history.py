"""A long history of releases, written straight into the embedded Hub's git, as `push`, `gate` and `promote` would have.

The first version is published and promoted by hubver itself. Each later one copies its files with a record and a card of
its own, and has its commit, its tags and its three lines in the ledger, built by hubver's own functions. So five
thousand versions take a minute, and `hubver verify` finds nothing wrong with them.
"""

from __future__ import annotations

import json
import struct
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Judged, Promoted, Published, Release, RollbackPoint, State, read_event
from hubver.hub.transport.git import commit_of
from hubver.hub.transport.moves import LEDGER, Line
from hubver.publish import push
from hubver.release import promote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dulwich.objects import ShaFile
    from dulwich.repo import Repo

    from hubver.hub.contents import Refs
    from hubver.hub.events import Event
    from hubver.settings import Settings

BASE = "acme/base"
CHANNEL = "production"
_ACTOR = "acme"
_MOST_WAITING = 3000
_RECORD, _CARD = b"hubver.json", b"README.md"


def write_output(folder: Path, seed: int, size: int = 64 * 2**10) -> Path:
    """What a trainer leaves: an adapter of about so many bytes, and its tokenizer."""
    import random

    folder.mkdir(parents=True)
    half = size // 2 // 32 * 32
    names = [f"base_model.model.model.layers.0.self_attn.q_proj.lora_{side}.weight" for side in "AB"]
    shapes = ([8, half // 32], [half // 32, 8])
    spans = ([0, half], [half, 2 * half])
    header = {
        name: {"dtype": "F32", "shape": shape, "data_offsets": span}
        for name, shape, span in zip(names, shapes, spans, strict=True)
    }
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    # Each byte below 64, so that every number is a small one and none is NaN.
    noise = random.Random(seed).randbytes(2 * half).translate(bytes(byte & 0x3F for byte in range(256)))
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw + noise)
    config = {
        "base_model_name_or_path": BASE,
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": 8,
        "lora_alpha": 16,
        "target_modules": ["q_proj"],
        "revision": None,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "BPE"}}')
    return folder


def judged(state: State, candidate: Release, baseline: Release | None, at: datetime) -> Judged:
    """The verdict that a gate would have given."""
    return Judged(
        at=at,
        actor=_ACTOR,
        state=state,
        candidate=candidate,
        baseline=baseline,
        outcome="pass",
        gates_digest="0" * 64,
    )


def judge(settings: Settings, repo_id: str, candidate: Release) -> None:
    """Let a candidate pass against what is in production."""

    def make(_refs: Refs, state: State) -> Judged:
        return judged(state, candidate, state.release(CHANNEL), datetime.now(timezone.utc))

    ledger.append(Hub.of(settings), repo_id, make)


def build(root: Path, settings: Settings, repo_id: str, versions: int, folder: Path) -> Release:
    """A repo with so many versions, each promoted after the other, and one more that is published and waits.

    Returns:
        What waits: `v1.VERSIONS.0`.
    """
    _publish(settings, repo_id, write_output(folder / "first", 1))
    judge(settings, repo_id, _published(settings, repo_id, "v1.0.0"))
    promote(f"{repo_id}@v1.0.0", settings=settings)
    git_dir = root / "models" / repo_id / "repo.git"
    _extend(git_dir, Hub.of(settings).refs(repo_id), versions)
    # A Hub tidies up too.
    subprocess.run(["git", "repack", "-q", "-a", "-d", "--window=0"], cwd=git_dir, check=True)
    return _published(settings, repo_id, f"v1.{versions}.0")


def _publish(settings: Settings, repo_id: str, folder: Path) -> None:
    push(folder, repo_id, bump="minor", settings=settings)


def _published(settings: Settings, repo_id: str, version: str) -> Release:
    return Release(sha=Hub.of(settings).refs(repo_id).tags[version], version=version)


def _extend(git_dir: Path, refs: Refs, versions: int) -> None:
    from dulwich.repo import Repo

    with Repo(str(git_dir)) as repo:
        waiting: list[ShaFile] = []
        history = _History(repo, refs, versions)
        for number in range(1, versions + 1):
            waiting += history.version(number, promoted=number < versions)
            if len(waiting) > _MOST_WAITING or number == versions:
                repo.object_store.add_objects([(one, None) for one in waiting])
                waiting.clear()
    packed = git_dir / "packed-refs"
    lines = [line for line in packed.read_text().splitlines() if line and line[0] not in "#^"]
    now = {name: sha for sha, name in (line.split(" ") for line in lines)} | history.refs
    packed.write_text(
        "# pack-refs with: peeled fully-peeled sorted \n" + "".join(f"{now[name]} {name}\n" for name in sorted(now))
    )


class _History:
    """One version after the other.

    Attributes:
        refs: where they have come to.
    """

    def __init__(self, repo: Repo, refs: Refs, versions: int) -> None:
        self.main, self.head = refs.branches["main"], refs.branches[LEDGER]
        self.first = repo[self.main.encode()]
        self.tree = repo[self.first.tree]
        self.files = {name: repo[self.tree[name][1]].data for name in (_RECORD, _CARD)}
        self.run_id: str = json.loads(self.files[_RECORD])["run_id"]
        event = read_event(repo[self.head.encode()].message.partition(b"\n\n")[2])
        self.state: State = event.state
        self.release: Release = event.release
        self.at = datetime.now(timezone.utc) - timedelta(minutes=10 * versions)
        self.refs: dict[str, str] = {}

    def version(self, number: int, *, promoted: bool) -> Iterator[ShaFile]:
        """Publish, and if it is to be promoted, judge and promote."""
        from dulwich.objects import Blob, Commit

        version = f"v1.{number}.0"
        run_id = f"{self.run_id[:-6]}{number:06x}"
        tree = self.tree.copy()
        for name, data in self.files.items():
            blob = Blob.from_string(data.replace(b"v1.0.0", version.encode()).replace(*_as_bytes(self.run_id, run_id)))
            tree.add(name, 0o100644, blob.id)
            yield blob
        commit: Commit = self.first.copy()
        commit.tree, commit.parents = tree.id, [self.main.encode()]
        commit.message = commit.message.replace(b"v1.0.0", version.encode()).replace(*_as_bytes(self.run_id, run_id))
        commit.commit_time = commit.author_time = int(self.at.timestamp())
        yield from (tree, commit)
        release = Release(sha=commit.id.decode(), version=version)
        yield from self._event(Published(at=self.at, actor=_ACTOR, state=self.state, release=release, run_id=run_id))
        if promoted:
            yield from self._promoted(release, f"rollback/{number}-{self.release}")
        self.main = release.sha
        self.refs |= {"refs/heads/main": self.main, f"refs/tags/{version}": self.main}
        self.refs[f"refs/heads/{LEDGER}"] = self.head

    def _promoted(self, release: Release, tag: str) -> Iterator[ShaFile]:
        previous = self.state.release(CHANNEL)
        yield from self._event(judged(self.state, release, previous, self.at))
        verdict = self.head
        self.state = self.state.promoted(CHANNEL, release, RollbackPoint(tag=tag, release=previous), self.at)
        yield from self._event(
            Promoted(
                at=self.at, actor=_ACTOR, state=self.state, channel=CHANNEL, release=release, previous=previous, verdict=verdict,
                rollback_tag=tag,
            )
        )  # fmt: skip
        self.refs |= {f"refs/tags/{tag}": previous.sha, f"refs/heads/{CHANNEL}": release.sha}
        self.release = release

    def _event(self, event: Event) -> Iterator[ShaFile]:
        objects = commit_of(Line(event, self.head))
        self.head = objects[-1].id.decode()
        self.at += timedelta(minutes=3)
        yield from objects


def _as_bytes(*texts: str) -> list[bytes]:
    return [text.encode() for text in texts]
