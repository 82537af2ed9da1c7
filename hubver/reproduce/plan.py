"""What it takes to run a recorded run again: which code, which pins, which files of its own, which command.

Pure. Where the record does not say enough, the plan names what is missing, and who can give it.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.reproduce.command import REDACTED, inside, program, recorded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubver.record.schema import Base, Code, Environment, FileEntry, RunRecord

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# Addresses that git fetches from; `ext::` and the like run commands.
_REMOTE = re.compile(r"(?:https?|ssh|git)://[^\s]+|[\w.-]+@[\w.-]+:[^\s]+")
# What `hubver.record.place.paths` puts in the place of a folder of the machine.
_ELSEWHERE = "[elsewhere]"
_OF_THE_MACHINE = re.compile(r"\w*VISIBLE_DEVICES|ZE_AFFINITY_MASK|ONEAPI_DEVICE_SELECTOR|\w*_OFFLINE")


@dataclass(frozen=True)
class Given:
    """What the user gives beyond the record.

    Attributes:
        code: a repository, on disk or elsewhere, that has the code's commit.
        data: where a file or folder of the run's data is, by the name that the record gives it.
        base: the folder of a base model that is no commit of a Hub.
        values: what stood in the command where the record hides a secret, by the option's name.
        command: the command, in place of the recorded one.
        anyway: go on where something is not what was recorded, and name it as the cause.
    """

    code: str | None = None
    data: Mapping[str, Path] = field(default_factory=dict)
    base: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None
    anyway: bool = False


@dataclass(frozen=True)
class Source:
    """Where the code comes from.

    Attributes:
        remote: the repository; None where all of the code stands in the difference.
        sha: its commit; None like `remote`.
        diff: what the run's code had beyond that commit.
        submodules: commit of each, by path.
    """

    remote: str | None
    sha: str | None
    diff: bytes | None
    submodules: Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """Local data of the run.

    Attributes:
        names: what the record calls it; the trainer's dataset and the file that it was read from may be the same data.
        files: by their paths relative to the repository, or their names where they lay outside of it.
    """

    names: tuple[str, ...]
    files: tuple[FileEntry, ...]

    @property
    def name(self) -> str:
        """What to call it: its file's name, or the last of its names."""
        return posixpath.basename(self.files[0].path) if len(self.files) == 1 else self.names[-1]

    def is_called(self, name: str) -> bool:
        """Whether the user may mean it by this name."""
        return name in {self.name, *self.names} or (len(self.files) == 1 and name == self.files[0].path)


@dataclass(frozen=True)
class Plan:
    """Everything that a reproduction needs.

    Attributes:
        directory: where the command runs, relative to the repository; None for a folder outside of it.
        program: the installed command that runs, such as `trl`; None for Python itself.
        command: what stands after the program.
        variables: environment variables that the run had.
        models: commit of each model of a Hub, by its id.
        datasets: the same of datasets.
        data: local data.
        base: the base, to be known again where it is a folder.
        base_from_folder: the run loaded it from a folder.
        notes: what the user should know, a sentence each.
    """

    source: Source
    directory: str | None
    program: str | None
    command: tuple[str, ...]
    variables: Mapping[str, str]
    models: Mapping[str, str]
    datasets: Mapping[str, str]
    data: tuple[Wanted, ...]
    base: Base
    base_from_folder: bool
    notes: tuple[str, ...]


def plan(record: RunRecord, diff: bytes | None, given: Given) -> Plan:
    """Read a plan out of a record.

    Args:
        record: of the run.
        diff: what was published as `run/code.diff`.
        given: what the user gives beyond it.

    Raises:
        BadInput: the record does not say enough, and the message says what can be given.
    """
    notes: list[str] = []
    base = record.base_model
    from_folder = base.id is None or base.sha is None or any(gap.field == "base_model.id" for gap in record.gaps)
    return Plan(
        source=_source(record.code, diff, given, notes),
        directory=inside(record.code.directory) if record.code.directory is not None else None,
        program=program(record.code) if given.command is None else None,
        command=(*_launch(record.environment, given), *_command(record, given, notes)),
        variables=_variables(record.environment),
        models={base.id: base.sha} if base.id and base.sha else {},
        datasets=_datasets(record, notes),
        data=_local(record),
        base=base,
        base_from_folder=from_folder,
        notes=tuple(notes),
    )


