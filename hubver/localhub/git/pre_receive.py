"""What may not be committed, over git or HTTP, with the words that the Hub refuses it with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dulwich.objects import S_ISGITLINK

from hubver.localhub.large.pointers import REGULAR_SIZE_LIMIT, is_binary, parse_pointer
from hubver.localhub.repos.paths import is_plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_RULE = "-" * 73


@dataclass(frozen=True)
class Rule:
    """A reason to refuse files, and the sentences that tell it."""

    sentences: tuple[str, ...]

    def text(self, paths: Iterable[str], ref: str) -> str:
        """The whole refusal, naming the files."""
        offending = [f"  - {path} (ref: {ref})" for path in paths]
        return "\n".join([_RULE, *self.sentences, "", "Offending files:", *offending, _RULE])


TOO_LARGE = Rule(
    (
        "Your push was rejected because it contains files larger than 10 MiB.",
        "Please use https://git-lfs.github.com/ to store large files.",
        "See also: https://hf.co/docs/hub/repositories-getting-started#terminal",
    )
)
BINARY = Rule(
    (
        "Your push was rejected because it contains binary files.",
        "Please use https://huggingface.co/docs/hub/xet to store binary files.",
        "See also: https://huggingface.co/docs/hub/xet/using-xet-storage#git",
    )
)
MISSING = Rule(
    (
        "Your push was rejected because an LFS pointer pointed to a file that does not exist.",
        "For instance, this can happen if you used git push --no-verify to push your changes.",
    )
)
SUBMODULE = Rule(("Your push was rejected because it contains submodules, which this Hub does not support.",))
BAD_NAME = Rule(("Your push was rejected because it contains files with names that not every system can hold.",))


def objection(path: str, mode: int, content: bytes, has_object: Callable[[str, int], bool]) -> Rule | None:
    """Say why a file may not be committed.

    Args:
        path: in the repo; bytes that are no UTF-8 as surrogates.
        mode: of git.
        content: as git would hold it; empty for folders and submodules.
        has_object: tells of a sha256 and a size whether there is such an LFS object for this committer.
    """
    if not all(is_plain_name(name) for name in path.encode("utf-8", "surrogateescape").split(b"/")):
        return BAD_NAME
    if S_ISGITLINK(mode):
        return SUBMODULE
    pointer = parse_pointer(content)
    if pointer:
        return None if has_object(pointer.oid, pointer.size) else MISSING
    if len(content) > REGULAR_SIZE_LIMIT:
        return TOO_LARGE
    return BINARY if is_binary(content) else None
