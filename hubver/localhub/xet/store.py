"""Xorbs and the files made of them, on disk.

```
xet/
  id                  names this store in its clients' caches
  xorbs/ab/<hash>     xorbs as they arrived
  layouts/ab/<hash>   where the chunks of that xorb are, and their hashes
  files/ab/<hash>     one file as JSON: its sha256, its size, its terms [xorb, first chunk, last chunk + 1, bytes]
  sha256/ab/<sha256>  hash of the file with this sha256
  chunks/ab/<hash>    hash of a file with this chunk, for the few chunks that clients search for
```

Whatever is here has been checked, and is complete: each file is written beside its place and renamed, and what refers
to another is written after it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, astuple, dataclass
from functools import cached_property, lru_cache
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, BinaryIO

from hubver.localhub.errors import HubError, bad_request
from hubver.localhub.repos.files import Incoming, make_folders, sha256_of, write_atomically
from hubver.localhub.xet import hashes
from hubver.localhub.xet.content import open_content
from hubver.localhub.xet.shards import FileClaim, Term, known_chunks, parse_shard
from hubver.localhub.xet.xorbs import Layout, inspect

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

_LAYOUTS_IN_MEMORY = 64
_XORBS_TOLD = 64


@dataclass(frozen=True)
class XetFile:
    """A file in the store.

    Args:
        id: its hash, as text.
        sha256: in hex.
        size: in bytes.
        terms: that make it up, in order.
    """

    id: str
    sha256: str
    size: int
    terms: tuple[Term, ...]


class XorbUpload(Incoming):
    """A xorb on its way in."""

    def __init__(self, store: XetStore, xorb: str, temporary: Path) -> None:
        super().__init__(temporary)
        self._store = store
        self._xorb = xorb

    def finish(self) -> None:
        """Keep the xorb.

        Raises:
            HubError: 400 if it is not a xorb, or not the one that was announced.
        """
        self.file.seek(0)
        try:
            layout = inspect(self.file)
        except ValueError as error:
            raise bad_request(str(error)) from None
        if hashes.to_text(hashes.xorb_hash(layout.leaves)) != self._xorb:
            raise bad_request(f"The uploaded chunks are not those of the xorb {self._xorb}")
        self._store.describe(self._xorb, layout)
        self.keep(self._store.xorb_path(self._xorb))


class XetStore:
    """The store under `folder`; `temporary`, on the same file system, holds what is still arriving."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self._folder = folder
        self._temporary = temporary
        self._key = secrets.token_bytes(32)
        self.layout = lru_cache(_LAYOUTS_IN_MEMORY)(self._read_layout)

    @cached_property
    def id(self) -> str:
        """Names this store while all xorbs that ever came are in it.

        Clients remember by address which chunks a store has. With the id in the address, they do not take a new Hub on
        an old port for the old one.
        """
        if not (self._folder / "id").exists():
            self._write_id()
        return (self._folder / "id").read_text("ascii")

    def _write_id(self) -> None:
        make_folders(self._folder)
        write_atomically(self._folder / "id", secrets.token_hex(8).encode())

    def _place(self, kind: str, name: str) -> Path:
        return self._folder / kind / name[:2] / name

    def _write(self, kind: str, name: str, content: bytes) -> None:
        path = self._place(kind, name)
        make_folders(path.parent)
        write_atomically(path, content)

    def xorb_path(self, xorb: str) -> Path:
        """Where the xorb of this hash is or would be."""
        return self._place("xorbs", xorb)

    def has_xorb(self, xorb: str) -> bool:
        """Whether the xorb is here."""
        return self.xorb_path(xorb).exists()

    def upload(self, xorb: str) -> XorbUpload:
        """Open an upload of the xorb with this hash."""
        return XorbUpload(self, xorb, self._temporary)

    def describe(self, xorb: str, layout: Layout) -> None:
        """Note the layout of a xorb that has been checked; the xorb itself is to follow."""
        self._write("layouts", xorb, bytes(layout))

    def _read_layout(self, xorb: str) -> Layout:
        if not self.has_xorb(xorb):
            raise bad_request(f"The xorb {xorb} was not uploaded")
        return Layout.from_bytes(self._place("layouts", xorb).read_bytes())

    def file(self, file_id: str) -> XetFile | None:
        """The file with this hash; None if it is not here."""
        try:
            known = json.loads(self._place("files", file_id).read_bytes())
        except FileNotFoundError:
            return None
        return XetFile(file_id, known["sha256"], known["size"], tuple(Term(*term) for term in known["terms"]))

    def file_id(self, sha256: str) -> str | None:
        """Hash of the file with this sha256; None if it is not here."""
        try:
            return self._place("sha256", sha256).read_text("ascii")
        except FileNotFoundError:
            return None

    def find(self, sha256: str) -> XetFile | None:
        """The file with this sha256; None if it is not here."""
        file_id = self.file_id(sha256)
        return self.file(file_id) if file_id else None

    def forget(self, sha256: str) -> None:
        """Let a file be here no more; its chunks stay until `keep_only`, because other files may have them too."""
        file_id = self.file_id(sha256)
        if file_id:
            self._place("sha256", sha256).unlink(missing_ok=True)
            self._place("files", file_id).unlink(missing_ok=True)

    def keep_only(self, sha256s: Container[str]) -> None:
        """Remove all files but these, and the xorbs that no file is made of. Nobody uploads meanwhile."""
        for path in self._all("sha256"):
            if path.name not in sha256s:
                self.forget(path.name)
        kept = {path.read_text("ascii") for path in self._all("sha256")}
        for path in self._all("files"):
            if path.name not in kept:
                path.unlink()
        files = filter(None, map(self.file, kept))
        used = {term.xorb for file in files for term in file.terms}
        unused = [path for kind in ("xorbs", "layouts") for path in self._all(kind) if path.name not in used]
        if unused:
            # First, because clients that remember having sent these must not take this store for the one they knew.
            self._write_id()
            for path in [*unused, *(path for path in self._all("chunks") if path.read_text("ascii") not in kept)]:
                path.unlink()

    def _all(self, kind: str) -> Iterator[Path]:
        return (self._folder / kind).glob("??/*")

    def open(self, file: XetFile) -> BinaryIO:
        """Open a file for reading from any place in it."""
        return open_content(self, file)

    def register(self, content: bytes) -> list[XetFile]:
        """Take the files of a shard, all or none, and answer them.

        Raises:
            HubError: 400 if anything in the shard is not so.
        """
        try:
            shard = parse_shard(content)
        except ValueError as error:
            raise bad_request(str(error)) from None
        for xorb, chunk_hashes in shard.xorbs.items():
            if self.layout(xorb).hashes != chunk_hashes:
                raise bad_request(f"The shard names chunks that are not those of the xorb {xorb}")
        files = [self._checked(claim) for claim in shard.files]
        for file in files:
            if self.file_id(file.sha256) != file.id:
                self._add(file)
        return files

    def _checked(self, claim: FileClaim) -> XetFile:
        """Hold a file to all that is said of it, down to the sha256 of its content.

        Raises:
            HubError: 400.
        """
        leaves: list[hashes.Leaf] = []
        for term, proof in zip(claim.terms, claim.range_hashes, strict=True):
            leaves += self._proven(term, proof)
        if hashes.to_text(hashes.file_hash(leaves)) != claim.id:
            raise bad_request(f"The terms of the file {claim.id} make another file")
        file = XetFile(claim.id, claim.sha256, sum(term.size for term in claim.terms), claim.terms)
        if self.file_id(claim.sha256) != claim.id:
            with self.open(file) as content:
                if sha256_of(content) != claim.sha256:
                    raise bad_request(f"The file {claim.id} does not have the sha256 {claim.sha256}")
        return file

    def _proven(self, term: Term, proof: bytes) -> list[hashes.Leaf]:
        """Answer the chunks of a term, if whoever sent it knows them.

        Raises:
            HubError: 400.
        """
        layout = self.layout(term.xorb)
        if not 0 <= term.start < term.end <= len(layout.hashes):
            raise bad_request(f"The shard has a term outside the xorb {term.xorb}")
        if term.size != layout.unpacked[term.end] - layout.unpacked[term.start]:
            raise bad_request(f"The shard has a term of the xorb {term.xorb} whose size is wrong")
        if proof != hashes.range_hash(layout.hashes[term.start : term.end]):
            raise bad_request(f"The shard has a term of the xorb {term.xorb} whose proof is wrong")
        return layout.leaves[term.start : term.end]

    def _add(self, file: XetFile) -> None:
        facts = asdict(file) | {"terms": [astuple(term) for term in file.terms]}
        del facts["id"]
        self._write("files", file.id, json.dumps(facts).encode())
        chunks = [value for term in file.terms for value in self.layout(term.xorb).hashes[term.start : term.end]]
        for value in {*chunks[:1], *filter(hashes.is_searched, chunks)}:
            self._write("chunks", hashes.to_text(value), file.id.encode())
        # Last, because by this a file is known to be here.
        self._write("sha256", file.sha256, file.id.encode())

    def known_chunks(self, chunk: str) -> bytes:
        """The chunks that a client with this chunk may also have: those of a file with it, from its xorb on.

        Raises:
            HubError: 404 if nothing is known of the chunk.
        """
        try:
            file = self.file(self._place("chunks", chunk).read_text("ascii"))
        except FileNotFoundError:
            file = None
        if file is None:
            raise HubError(404, f"The chunk {chunk} is not on this Hub")
        wanted = hashes.from_text(chunk)
        names = dropwhile(
            lambda xorb: wanted not in self.layout(xorb).hashes, dict.fromkeys(term.xorb for term in file.terms)
        )
        told = ((hashes.from_text(xorb), self.layout(xorb)) for xorb in islice(names, _XORBS_TOLD))
        return known_chunks(told, self._key)
