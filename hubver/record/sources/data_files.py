"""Which local files a dataset was read from: what `datasets` says of it, or a proof where it says nothing.

A stream names its files. A `datasets.Dataset` that `load_dataset("json", data_files=...)` made does not: only the name
of its folder in the cache was made from them, from their paths and times of change. So that name is made again from the
files that the process was given, and where it comes out the same, those are the files, unchanged since.
"""

from __future__ import annotations

import ast
import warnings
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Builders that come with `datasets` and read local files of one format each.
_BUILDERS = {
    "json": (".json", ".jsonl", ".ndjson", ".gz", ".zst"),
    "csv": (".csv", ".tsv", ".gz"),
    "parquet": (".parquet",),
    "text": (".txt", ".md", ".gz"),
    "arrow": (".arrow",),
}
_SPLITS = ("train", "test", "validation", "eval", "valid", "dev")
# Each try takes a few milliseconds.
_MOST = 24
_UNNAMED = "it does not say which files it was read from; HubverCallback(data=[...]) can name them"


def addresses(dataset: Any) -> tuple[str, ...]:
    """Where a dataset says it was read from: URLs (`hf://datasets/...`) and paths."""
    checksums = getattr(getattr(dataset, "info", None), "download_checksums", None) or {}
    found = [str(address) for address in checksums]
    for step in _steps(dataset):
        given = getattr(step, "kwargs", None)
        if isinstance(given, dict):
            found += [str(file) for name in ("original_files", "base_files") for file in given.get(name) or ()]
    return tuple(dict.fromkeys(found))


def cached(dataset: Any) -> tuple[str, ...]:
    """The files of the cache that hold its rows."""
    files = getattr(dataset, "cache_files", None)
    return tuple(str(file.get("filename", "")) for file in files or () if isinstance(file, dict))


def transforms(dataset: Any) -> Iterator[Any]:
    """The functions that are still to be applied to rows: a stream's `map` and `filter`, a dataset's transform.

    What `Dataset.map` has applied already has left no function behind, only its rows.
    """
    given = getattr(dataset, "format", None)
    settings = given.get("format_kwargs") if isinstance(given, dict) else None
    if isinstance(settings, dict) and callable(settings.get("transform")):
        yield settings["transform"]
    for step in reversed(list(_steps(dataset))):
        # A filter's `function` is the library's own, around the user's.
        function = getattr(step, "mask_function", None) or getattr(step, "function", None)
        if callable(function):
            yield function


def of_dataset(dataset: Any, candidates: Sequence[Path]) -> tuple[tuple[Path, ...], str | None]:
    """The local files that a dataset was read from, or why they are not known; neither for one that was not read.

    Args:
        dataset: any dataset.
        candidates: files that it may have been read from.
    """
    named = [Path(address) for address in addresses(dataset) if "://" not in address]
    if named:
        return tuple(file.resolve() for file in named if file.is_file()), None
    info = getattr(dataset, "info", None)
    builder = getattr(info, "builder_name", None)
    if builder not in _BUILDERS or hasattr(dataset, "_ex_iterable"):
        return (), None
    folders = {Path(file).parent for file in cached(dataset)}
    fitting = [file.resolve() for file in candidates if file.suffix in _BUILDERS[builder] and file.is_file()]
    for data_files in _ways(list(dict.fromkeys(fitting))[:_MOST]):
        if _cache_folder(builder, data_files) in folders:
            split = str(getattr(dataset, "split", None)).partition("[")[0]
            used = data_files.get(split, [file for files in data_files.values() for file in files])
            return tuple(Path(file) for file in used), None
    return (), _UNNAMED


def candidates(argv: Sequence[str], script: Path | None, directory: Path) -> tuple[Path, ...]:
    """Files that exist and that the command line, or a text in the script, names.

    Args:
        argv: arguments of the command line, as they were given.
        script: the file that runs.
        directory: the working directory.
    """
    words = [part for argument in argv for part in (argument, argument.partition("=")[2])]
    if script is not None and script.suffix == ".py":
        try:
            tree = ast.parse(script.read_bytes())
        except (OSError, SyntaxError, ValueError):
            tree = ast.Module([], [])
        words += [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is str]
    suffixes = {suffix for known in _BUILDERS.values() for suffix in known}
    found: list[Path] = []
    for word in dict.fromkeys(words):
        if not word or "\n" in word or "\0" in word or len(word) > 1000 or Path(word).suffix not in suffixes:
            continue
        # Scripts often say where they look: beside themselves, or from where they were started.
        for place in (directory, *([script.parent] if script else [])):
            found += sorted(place.glob(word)) if "*" in word and not word.startswith("/") else [place / word]
    return tuple(dict.fromkeys(file.resolve() for file in found if file.is_file()))


def _ways(files: list[Path]) -> Iterator[dict[str, list[str]]]:
    """The ways in which files may have been given: one, all, or one for each of two splits."""
    names = [str(file) for file in files]
    yield from ({"train": [name]} for name in names)
    if len(names) > 1:
        yield {"train": names}
    for first, second in permutations(names[:4], 2):
        for split in _SPLITS[1:]:
            yield {"train": [first], split: [second]}
    yield from ({split: [name]} for name in names for split in _SPLITS[1:])


def _cache_folder(builder: str, data_files: dict[str, list[str]]) -> Path | None:
    import datasets

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Path(datasets.load_dataset_builder(builder, data_files=data_files).cache_dir)
    except Exception:  # noqa: BLE001  # one way of many, by another library's code; the others are tried
        return None


def _steps(dataset: Any) -> Iterator[Any]:
    """What a stream is made of, from its end to its source."""
    step = getattr(dataset, "_ex_iterable", None)
    while step is not None:
        yield step
        step = getattr(step, "ex_iterable", None)
