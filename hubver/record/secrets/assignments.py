"""Find what stands beside a name that says it is secret: in source code, shells, YAML, JSON, and JSON inside of JSON.

The words are searched first and what is around them is looked at afterwards, each no further than a bound: so the time
is in proportion to the text, whatever it holds. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubver.record.secrets.names import WORDS, is_secret_name
from hubver.record.secrets.placeholders import is_placeholder, looks_random

if TYPE_CHECKING:
    from collections.abc import Iterator

# `token = "hf_" + ...` holds no secret yet.
_SHORTEST = 4
_BEFORE = 120
# Nobody's tokens and keys are words of small letters, or sentences; passwords are.
_WORDED = re.compile(r"[a-z]{1,19}(?:[_:.-][a-z]{1,19})*|[^\s]+\s.*", re.DOTALL)
_LONGEST_WORDS = 200

_WORD = re.compile(rf"{WORDS}(?![A-Za-z0-9_])", re.IGNORECASE)
_NAME = re.compile(r"[\w.-]*\Z")
_QUOTED = (
    r"[rbfuRBFU]{0,2}(?:(?P<quote>\"\"\"|'''|[\"'])(?P<secret>(?:[^\\\n\"']{1,4000}|\\.|(?!(?P=quote))[\"']){0,99})"
    # As in the cells of a notebook, which are JSON strings.
    r"|(?P<escaped>\\{1,7}[\"'])(?P<inner>(?:[^\\\n\"']{1,4000}|(?!(?P=escaped))[\\\"']){0,99}))"
)
_BARE = r"(?P<secret>(?:[^\s\"'\[\](){},;&\\]{1,4000}|\\(?![nrt\"'])){1,99})"

# `name = "value"`, `"name": "value"`.
_ASSIGNED = re.compile(rf"(?:\\*[\"'])?\s{{0,40}}(?:=>|:=|[=:])\s{{0,40}}{_QUOTED}")
# `getenv("NAME", "value")`, `add_argument("--name", default="value")`.
_CALL = re.compile(r"(?:get|getenv|setenv|putenv|setdefault|add_argument|option)\(\s{0,40}\\*[\"']-{0,2}\Z")
_DEFAULT = re.compile(rf"\\*[\"']\s{{0,40}},(?:[^)\n]{{0,200}}?\bdefault\s{{0,4}}=)?\s{{0,40}}{_QUOTED}")
# `NAME=value` as in a shell or an env file.
_SHELL = re.compile(rf"={_BARE}")
# `name: value` on a line of its own, as in YAML and in headers.
_LINE = re.compile(r"(?:\A|\n)[+\- ]?[\s-]{0,80}\Z")
_YAML = re.compile(rf":[ ]{{1,40}}{_BARE}(?=[ \t]{{0,40}}(?:\r?\n|#|\Z|\\n))")
# `--name value`, `name=value`, `password value`: in code, too, so the value must look like nothing else.
_LOOSE = re.compile(rf"[ =]{_BARE}")


def secrets_in(text: str) -> Iterator[tuple[int, int]]:
    """Where values stand whose names say that they are secret, as [start, end), in order and apart."""
    end = 0
    for word in _WORD.finditer(text):
        if word.start() < end:
            continue
        before = text[max(0, word.start() - _BEFORE) : word.start()]
        head = _NAME.search(before)
        own = head[0] if head else ""
        if not is_secret_name(own + word[0]):
            continue
        found = _value(text, word.end(), own + word[0], before[: len(before) - len(own)])
        if found:
            end = found[1]
            yield found


def _value(text: str, at: int, name: str, before: str) -> tuple[int, int] | None:
    """Where the value of a name is, if there is one that may be secret.

    Args:
        text: the whole.
        at: where the name ends.
        name: the name.
        before: what stands before it, up to a bound.
    """
    forms = [_ASSIGNED]
    if _CALL.search(before):
        forms.append(_DEFAULT)
    if name == name.upper():
        forms.append(_SHELL)
    if _LINE.search(before):
        forms.append(_YAML)
    for form in forms:
        found = form.match(text, at)
        if found and not _harmless(name, secret_of(found)):
            return span_of(found)
    loose = _LOOSE.match(text, at)
    if loose and (text[at] == "=" or name.startswith("--") or name == "password") and looks_random(loose["secret"]):
        return loose.span("secret")
    return None


def secret_of(found: re.Match[str]) -> str:
    """The value that a form has found."""
    groups = found.groupdict()
    return groups["secret"] if groups["secret"] is not None else groups.get("inner") or ""


def span_of(found: re.Match[str]) -> tuple[int, int]:
    """Where that value is."""
    return found.span("secret") if found["secret"] is not None else found.span("inner")


def quoted(head: str) -> re.Pattern[str]:
    """A pattern for a string in quotes, after what comes before it; for `secret_of` and `span_of`."""
    return re.compile(head + _QUOTED)


def _harmless(name: str, value: str) -> bool:
    """Whether the value is none, or a placeholder, or of a token or key in words: `ID_TOKEN = "token-type:id_token"`."""
    worded = name.lower().endswith(("token", "key")) and _WORDED.fullmatch(value[:_LONGEST_WORDS]) is not None
    return len(value) < _SHORTEST or is_placeholder(value) or worded
