"""The parts of a record that are about where training ran, and on which code."""

from __future__ import annotations

from pydantic import Field

from hubver.documents import Part


class Code(Part):
    """Which code ran.

    Attributes:
        remote: the address of the repository, without credentials.
        dirty: tracked files differed from the commit.
        diff_sha256: digest of the published `run/code.diff`: changes to tracked files, and the script or the cells of
            a notebook where they are in no commit.
        untracked: how many files git neither tracked nor ignored.
        entry_point: the script, relative to the repository.
        argv: its arguments, redacted.
        module: the module that `python -m` ran; `entry_point` is then its file, if it lies in the repository.
        command: the installed command that ran, such as `trl`, in place of a script.
        directory: the working directory, relative to the repository; `.` for its top.
        submodules: commit of each submodule, by path.
    """

    sha: str | None = None
    remote: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    diff_sha256: str | None = None
    untracked: int | None = None
    entry_point: str | None = None
    argv: tuple[str, ...] = ()
    module: str | None = None
    command: str | None = None
    directory: str | None = None
    submodules: dict[str, str] = Field(default_factory=dict)


class Environment(Part):
    """Where it ran.

    Attributes:
        packages: version of every installed distribution, by its name in lower case.
        variables: environment variables that change what training computes (threads, determinism, devices).
        sources: where a distribution came from if not from an index: `git+URL@COMMIT`, or `editable`.
        container: `docker` or `podman`, or the image's digest where the platform tells it.
        blas: the library that multiplies matrices, as torch and numpy were built with it.
    """

    os: str | None = None
    machine: str | None = None
    python: str | None = None
    packages: dict[str, str] = Field(default_factory=dict)
    accelerator: str | None = None
    accelerator_count: int | None = None
    driver: str | None = None
    cuda: str | None = None
    threads: int | None = None
    cpu_count: int | None = None
    cpu_capability: str | None = None
    launcher: str | None = None
    world_size: int | None = None
    container: str | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)
    memory_bytes: int | None = None
    cpu: str | None = None
    blas: str | None = None
