"""Rows of datasets on the Hub, at an exact commit: one file of it, or a whole split.

A branch or a tag may move between two gates, and the second would ask something else than the first. So a pointer is a
full commit, or a branch or tag whose commit is written to a lock file the first time: that file belongs into the same
repository as the gate.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput, BadSettings, MissingPackage, NotFound
from hubver.gate.rows.files import checked, parse, plain
from hubver.gate.running.public import said

if TYPE_CHECKING:
    from hubver.gate.rows.files import Row
    from hubver.settings import Settings

_POINTER = re.compile(r"(?P<repo>[^@\s]+/[^@\s]+)@(?P<revision>[^@\s]+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Pin:
    """A dataset at a revision that does not move.

    Attributes:
        repo_id: the dataset, such as `org/tickets`.
        revision: a commit, 40 hexadecimal digits; with a lock, a branch or tag.
        lock: the file, relative to the gates file, that says which commit the revision is; None for a commit.
    """

    repo_id: str
    revision: str
    lock: str | None = None

    @classmethod
    def parse(cls, pointer: str, lock: str | None) -> Pin:
        """Read `ORG/NAME@REVISION`.

        Raises:
            BadInput: it is not pinned.
        """
        match = _POINTER.fullmatch(pointer)
        if match is None or (lock is None and not _COMMIT.fullmatch(match["revision"])):
            raise BadInput(
                f"The dataset {pointer!r} is not pinned, so its examples could change between two gates.",
                expected="ORG/NAME@ followed by the 40 hexadecimal digits of a commit",
                hint=f"Find the commit with: hf datasets info {pointer.partition('@')[0]} "
                '(or write lock="datasets.lock.json", and commit that file, to keep the one it is today)',
            )
        return cls(match["repo"], match["revision"], None if _COMMIT.fullmatch(match["revision"]) else lock)

    def commit(self, folder: Path, settings: Settings) -> str:
        """The commit; where it is locked for the first time, the Hub is asked, and the lock file written.

        Raises:
            BadInput: the lock file is none.
            NotFound: the Hub has no such dataset or revision.
            HubFailed: the Hub could not be asked.
        """
        if self.lock is None:
            return self.revision
        path = folder / self.lock
        locked = _read_lock(path)
        pointer = f"{self.repo_id}@{self.revision}"
        if pointer not in locked:
            locked[pointer] = self._today(settings)
            _write_lock(path, locked)
        return locked[pointer]

    def _today(self, settings: Settings) -> str:
        from huggingface_hub import HfApi

        from hubver.hub.answers import translated

        with translated(settings.endpoint, f"the dataset {self.repo_id} at {self.revision}"):
            info = HfApi(endpoint=settings.endpoint, token=_token(settings)).dataset_info(
                self.repo_id, revision=self.revision
            )
        return str(info.sha)


@dataclass(frozen=True)
class HubRows:
    """One file of a dataset on the Hub. Made by `hub_rows`.

    Attributes:
        pin: the dataset and its commit.
        path: the file in it.
    """

    pin: Pin
    path: str

    def read(self, folder: Path, settings: Settings) -> list[Row]:
        """The rows; see `read_rows`."""
        from huggingface_hub import hf_hub_download

        from hubver.hub.answers import translated

        sha = self.pin.commit(folder, settings)
        with translated(settings.endpoint, f"{self.path} of the dataset {self.pin.repo_id} at {sha}"):
            path = hf_hub_download(
                self.pin.repo_id,
                self.path,
                repo_type="dataset",
                revision=sha,
                endpoint=settings.endpoint,
                token=_token(settings),
            )
        return parse(Path(path), f"{self.path} of {self.pin.repo_id}@{sha[:12]}")


@dataclass(frozen=True)
class HubSplit:
    """A split of a dataset on the Hub, as `datasets` reads it. Made by `hub_split`.

    Attributes:
        pin: the dataset and its commit.
        split: such as `test`.
        config: the dataset's configuration; None where it has one only.
    """

    pin: Pin
    split: str
    config: str | None = None

    def read(self, folder: Path, settings: Settings) -> list[Row]:
        """The rows; see `read_rows`."""
        sha = self.pin.commit(folder, settings)
        where = f"the split {self.split} of {self.pin.repo_id}@{sha[:12]}"
        try:
            import datasets
        except ModuleNotFoundError:
            raise MissingPackage(
                f"Reading {where} needs the package 'datasets'.", hint="Install it with: pip install datasets"
            ) from None
        if datasets.config.HF_ENDPOINT.rstrip("/") != settings.endpoint:
            # It reads its environment once, and would ask another Hub, with this one's token.
            raise BadSettings(
                f"The package 'datasets' asks another Hub for {where}.",
                expected=settings.endpoint,
                found=datasets.config.HF_ENDPOINT,
                hint="Set HF_ENDPOINT before Python starts.",
            )
        from hubver.gate.asking.quiet import library

        with library(f"reading {where}"):
            rows = self._load(datasets, sha, where, settings)
        return checked([plain(dict(row)) for row in rows], where)

    def _load(self, datasets: Any, sha: str, where: str, settings: Settings) -> Any:
        try:
            return datasets.load_dataset(
                self.pin.repo_id, self.config, split=self.split, revision=sha, token=_token(settings)
            )
        except (datasets.exceptions.DatasetNotFoundError, FileNotFoundError) as error:
            raise NotFound(f"There is no {where.removeprefix('the ')}: {said(error)}.") from error
        except ValueError as error:  # a split or a configuration that is not there; the message lists those that are
            raise BadInput(f"This cannot be read: {where}: {said(error)}.") from error


def hub_rows(dataset: str, path: str, *, lock: str | None = None) -> HubRows:
    """Rows from a file of a dataset on the Hub.

    Args:
        dataset: `ORG/NAME@COMMIT`; a branch or tag may move, so only a full commit sha pins the examples.
        path: the file in the dataset: `.json`, `.jsonl`, `.csv` or `.parquet`.
        lock: allows `ORG/NAME@BRANCH`: the commit it has when it is first read is written to this file (JSON, relative
            to the gates file), and read from there ever after. Commit that file; delete its line to move on.

    Raises:
        BadInput: the dataset is not pinned.
    """
    return HubRows(Pin.parse(dataset, lock), path)


def hub_split(dataset: str, split: str, *, config: str | None = None, lock: str | None = None) -> HubSplit:
    """Rows from a split of a dataset on the Hub, read by `datasets`.

    Args:
        dataset: `ORG/NAME@COMMIT`, as for `hub_rows`.
        split: such as `test`, or `test[:100]`.
        config: the dataset's configuration; None where it has one only.
        lock: as for `hub_rows`.

    Raises:
        BadInput: the dataset is not pinned.
    """
    return HubSplit(Pin.parse(dataset, lock), split, config)


def _token(settings: Settings) -> str | bool:
    # False, and not None: None would make the client look for a token of its own.
    return settings.token.get_secret_value() if settings.token else False


def _read_lock(path: Path) -> dict[str, str]:
    try:
        locked = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadInput(f"The lock file {path} cannot be read: {said(error)}.") from None
    if not isinstance(locked, dict) or not all(_COMMIT.fullmatch(str(sha)) for sha in locked.values()):
        raise BadInput(f"The lock file {path} is none.", expected="an object from ORG/NAME@REVISION to a full commit")
    return locked


def _write_lock(path: Path, locked: dict[str, str]) -> None:
    text = json.dumps(locked, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        # In one step, as the shards of a gate may all be the first to read.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
        Path(file.name).replace(path)
    except OSError as error:
        raise BadInput(f"The lock file {path} cannot be written: {said(error)}.") from None