def _source(code: Code, diff: bytes | None, given: Given, notes: list[str]) -> Source:
    if code.diff_sha256 is not None and diff is None:
        notes.append("The run's uncommitted changes were not kept, so its code is not all here.")
    if code.untracked:
        files = "1 file" if code.untracked == 1 else f"{code.untracked} files"
        notes.append(f"{files} beside the code were in no commit and were not kept.")
    if code.sha is None:
        if diff is None:
            raise BadInput(
                "The record does not say which code ran: it was in no repository.",
                hint="Publish runs with HubverCallback, which keeps the script, or train from a git repository.",
            )
        return Source(None, None, diff, {})
    remote = given.code or code.remote
    if not _SHA.fullmatch(code.sha):
        raise BadInput("The record's code is at no commit.", found=code.sha[:80])
    if given.code is None and (remote is None or not _REMOTE.fullmatch(remote)):
        raise BadInput(
            f"The record does not say where the code's commit {code.sha[:8]} can be fetched.",
            found=remote or "no remote",
            hint="Name a clone of the repository: --code PATH_OR_URL",
        )
    return Source(remote, code.sha, diff, code.submodules)


def _launch(environment: Environment, given: Given) -> tuple[str, ...]:
    """What starts the processes. torchrun does it for accelerate too, whose settings are among the variables."""
    processes = environment.world_size or 1
    if given.command is not None or (processes == 1 and environment.launcher != "torchelastic"):
        return ()
    if environment.launcher not in {"torchelastic", "accelerate"}:
        raise BadInput(
            f"The run had {processes} processes, started by {environment.launcher or 'nobody knows what'}.",
            expected="one process, or torchrun or accelerate",
            hint='Say how to start it here: --command "-m torch.distributed.run --nproc-per-node 2 train.py"',
        )
    return ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes))


def _command(record: RunRecord, given: Given, notes: list[str]) -> tuple[str, ...]:
    if given.command is not None:
        words = shlex.split(given.command)
        return tuple(words[1:] if words and re.fullmatch(r"(.*/)?python[\d.]*", words[0]) else words)
    return recorded(record.code, given.values, notes)


def _variables(environment: Environment) -> dict[str, str]:
    """Those that were set; and the number of threads, which decides in which order torch adds up.

    Which of several devices it was, and whether the network was to be left alone, belongs to the machine it ran on.
    """
    variables = {
        name: value
        for name, value in environment.variables.items()
        if not (
            REDACTED in value or _ELSEWHERE in value or (_OF_THE_MACHINE.fullmatch(name) and value not in {"", "-1"})
        )
    }
    if environment.threads is not None:
        variables.setdefault("OMP_NUM_THREADS", str(environment.threads))
    return variables


def _local(record: RunRecord) -> tuple[Wanted, ...]:
    names: dict[tuple[FileEntry, ...], list[str]] = {}
    for source in record.data:
        if source.files and not source.hub_sha:
            names.setdefault(source.files, []).append(source.name)
    return tuple(Wanted(tuple(called), files) for files, called in names.items())


def _datasets(record: RunRecord, notes: list[str]) -> dict[str, str]:
    pins: dict[str, str] = {}
    for source in record.data:
        if source.hub_id is None or source.hub_sha is None:
            continue
        known = pins.setdefault(source.hub_id, source.hub_sha)
        if known != source.hub_sha:
            notes.append(f"The run read {source.hub_id} at two commits; a script that names none gets {known[:8]}.")
    return pins
