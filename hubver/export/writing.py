"""`export`: the ledger's branch, fetched into one file."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from hubver.errors import AlreadyExists, BadInput, HubFailed, NotFound
from hubver.export.bundle import Broken, header, opened, read_header
from hubver.hub.client import Hub
from hubver.hub.transport.fetch import fetch
from hubver.hub.transport.moves import LEDGER
from hubver.progress import Meter
from hubver.settings import Settings
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Export:
    """A ledger in a file.

    Attributes:
        head: its newest commit.
        events: how many events it holds.
        size: bytes of the file.
        replaced: whether an older export of the same ledger was there before.
    """

    repo_id: str
    file: Path
    head: str
    events: int
    size: int
    replaced: bool


def export(
    repo_id: str,
    file: Path | None = None,
    *,
    force: bool = False,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Export:
    """Write the whole ledger, events and evidence, as a git bundle, which `git bundle verify` and `git clone` read.

    It arrives piece by piece and is written beside `file`, checked, and put in its place when it is whole: at no moment
    is there half a file. An existing file is only replaced by a longer history of the same ledger.

    Args:
        repo_id: `ORG/NAME`.
        file: `NAME-ledger.bundle` in the working directory if None.
        force: replace whatever is there.
        settings: the user's own if None.
        progress: told how far it is.

    Raises:
        AlreadyExists: something else is there, or an export of what the Hub's ledger no longer holds.
        NotFound: the repository has no ledger, or may not be seen.
        BadInput: the file cannot be written.
        BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    hub, tell = Hub.of(settings, repo_id), progress or (lambda _line: None)
    Target.repo(repo_id)
    hub.refs(repo_id)  # says best what is wrong with a name or a token
    file = file or Path(f"{repo_id.partition('/')[2]}-ledger.bundle")
    old = None if force else _head_of(file)
    new = file.with_name(f".{file.name}.{token_hex(4)}")
    try:
        with _system_errors(file):
            head = _fetched(hub, repo_id, new, file, tell)
            tell("hashing what was fetched")
            shas, count = _commits(hub, new)
            if old is not None and old not in shas:
                raise AlreadyExists(
                    f"{file} holds a ledger that ends with {old[:8]}, which the one of {repo_id} does not hold.",
                    hint=f"See what differs with: hubver export --check {file} {repo_id}; or choose another file.",
                )
            made = Export(repo_id, file, head, count, new.stat().st_size, old is not None)
            new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    return made


@contextmanager
def _system_errors(file: Path) -> Iterator[None]:
    """Say what the system refuses: a full disk, a folder that is not there."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}. What was there is as it was.") from None


def _commits(hub: Hub, new: Path) -> tuple[list[str], int]:
    """The commits of a ledger that was fetched, all of whose objects are hashed here; and how many events they are."""
    try:
        with opened(new) as bundle:
            bundle.walk()
            return bundle.shas, bundle.count
    except Broken as error:
        raise HubFailed(
            f"What {hub.endpoint} sent is no whole ledger.", found=str(error), hint="Run the same command again."
        ) from None


def _fetched(hub: Hub, repo_id: str, new: Path, file: Path, tell: Callable[[str], None]) -> str:
    """Fetch the ledger into a new file; its head."""
    meter, count = Meter(tell, "fetched"), 0
    # The header names the head, which is known for certain once the pack has come: both are equally long for any head.
    with new.open("xb") as target:
        target.write(header("0" * 40))

        def write(piece: bytes) -> int:
            nonlocal count
            count += len(piece)
            meter(count, None)
            with _system_errors(file):
                return target.write(piece)

        head = fetch(hub, repo_id, LEDGER, write)
        if head is None:
            raise NotFound(
                f"{repo_id} has no ledger yet.", hint=f"Publish a run with: hubver push OUTPUT_DIR {repo_id}"
            )
        target.seek(0)
        target.write(header(head))
        target.flush()
        os.fsync(target.fileno())
    return head


def _head_of(file: Path) -> str | None:
    """The head of the export that is in a file; None where there is no file.

    Raises:
        AlreadyExists: something else is there.
    """
    try:
        with file.open("rb") as there:
            return read_header(there, file)
    except FileNotFoundError:
        return None
    except BadInput:
        raise AlreadyExists(
            f"{file} is there already, and is no export of a ledger.", hint="Choose another file, or give --force."
        ) from None
