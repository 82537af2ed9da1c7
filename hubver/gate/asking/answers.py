"""Answers that models gave, kept on disk: no model is asked twice, whoever asks and however often a gate is killed.

One file holds the answers of one model under one engine, a line of JSON each, so that it can be appended to, carried to
another machine and read by anyone. A line is written whole and flushed before it counts; a torn last line is passed over.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput
from hubver.gate.asking.requests import digest, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from hubver.gate.asking.requests import Answer, Request

_FORMAT = "hubver.answers/1"


class AnswerFile:
    """The answers of one model under one engine.

    Args:
        folder: where such files are kept.
        model: what tells this model from every other: its commit, its base's commit.
        engine: what the numbers may depend on: device, precision, threads, library versions.

    Raises:
        BadInput: the folder cannot be used.
    """

    def __init__(self, folder: Path, model: Mapping[str, Any], engine: Mapping[str, Any]) -> None:
        self._head = {"format": _FORMAT, "model": dict(model), "engine": dict(engine)}
        name = hashlib.sha256(_line(self._head).encode()).hexdigest()
        self.path = folder / f"{name}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._known = dict(_read(self.path)) if self.path.exists() else {}
        except OSError as error:
            raise _unusable(folder, error) from None

    def get(self, request: Request) -> Answer | None:
        """The answer to a request; None if it was not asked yet."""
        return self._known.get(digest(request))

    def add(self, answered: Iterable[tuple[Request, Answer]]) -> None:
        """Keep some answers; they are on the disk when this returns.

        Raises:
            BadInput: they cannot be written.
        """
        new = {digest(request): answer for request, answer in answered}
        lines = [_line({"request": name, "answer": to_json(answer)}) for name, answer in new.items()]
        try:
            with self.path.open("a+b") as file:
                # Two gates may share the folder; the lock keeps their lines whole.
                fcntl.flock(file, fcntl.LOCK_EX)
                size = file.seek(0, os.SEEK_END)
                if not size:
                    lines.insert(0, _line(self._head))
                elif file.seek(size - 1) or file.read(1) != b"\n":
                    lines.insert(0, "")  # ends the line that a killed gate left torn
                file.write(("\n".join(lines) + "\n").encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unusable(self.path.parent, error) from None
        self._known |= new


def _read(path: Path) -> Iterable[tuple[str, Answer]]:
    with path.open("rb") as file:
        for line in file:
            # What it passes over is the head, or a line torn when a gate was killed: that will be asked again.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                yield entry["request"], from_json(entry["answer"])


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _unusable(folder: Path, error: OSError) -> BadInput:
    return BadInput(
        f"Answers cannot be kept in {folder}: {error.strerror}.", hint="Name another folder with --cache DIR"
    )
