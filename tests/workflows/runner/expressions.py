"""Values of a workflow, with their expressions evaluated against what is known where they stand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflows.runner.globs import find_files

if TYPE_CHECKING:
    from pathlib import Path

    from workflows.runner.node import Node

SUCCESS = {"success": True, "failure": False, "cancelled": False}


@dataclass(frozen=True)
class Scope:
    """What expressions can see in one place.

    Attributes:
        contexts: `github`, `inputs`, `needs`, ...: by name.
        status: what `success()`, `failure()` and `cancelled()` answer.
        workspace: the folder that `hashFiles` looks into.
    """

    node: Node
    contexts: dict
    status: dict = field(default_factory=lambda: SUCCESS)
    workspace: Path | None = None

    def value(self, written):
        """What is written, with each expression in it replaced by its value."""
        if is_expression(written):
            return self._evaluate(written)["value"]
        if isinstance(written, dict):
            return {key: self.value(item) for key, item in written.items()}
        if isinstance(written, list):
            return [self.value(item) for item in written]
        return written

    def text(self, written):
        """The same as text: how a value reaches a script, an environment variable or an action."""
        return self._evaluate(written)["text"] if is_expression(written) else as_text(written)

    def texts(self, written):
        """A mapping to texts; a whole mapping may be one expression."""
        known = self.value(written or {}) if is_expression(written) else written or {}
        return {key: self.text(item) for key, item in known.items()}

    def holds(self, condition):
        """Whether the `if` of a job or step holds; none means `success()`."""
        return self._evaluate(condition or {"$expr": "success()"})["truth"]

    def flag(self, written, default=False):
        """A boolean that may be an expression."""
        return default if written is None else self.value(written) in {True, "true"}

    def _evaluate(self, written):
        return self.node.evaluate(written["$expr"], self.contexts, self.status, self._hash_files)

    # https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#hashfiles: the hash of the hashes of
    # the files found, and nothing where none is found.
    def _hash_files(self, patterns):
        found = sorted(find_files(self.workspace, patterns))
        if not found:
            return ""
        return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in found)).hexdigest()


def is_expression(written):
    return isinstance(written, dict) and set(written) == {"$expr"}


def as_text(value):
    """A value as the expression engine writes it: `true`, `1.5`, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)
