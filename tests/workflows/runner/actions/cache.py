"""actions/cache, with its halves restore and save (https://github.com/actions/cache)."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.runner.errors import StepFailed, Unsupported
from workflows.runner.globs import lines, split
from workflows.runner.repository import MAIN

if TYPE_CHECKING:
    from pathlib import Path

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Entry:
    """What was saved under a key, for one list of paths."""

    folder: Path
    number: int


def cache(use):
    """Restore now, and save when the job has succeeded and the very key was not there."""
    given = _inputs(use, fail_on_cache_miss="false", lookup_only="false", save_always="false")
    outputs = _restore(use, given)
    job = use.job

    def save_at_the_end():
        if not job.failed and not job.cancellation.cancelled and outputs["cache-hit"] != "true":
            _save(job, given)

    job.posts.append(save_at_the_end)
    return {"cache-hit": outputs["cache-hit"]}


def restore(use):
    """Restore only."""
    return _restore(use, _inputs(use, fail_on_cache_miss="false", lookup_only="false"))


def save(use):
    """Save only, now."""
    _save(use.job, _inputs(use))
    return {}


def _inputs(use, **more):
    given = use.inputs(path="", key="", restore_keys="", upload_chunk_size="", **more)
    for name in ("path", "key"):
        if not given[name]:
            raise StepFailed(f"Input required and not supplied: {name}")
    if len(given["key"]) > 512 or "," in given["key"]:
        raise StepFailed(
            f"Key Validation Error: {given['key']} cannot be larger than 512 characters or contain commas."
        )
    return given


def _restore(use, given):
    job = use.job
    paths = _paths(job, given["path"])
    matched = _find(job, tuple(lines([given["path"]])), given["key"], lines([given.get("restore-keys", "")]))
    if matched is None:
        if use.flag(given["fail-on-cache-miss"]):
            raise StepFailed(
                f"Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Key: {given['key']}"
            )
        job.log(f"Cache not found for input keys: {given['key']}")
        return {"cache-hit": "", "cache-primary-key": given["key"], "cache-matched-key": ""}
    key, entry = matched
    if not use.flag(given["lookup-only"]):
        for number, path in enumerate(paths):
            _copy(entry.folder / str(number), path)
    job.log(f"Cache restored from key: {key}")
    hit = "true" if key == given["key"] else "false"
    return {"cache-hit": hit, "cache-primary-key": given["key"], "cache-matched-key": key}


# "A workflow run can restore caches created in the current branch, the default branch, and the base branch of a pull
# request": https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching#restrictions-for-accessing-a-cache
# The key is looked for as it is, then as a beginning, then each of the others, in one ref after another.
def _find(job, patterns, key, beginnings):
    with job.repository.lock:
        known = dict(job.repository.caches)
    for ref in dict.fromkeys([job.run.event.ref, f"refs/heads/{MAIN}"]):
        there = {name: entry for (where, name, of), entry in known.items() if (where, of) == (ref, patterns)}
        if key in there:
            return key, there[key]
        for beginning in [key, *beginnings]:
            names = [name for name in there if name.startswith(beginning)]
            if names:
                newest = max(names, key=lambda name: there[name].number)
                return newest, there[newest]
    return None


def _save(job, given):
    place = (job.run.event.ref, given["key"], tuple(lines([given["path"]])))
    paths = [path for path in _paths(job, given["path"]) if path.exists()]
    if not paths:
        job.annotate("warning", "Path Validation Error: Path(s) specified in the action for caching do(es) not exist")
        return
    with job.repository.lock:
        if place in job.repository.caches:
            job.log(f"Unable to reserve cache with key {given['key']}, another job may be creating this cache.")
            return
        number = next(_NUMBERS)
        entry = Entry(job.forge.folder / "caches" / str(number), number)
        for index, path in enumerate(_paths(job, given["path"])):
            _copy(path, entry.folder / str(index))
        job.repository.caches[place] = entry


def _paths(job, written):
    found = [split(job.workspace, _at_home(job, pattern)) for pattern in lines([written])]
    if any(rest for _, rest in found):
        raise Unsupported(f"actions/cache with a pattern in its path: {written}")
    return [path for path, _ in found]


def _at_home(job, pattern):
    return str(job.home / pattern[2:]) if pattern.startswith("~/") else pattern


def _copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
