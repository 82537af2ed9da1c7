"""Lay out what the run read beside its code: local data, and a base model from a folder; each checked by digest."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadInput, NotFound
from hubver.record.digest import entry
from hubver.reproduce.causes import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubver.record.schema import Base, FileEntry
    from hubver.reproduce.place import Place
    from hubver.reproduce.plan import Given, Wanted

# What `hubver.record.place.paths` leaves of the folders of a machine.
_ELSEWHERE = "[elsewhere]/"
_BASE_OPTION = re.compile(r"--?[\w-]*(model|base|checkpoint)[\w-]*", re.IGNORECASE)


def lay_data(wanted: Sequence[Wanted], given: Given, place: Place) -> tuple[dict[str, Path], tuple[Cause, ...]]:
    """Find every file of the run's local data, in the code or where the user says, and put it where it was.

    Returns:
        Each file or folder by the name that it had in the command; and what is not as recorded.

    Raises:
        NotFound: data is missing; the message names it.
        BadInput: data is not what the run read.
    """
    found: dict[str, Path] = {}
    deviations: list[Cause] = []
    for source in wanted:
        offered = next((path for name, path in given.data.items() if source.is_called(name)), None)
        for file in source.files:
            path = _within(place.code, file.path)
            if offered is not None:
                _copy(_offered(offered, file, source), path)
            elif not path.is_file():
                path = _elsewhere_in(place.code, file) or path
            if not path.is_file():
                raise NotFound(
                    f"The run's data {source.name!r} is not in its repository.",
                    expected=f"{file.path}, {file.size:,} bytes, sha256 {file.sha256[:12]}",
                    hint=f"Say where it is: --data {source.name}=PATH",
                )
            if entry(file.path, path).sha256 != file.sha256:
                deviations.append(_other_data(source.name, file, path, given))
            found[Path(file.path).name] = path
        if len(source.files) > 1:
            found[source.name] = _common(place.code, source)
    if unknown := [name for name in given.data if not any(source.is_called(name) for source in wanted)]:
        names = ", ".join(source.name for source in wanted) or "none"
        raise BadInput(f"The run has no local data {unknown[0]!r}.", expected=f"one of its own: {names}")
    return found, tuple(deviations)


def need_base(code: Path, base: Base) -> None:
    """Whether a base that is on no Hub lies in the code, where the command finds it by itself.

    Raises:
        NotFound: it does not.
    """
    if base.config_sha256 is None:
        return  # nothing is known of it, or the run began from nothing
    for file in sorted(code.rglob("config.json")):
        if entry(file.name, file).sha256 == base.config_sha256:
            return
    raise NotFound(
        "The run's base model is on no Hub and not in its repository.",
        expected=f"a folder whose config.json has sha256 {base.config_sha256[:12]}",
        hint="Say where it is: --base FOLDER",
    )


def check_base(folder: Path, base: Base, given: Given) -> tuple[Cause, ...]:
    """Whether a folder holds the base that the run was trained on; what differs.

    Raises:
        BadInput: it does not.
    """
    digests = {item.path: item.sha256 for item in base.files}
    if base.config_sha256:
        digests["config.json"] = base.config_sha256
    if base.weights_file and base.weights_sha256:
        digests[base.weights_file] = base.weights_sha256
    differing = [
        path
        for path, digest in sorted(digests.items())
        if not (folder / path).is_file() or entry(path, folder / path).sha256 != digest
    ]
    if not differing:
        return ()
    if given.anyway:
        return (Cause("base", f"base model: {folder.name} has another {differing[0]}"),)
    raise BadInput(
        f"{folder} is not the base model that the run was trained on: {', '.join(differing[:3])} differ.",
        hint="With --anyway it is used all the same, and named as a difference.",
    )


@dataclass(frozen=True)
class Paths:
    """Where the paths of a command lead now.

    Attributes:
        elsewhere: stands for every folder that is none of the run's own.
        directory: where the command runs.
        inputs: what was laid out, by the last part of its path.
        base: the base model's folder, for a command that named one.
    """

    elsewhere: Path
    directory: Path
    inputs: Mapping[str, Path]
    base: Path | None

    def placed(self, words: Sequence[str]) -> list[str]:
        """The command with every path leading to what was laid out, or to a corner of its own."""
        return [self._word(word, words[position - 1] if position else "") for position, word in enumerate(words)]

    def _word(self, word: str, before: str) -> str:
        option, equals, value = word.partition("=")
        if not (equals and option.startswith("-")):
            option, equals, value = before, "", word
        return word.removesuffix(value) + self._value(value, option)

    def _value(self, value: str, option: str) -> str:
        absolute = value.startswith(("/", "~/", _ELSEWHERE))
        here = not absolute and (self.directory / value).exists()
        is_path = absolute or "/" in value or value.startswith(".")
        if self.base is not None and is_path and _BASE_OPTION.fullmatch(option):
            return value if here else str(self.base)
        if (known := self.inputs.get(Path(value).name)) and not here:
            return str(known)
        if not absolute:
            return value
        inside = _within(self.elsewhere, value.removeprefix(_ELSEWHERE).lstrip("~/"))
        inside.parent.mkdir(parents=True, exist_ok=True)
        return str(inside)


def _elsewhere_in(code: Path, file: FileEntry) -> Path | None:
    """The same content under another path of the code, where the record has the file's name alone."""
    for candidate in sorted(code.rglob(Path(file.path).name)):
        like = candidate.is_file() and candidate.stat().st_size == file.size
        if like and entry(file.path, candidate).sha256 == file.sha256:
            return candidate
    return None


def _within(folder: Path, path: str) -> Path:
    """A path below a folder; one that climbs out of it comes from no honest record."""
    resolved = (folder / path).resolve()
    if not resolved.is_relative_to(folder.resolve()):
        raise BadInput("The record names a file outside of the run's repository.", found=path[:80])
    return folder / path


def _offered(offered: Path, file: FileEntry, source: Wanted) -> Path:
    if offered.is_file() and len(source.files) == 1:
        return offered
    # A folder's files are named from the repository in the record, and from the folder itself by the user.
    parts = Path(file.path).parts
    for start in range(len(parts)):
        if (candidate := offered.joinpath(*parts[start:])).is_file():
            return candidate
    raise NotFound(f"{offered} does not hold the run's data {source.name!r}.", expected=f"{Path(file.path).name} in it")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _other_data(name: str, file: FileEntry, path: Path, given: Given) -> Cause:
    found = entry(file.path, path)
    if given.anyway:
        sentence = f"data {name}: {file.path} has sha256 {found.sha256[:12]}, the run's had {file.sha256[:12]}"
        return Cause("data", sentence)
    raise BadInput(
        f"The data {name!r} is not what the run read: {file.path} differs.",
        expected=f"{file.size:,} bytes, sha256 {file.sha256[:12]}",
        found=f"{found.size:,} bytes, sha256 {found.sha256[:12]}",
        hint=f"Say where the right file is: --data {name}=PATH; or use this one, and see what comes of it: --anyway",
    )


def _common(folder: Path, source: Wanted) -> Path:
    parts = [Path(file.path).parent.parts for file in source.files]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return folder.joinpath(*shared)
