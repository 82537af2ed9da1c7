"""What the headers of safetensors files say: tensors, their shapes and types.

A file begins with 8 bytes, little-endian, that hold the length of a JSON object, and that object:
https://huggingface.co/docs/safetensors/index#format.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any

from hubver.localhub.errors import HubError, bad_request
from hubver.localhub.large.pointers import parse_pointer
from hubver.localhub.repos import trees
from hubver.localhub.repos.repository import read_blob, tree_of

if TYPE_CHECKING:
    from typing import BinaryIO

    from dulwich.object_store import BaseObjectStore

    from hubver.localhub.large.lfs_store import LfsStore
    from hubver.localhub.repos.repository import Repository

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_LARGEST_HEADER = 25_000_000


class Weights:
    """The safetensors files of one commit of a repo.

    Args:
        repo: the repo.
        store: its open objects.
        commit: the commit.
        large: the large files of all repos.
    """

    def __init__(self, repo: Repository, store: BaseObjectStore, commit: str, large: LfsStore) -> None:
        self._repo, self._store, self._commit, self._large = repo, store, commit, large

    def parameters(self) -> dict[str, Any] | None:
        """How many parameters the model has, by type and together; None if there are no headers to tell it."""
        tree = tree_of(self._store, self._commit)
        names = [name for name in (SINGLE, INDEX) if trees.find(self._store, tree, name)]
        if not names:
            return None
        headers = [self.header(SINGLE)] if SINGLE in names else self.sharded(INDEX)[1].values()
        counts: Counter[str] = Counter()
        for header in headers:
            for name, tensor in header.items():
                if name != "__metadata__":
                    counts[str(tensor["dtype"])] += math.prod(tensor["shape"])
        return {"parameters": dict(counts), "total": counts.total()}

    def sharded(self, path: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """The index at `path`, which says in which files the tensors are, and the header of each file by its name there.

        Raises:
            HubError: 404 if one of them is missing, 400 if one is not what it should be.
        """
        with self._open(path) as file:
            index = _object(file.read(_LARGEST_HEADER), path)
        shards = index.get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(shard, str) for shard in shards.values()):
            raise bad_request(f"{path} is not the index of safetensors files")
        folder = path[: path.rfind("/") + 1]
        return index, {shard: self.header(folder + shard) for shard in sorted(set(shards.values()))}

    def header(self, path: str) -> dict[str, Any]:
        """The header of one file.

        Raises:
            HubError: 404 if there is none, 400 if it is no safetensors file.
        """
        with self._open(path) as file:
            length = file.read(8)
            size = struct.unpack("<Q", length)[0] if len(length) == 8 else 0
            header = _object(file.read(size), path) if 0 < size <= _LARGEST_HEADER else {}
        tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
        if not tensors or not all(_is_tensor(tensor) for tensor in tensors):
            raise bad_request(f"{path} is not a safetensors file")
        return header

    def _open(self, path: str) -> BinaryIO:
        entry = self._repo.entry(self._store, self._commit, path)
        if entry.is_folder:
            raise bad_request(f"{path} is a folder")
        content = read_blob(self._store, entry.oid)
        pointer = parse_pointer(content)
        if pointer is None:
            return BytesIO(content)
        try:
            return self._large.open(pointer.oid)
        except FileNotFoundError:
            raise HubError(404, f"The LFS object {pointer.oid} is not on this Hub") from None


def _object(content: bytes, path: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise bad_request(f"{path} holds no JSON object where one must be")
    return found


def _is_tensor(found: object) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("dtype"), str):
        return False
    shape = found.get("shape")
    return isinstance(shape, list) and all(isinstance(size, int) and size >= 0 for size in shape)
