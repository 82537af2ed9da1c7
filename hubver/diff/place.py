"""Whether two runs ran other code, or elsewhere. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubver.diff.changes import Change, Found, changed, digest, known, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.record.schema import Environment, RunRecord, Training

# Those that compute, or decide what is computed. Of the others only the names are told.
_COMPUTING = (
    "accelerate",
    "apex",
    "axolotl",
    "bitsandbytes",
    "datasets",
    "deepspeed",
    "flash-attn",
    "liger-kernel",
    "llamafactory",
    "numpy",
    "peft",
    "safetensors",
    "sentencepiece",
    "tokenizers",
    "torch",
    "torchao",
    "transformers",
    "triton",
    "trl",
    "unsloth",
    "unsloth-zoo",
    "xformers",
)
_MACHINE = (
    "accelerator",
    "accelerator_count",
    "driver",
    "cuda",
    "threads",
    "cpu_capability",
    "blas",
    "python",
    "machine",
)
_BESIDE = ("os", "launcher", "container", "cpu", "cpu_count", "memory_bytes")


def code(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    """Commit, uncommitted changes, script, and the user's own functions.

    The command line is told and is no factor: what it asked for shows in the other parts, and where the output goes is
    nobody's cause.
    """
    before, now = old.code, new.code
    if before.sha is None or now.sha is None or before.sha != now.sha:
        yield from known("code", "remote", before.remote, now.remote, label="code from", standing="aside")
    yield from known("code", "sha", short(before.sha), short(now.sha), label="code at commit")
    if (before.diff_sha256, before.dirty) != (now.diff_sha256, now.dirty):
        yield from _uncommitted(old, new)
    yield from known("code", "entry_point", before.entry_point, now.entry_point, label="script")
    yield from changed("code", "module", before.module or "none", now.module or "none")
    for path in sorted({*before.submodules, *now.submodules}):
        commits = [short(part.submodules.get(path)) or "none" for part in (before, now)]
        yield from changed("code", f"submodules.{path}", *commits, label=f"submodule {path}")
    yield from _functions(old.training, new.training)
    yield from changed(
        "code", "argv", " ".join(before.argv), " ".join(now.argv), label="command line", standing="aside"
    )
    yield from known("code", "directory", before.directory, now.directory, label="working directory", standing="aside")


def _uncommitted(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    one, other = old.code, new.code
    if one.diff_sha256 or other.diff_sha256 or None in {one.dirty, other.dirty}:
        yield from digest("code", "diff_sha256", one.diff_sha256, other.diff_sha256, "uncommitted changes")
    else:
        words = {True: "some", False: "none", None: None}
        yield from known("code", "dirty", words[one.dirty], words[other.dirty], label="uncommitted changes")


def _functions(old: Training, new: Training) -> Iterator[Found]:
    before, now = ({(item.role, item.name): item for item in part.functions} for part in (old, new))
    for key in sorted({*before, *now}):
        one, other = before.get(key), now.get(key)
        what = f"{key[0]} {key[1]}"
        if one is None or other is None:
            sentence = f"{what} {'added' if one is None else 'removed'}"
            yield Found(Change("code", what, one and one.source_sha256, other and other.source_sha256, sentence))
        elif one.source_sha256 and other.source_sha256:
            yield from digest("code", what, one.source_sha256, other.source_sha256, what)


def environment(old: RunRecord, new: RunRecord) -> Iterator[Found]:
    """The machine, the packages, and what makes kernels deterministic."""
    before, now = old.environment, new.environment
    for field in _MACHINE:
        yield from known("environment", field, getattr(before, field), getattr(now, field))
    yield from known("environment", "world_size", old.training.world_size, new.training.world_size)
    yield from changed("environment", "framework", old.training.framework or "none", new.training.framework or "none")
    for field in ("full_determinism", "deterministic_algorithms", "cudnn_benchmark"):
        one, other = getattr(old.training.seeds, field), getattr(new.training.seeds, field)
        yield from known("environment", field, one, other)
    for name in sorted({*before.variables, *now.variables}):
        values = [part.variables.get(name, "not set") for part in (before, now)]
        yield from changed("environment", name, *values)
    for field in _BESIDE:
        yield from known("environment", field, getattr(before, field), getattr(now, field), standing="aside")
    yield from _packages(before, now)


def _packages(before: Environment, now: Environment) -> Iterator[Found]:
    for name in _COMPUTING:
        yield from changed("environment", name, *(_version(part, name) for part in (before, now)))
    names = {*before.packages, *now.packages} - {*_COMPUTING}
    others = sorted(name for name in names if before.packages.get(name) != now.packages.get(name))
    if others:
        one, other = ({name: part.packages.get(name) for name in others} for part in (before, now))
        shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        count = "1 other package differs" if len(others) == 1 else f"{len(others)} other packages differ"
        yield Found(Change("environment", "packages", one, other, f"{count}: {shown}", "aside"))


def _version(place: Environment, name: str) -> str:
    """A version, and where it came from if not from an index: a commit says more than `2.0.dev0`."""
    version = place.packages.get(name)
    source = place.sources.get(name)
    return "not installed" if version is None else f"{version} ({source})" if source else version
