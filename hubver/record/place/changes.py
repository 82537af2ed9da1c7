"""What ran and is in no commit: changes to tracked files, and the script itself where it is not tracked.

Both are kept in one patch, `run/code.diff`, that `git apply` turns into the code that ran: on top of the commit, or in
an empty folder where there is none. Secrets in it are redacted. No other untracked file is ever read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.record.place import git
from hubver.record.schema import Gap
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from pathlib import Path

# A larger difference is data that strayed into the repository, not code.
_MAX_DIFF = 5 << 20
_FIELD = "code.diff_sha256"


@dataclass(frozen=True)
class Patch:
    """A patch, or None where nothing differed or nothing could be kept, and what is not in it."""

    content: bytes | None
    gaps: tuple[Gap, ...]


def joined(patches: list[Patch]) -> Patch:
    """One patch of several that touch different files."""
    content = b"".join(patch.content for patch in patches if patch.content)
    return Patch(content or None, tuple(gap for patch in patches for gap in patch.gaps))


def tracked(top: Path) -> Patch:
    """The changes to tracked files against `HEAD`. What is changed inside a submodule is not among them."""
    options = ("--no-ext-diff", "--no-textconv", "--no-color", "--binary", "--ignore-submodules=dirty")
    raw = git.raw(top, "diff", *options, "HEAD")
    if raw is None:
        return Patch(None, (Gap(field=_FIELD, reason="git could not show the changes"),))
    if len(raw) > _MAX_DIFF:
        return Patch(None, (Gap(field=_FIELD, reason=f"the changes are {len(raw):,} bytes, too many to keep"),))
    safe = redact(raw.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    if safe != raw:
        reason = "secrets in the changes were redacted, so it may not apply"
        return Patch(safe, (Gap(field=_FIELD, reason=reason),))
    return Patch(safe or None, ())


def added(path: str, text: str) -> Patch:
    """A patch that creates one file.

    Args:
        path: where, relative to the top, with forward slashes.
        text: its content; bytes that are not UTF-8 as surrogates.
    """
    if len(text) > _MAX_DIFF:
        return Patch(None, (Gap(field=_FIELD, reason=f"{path} has {len(text):,} characters, too many to keep"),))
    safe = redact(text)
    gaps = () if safe == text else (Gap(field=_FIELD, reason=f"secrets in {path} were redacted"),)
    head = f"diff --git {_quoted('a/' + path)} {_quoted('b/' + path)}\nnew file mode 100644\n"
    lines = safe.split("\n")
    ended = lines[-1] == ""
    lines = lines[:-1] if ended else lines
    # git ends a name with spaces in it by a tab (diff.c, `write_name_quoted`).
    tab = "\t" if " " in path else ""
    body = "" if not safe else f"--- /dev/null\n+++ {_quoted('b/' + path)}{tab}\n@@ -0,0 +1,{len(lines)} @@\n"
    body += "".join(f"+{line}\n" for line in lines)
    body += "" if ended or not safe else "\\ No newline at end of file\n"
    return Patch((head + body).encode("utf-8", "surrogateescape"), gaps)


def _quoted(path: str) -> str:
    """A path as git writes it: in quotes, with octal escapes, where it has more than printable ASCII in it."""
    raw = path.encode("utf-8", "surrogateescape")
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in raw):
        return path
    return (
        '"' + "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}" for byte in raw) + '"'
    )
