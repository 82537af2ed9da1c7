"""`hubver.lock`: what an application runs, pinned to the byte. Pure.

Canonical JSON, as all of hubver's documents: one model a key, one file a key, sorted, so that a review shows what moved
and nothing else. It holds no address of a Hub and no time: the same models locked again are the same bytes.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, StrictInt, model_validator

from hubver.documents import Document, Part
from hubver.errors import BadDocument, BadInput
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_FILE = "hubver.lock"

_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |$)")
# A separator of Windows' own, and the end of a path in C.
_NOT_IN_A_PATH = ("\\", "\0")


def _repository(text: str) -> str:
    try:
        return Target.repo(text)
    except BadInput:
        raise ValueError("it is no ORG/NAME") from None


def _inside(path: str) -> str:
    steps = path.split("/")
    if {"", ".", ".."} & set(steps) or any(letter in path for letter in _NOT_IN_A_PATH):
        raise ValueError(f"{path!r} is no path inside a repository")
    return path


Repository = Annotated[str, AfterValidator(_repository)]
Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FilePath = Annotated[str, AfterValidator(_inside)]


class LockedFile(Part):
    """One file of a commit.

    Attributes:
        size: bytes of its content.
        blob: git's name for it in the commit's tree: of the content, or of the pointer to a large file.
        sha256: of its content, as the Hub stores a large file by and as the record says; null where neither tells.
    """

    size: Annotated[StrictInt, Field(ge=0)]
    blob: Sha
    sha256: Sha256 | None = None


_ADAPTER_CONFIG = "adapter_config.json"


class LockedBase(Part):
    """The base model of an adapter.

    Attributes:
        files: those that loading takes up: configuration and safetensors.
    """

    repo_id: Repository
    sha: Sha
    files: dict[FilePath, LockedFile]


class LockedModel(Part):
    """One model of an application.

    Attributes:
        revision: what was asked for: a channel, a version or a sha. `hubver lock --update` asks for it again.
        sha: the commit that it was.
        version: the version tag on the commit, if it has one.
        record_sha256: digest of its record, `hubver.json`.
        ledger: the head of the ledger when this commit was locked, to know later whether the ledger was rewritten; null
            where there was none.
        base: null for a model that stands alone.
        files: every file of the commit.
    """

    revision: Annotated[str, Field(min_length=1)]
    sha: Sha
    version: str | None = None
    record_sha256: Sha256
    ledger: Sha | None = None
    base: LockedBase | None = None
    files: dict[FilePath, LockedFile]

    @model_validator(mode="after")
    def _must_have_a_base_if_it_is_an_adapter(self) -> LockedModel:
        if (self.base is not None) != (_ADAPTER_CONFIG in self.files):
            raise ValueError("an adapter has a base, and no other model has one")
        return self


class Lock(Document):
    """A whole lock file: models by repository."""

    document_name: ClassVar[str] = "lock file"

    format: Literal["hubver.lock/1"] = "hubver.lock/1"
    models: dict[Repository, LockedModel] = Field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes, *, source: str) -> Lock:
        """Read a lock file's bytes.

        Raises:
            BadDocument: it is none, holds a merge conflict, or names something twice.
        """
        conflict = next((number for number, line in _lines(data) if _CONFLICT.match(line)), None)
        if conflict is not None:
            raise BadDocument(
                f"{source} holds a merge conflict, at line {conflict}.",
                hint=f"Take one side with `git checkout --ours {source}`, then lock what the other one moved: "
                "hubver lock ORG/NAME",
            )
        again = f"Restore it with `git checkout {source}`, or remove it and lock again: hubver lock ORG/NAME"
        try:
            value = json.loads(data, object_pairs_hook=_without_duplicates)
        except _Twice as twice:
            raise BadDocument(f"{source} names {twice} twice.", hint=again) from None
        except (ValueError, RecursionError) as error:
            raise BadDocument(f"{source} is not valid JSON: {error}.", hint=again) from None
        if isinstance(value, dict) and not {"format", "models"} <= value.keys():
            raise BadDocument(f"{source} is no lock file.", expected="an object with format and models", hint=again)
        try:
            return cls.from_bytes(data, source=source)
        except BadDocument as error:
            newer = "format:" in error.fact
            raise BadDocument(error.fact, hint=error.hint if newer else again) from None

    def model(self, repo_id: str | None, *, source: str) -> tuple[str, LockedModel]:
        """One model, by its repository; the only one, if None.

        Raises:
            BadInput: it is not here, or it is not clear which one is meant.
        """
        known = ", ".join(self.models) or "no models"
        if repo_id is None and len(self.models) == 1:
            return next(iter(self.models.items()))
        if repo_id is None:
            raise BadInput(
                f"{source} does not say which model is meant.",
                expected="one model, or the name of one",
                found=known,
                hint="Name it, as ORG/NAME." if self.models else "Lock one with: hubver lock ORG/NAME",
            )
        if repo_id not in self.models:
            raise BadInput(
                f"{source} does not lock {repo_id}.", found=known, hint=f"Lock it with: hubver lock {repo_id}"
            )
        return repo_id, self.models[repo_id]


class _Twice(Exception):
    """A name stands twice in one object."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    return enumerate(data.decode(errors="replace").splitlines(), start=1)
