"""A git bundle of a ledger, opened: its commits in order, each named by what it holds.

Nothing in the file is believed. Objects get their names by hashing what they hold, as git gives them, so a byte that
was changed makes another name, which nothing refers to.

Source: gitformat-bundle (version 2), gitformat-pack.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hubver.errors import BadInput
from hubver.hub.contents import Commit, is_sha
from hubver.hub.ledger import entry_of
from hubver.hub.transport.moves import EVENT_FILE, LEDGER_REF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dulwich.pack import Pack

    from hubver.hub.ledger import Entry

SIGNATURE = b"# v2 git bundle\n"
_LONGEST_HEADER = 64 << 10
_TITLE_END = "\n"


def header(head: str) -> bytes:
    """What comes before the pack. With a HEAD, so that `git clone` checks the ledger out."""
    return SIGNATURE + f"{head} HEAD\n{head} {LEDGER_REF}\n\n".encode()


def read_header(file: IO[bytes], name: object) -> str:
    """The ledger's head in a bundle; the file is left where the pack begins.

    Raises:
        BadInput: it is no bundle of a ledger.
    """
    if file.read(len(SIGNATURE)) != SIGNATURE:
        raise BadInput(f"{name} is no export of a ledger.", expected="a git bundle, as hubver export writes it")
    head, left = None, _LONGEST_HEADER
    while (line := file.readline(left)) not in (b"", b"\n"):
        left -= len(line)
        sha, _, ref = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
        if ref == LEDGER_REF and is_sha(sha):
            head = sha
        elif not is_sha(sha) or left <= 0:
            raise BadInput(f"{name} is no whole export of a ledger: it needs commits that are not in it.")
    if head is None:
        raise BadInput(f"{name} is a git bundle, but holds no ledger.", expected=f"the ref {LEDGER_REF}")
    return head


class Broken(Exception):
    """What the bundle should hold is not there, or cannot be read; the text says what."""


class Bundle:
    """An opened bundle; made by `opened`.

    Attributes:
        head: the newest commit of the ledger in it.
    """

    def __init__(self, head: str, pack: Pack) -> None:
        self.head = head
        self._pack = pack
        self.shas: list[str] = []

    def walk(self) -> None:
        """Follow the commits from the head to the first; then `shas` names them, oldest first.

        Raises:
            Broken: one is missing, or has two parents.
        """
        found = []
        sha: str | None = self.head
        while sha is not None:
            found.append(sha)
            parents = self._commit(sha).parents
            if len(parents) > 1:
                raise Broken(f"the commit {sha[:8]} has {len(parents)} parents: a ledger has one line of events")
            sha = parents[0].decode() if parents else None
        self.shas = found[::-1]

    def entries(self) -> Iterator[Entry]:
        """The events, oldest first, after `walk`."""
        return (entry for sha in self.shas if (entry := self._entry(sha)) is not None)

    @property
    def count(self) -> int:
        """How many entries there are, after `walk`: the empty commit that a branch made over HTTP begins with is none."""
        return len(self.shas) - (self._entry(self.shas[0]) is None)

    def _entry(self, sha: str) -> Entry | None:
        text = self._commit(sha).message.decode("utf-8", "replace")
        title, _, message = text.partition(_TITLE_END)
        return entry_of(Commit(sha, title, message.strip("\n")))

    def event_file(self, sha: str) -> bytes | None:
        """The content of `event.json` beside an event; None where there is none.

        Raises:
            Broken: the commit lacks something that it should hold.
        """
        from dulwich.objects import Tree

        tree = self._object(self._commit(sha).tree)
        if not isinstance(tree, Tree):
            raise Broken(f"the commit {sha[:8]} has no tree")
        for entry in tree.items():
            if entry.sha not in self._pack:
                raise Broken(f"the commit {sha[:8]} lacks {(entry.path or b'').decode('utf-8', 'replace')}")
        if EVENT_FILE.encode() not in tree:
            return None
        return bytes(self._object(tree[EVENT_FILE.encode()][1]).as_raw_string())

    def _commit(self, sha: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  # dulwich's, imported late
        from dulwich.objects import Commit as GitCommit

        found = self._object(sha.encode())
        if not isinstance(found, GitCommit):
            raise Broken(f"{sha[:8]} is no commit")
        return found

    def _object(self, sha: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202
        import zlib

        from dulwich.errors import ChecksumMismatch, ObjectFormatException

        try:
            return self._pack[sha]  # type: ignore[index]
        except KeyError:
            raise Broken(f"the object {sha.decode()[:8]} is missing") from None
        except (ObjectFormatException, ChecksumMismatch, AssertionError, ValueError, zlib.error) as error:
            raise Broken(f"the object {sha.decode()[:8]} cannot be read: {error}") from None


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """Open a bundle, having hashed every object in it. Needs room for a second copy of it, in the system's folder.

    Raises:
        BadInput: it is no bundle of a ledger, or not there.
        Broken: its pack was cut short, or does not hold what its checksum says.
    """
    from dulwich.object_format import DEFAULT_OBJECT_FORMAT
    from dulwich.pack import Pack

    with tempfile.TemporaryDirectory(prefix="hubver-export-") as folder:
        base = Path(folder) / "ledger"
        try:
            with path.open("rb") as file:
                head = read_header(file, path)
                with base.with_suffix(".pack").open("wb") as pack_file:
                    shutil.copyfileobj(file, pack_file, 1 << 20)
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
        _index(base)
        pack = Pack(str(base), object_format=DEFAULT_OBJECT_FORMAT)
        try:
            yield Bundle(head, pack)
        finally:
            pack.close()


def _index(base: Path) -> None:
    """Hash all objects of a pack, and write down where each one is."""
    import zlib

    from dulwich.errors import ApplyDeltaError, ChecksumMismatch, ObjectFormatException
    from dulwich.object_format import DEFAULT_OBJECT_FORMAT
    from dulwich.pack import PackData, UnresolvedDeltas

    wrong = (ApplyDeltaError, ChecksumMismatch, ObjectFormatException, UnresolvedDeltas, zlib.error)
    try:
        data = PackData(str(base.with_suffix(".pack")), DEFAULT_OBJECT_FORMAT)
        try:
            data.check()
            data.create_index(str(base.with_suffix(".idx")), version=2)
        finally:
            data.close()
    except (*wrong, AssertionError, ValueError, EOFError, KeyError, IndexError, OSError) as error:
        raise Broken(f"its objects are not what they were: {error or type(error).__name__}") from None
