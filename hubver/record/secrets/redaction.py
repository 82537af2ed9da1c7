"""Take secrets out of texts, values and command lines. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hubver.record.secrets.assignments import quoted, secret_of, secrets_in, span_of
from hubver.record.secrets.known import NONE, Known
from hubver.record.secrets.names import is_secret_name
from hubver.record.secrets.placeholders import REDACTED, is_placeholder, looks_random
from hubver.record.secrets.shapes import hide_tokens, keys_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SCHEME_OF_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*\Z")
_URL_USER = re.compile(r"://(?P<secret>[^\s/\"'<>\\]{1,400})@")
_QUERY = re.compile(
    r"[?&;][\w.-]{0,40}?(?:sig|signature|token|secret|password|key|credential)=(?P<secret>[^\s&;\"'<>#\\]{12,})",
    re.IGNORECASE,
)
_AUTHORIZED = re.compile(r"authorization\\*[\"']?\s{0,4}[:=,]\s{0,4}\\*[\"']?\Z", re.IGNORECASE)
_SCHEME = re.compile(r"\b(?:bearer|basic|token)\s{1,4}(?P<secret>[\w.~+/=-]{12,})", re.IGNORECASE)
_LOGIN = quoted(r"\blogin\(\s{0,40}(?:[A-Za-z_]{1,40}\s?=\s?)?")
_CURL = re.compile(r"\s(?:-u|--user)[ =]?[\"']?[\w.@-]{1,60}:(?P<secret>[^\s\"'$]{4,})")
# Of an account that only says how one connects (`ssh://git@host`), and of one that is a token.
_SHORTEST_USER = 12
# That of AWS has 20 letters.
_SHORTEST_FORM = 20


def redact(text: str, known: Known = NONE) -> str:
    """The text with each secret replaced by `[redacted]`; text without secrets comes back unchanged.

    Takes time in proportion to the text, whatever it holds.
    """
    text = known.hide(text)
    if "PRIVATE KEY" in text:
        text = _without(text, keys_in(text))
    text = hide_tokens(text, REDACTED)
    if "://" in text:
        text = _without(text, _users(text))
        text = _without(text, (found.span("secret") for found in _QUERY.finditer(text) if _random(found["secret"])))
    text = _without(text, _schemes(text))
    text = _without(text, secrets_in(text))
    if "login(" in text:
        text = _without(text, (span_of(found) for found in _LOGIN.finditer(text) if _random(secret_of(found))))
    if "curl" in text:
        text = _without(text, (found.span("secret") for found in _CURL.finditer(text)))
    return text


def redact_value(value: Any, known: Known = NONE) -> Any:
    """The same for nested mappings and lists; what stands under a secret name goes whatever it looks like."""
    if isinstance(value, dict):
        return {_key(key, known): _under(str(key), item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(item, known) for item in value]
    return redact(value, known) if isinstance(value, str) else value


def redact_argv(arguments: Iterable[str], known: Known = NONE) -> tuple[str, ...]:
    """A command line: also the value that follows `--token`, and `--token=value`."""
    safe: list[str] = []
    hide_next = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if hide_next and not argument.startswith("--"):
            safe.append(REDACTED)
            hide_next = False
        elif equals and value and is_secret_name(name):
            safe.append(f"{name}={REDACTED}")
            hide_next = False
        else:
            hide_next = not equals and argument.startswith("-") and is_secret_name(argument)
            safe.append(redact(argument, known))
    return tuple(safe)


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with these spans, which are in order and apart, replaced."""
    parts: list[str] = []
    end = 0
    for start, stop in spans:
        parts += [text[end:start], REDACTED]
        end = stop
    return "".join([*parts, text[end:]]) if parts else text


def _key(key: Any, known: Known) -> Any:
    """Keys are names, nearly always; no secret has a form that is as short as most of them."""
    if not isinstance(key, str):
        return key
    return redact(key, known) if len(key) >= _SHORTEST_FORM else known.hide(key)


def _under(name: str, value: Any, known: Known) -> Any:
    if is_secret_name(name):
        if isinstance(value, str):
            return redact(value, known) if is_placeholder(value) else REDACTED
        if isinstance(value, list | tuple):
            return [_under(name, item, known) for item in value]
    return redact_value(value, known)


def _users(text: str) -> Iterator[tuple[int, int]]:
    """`user:password@`, or a token in the user's place."""
    for found in _URL_USER.finditer(text):
        scheme = _SCHEME_OF_URL.search(text, max(0, found.start() - 30), found.start())
        user, colon, password = found["secret"].partition(":")
        if not scheme or is_placeholder(password if colon else user):
            continue
        web = scheme[0].lower().endswith(("http", "https"))
        if colon or web or (len(user) >= _SHORTEST_USER and looks_random(user)):
            yield found.span("secret")


def _schemes(text: str) -> Iterator[tuple[int, int]]:
    """`Authorization: Bearer ...`; without that header it must look like nothing else."""
    for found in _SCHEME.finditer(text):
        sure = _AUTHORIZED.search(text[max(0, found.start() - 40) : found.start()])
        if sure or _random(found["secret"]):
            yield found.span("secret")


def _random(secret: str) -> bool:
    return looks_random(secret) and not is_placeholder(secret)
