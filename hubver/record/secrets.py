"""Keep secrets out of everything that is published.

Two nets: shapes that tokens of known services have, wherever they stand, and values that stand beside a name that says
they are secret. Special tokens of a tokenizer (`eos_token`) are no secrets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

REDACTED = "[redacted]"

_SHAPES = re.compile(
    r"""
      -----BEGIN[A-Z ]*PRIVATE\ KEY-----.*?(?:-----END[A-Z ]*PRIVATE\ KEY-----|\Z)
    | (?<![A-Za-z0-9])(?:
        hf_(?:oauth_|jwt_)?[A-Za-z0-9._-]{16,}   # Hugging Face
      | api_org_[A-Za-z0-9]{16,}
      | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,} | glpat-[\w-]{16,}
      | (?:AKIA|ASIA)[0-9A-Z]{16}
      | sk-[A-Za-z0-9_-]{16,} | [rs]k_(?:live|test)_[A-Za-z0-9]{16,}
      | xox[abceoprs]-[A-Za-z0-9-]{10,} | xapp-[A-Za-z0-9-]{10,}
      | AIza[0-9A-Za-z_-]{35} | ya29\.[0-9A-Za-z_-]{20,}
      | npm_[A-Za-z0-9]{30,} | pypi-[A-Za-z0-9_-]{16,} | dop_v1_[a-f0-9]{40,} | r8_[A-Za-z0-9]{30,}
      | eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*   # JSON Web Token
      )
    """,
    re.VERBOSE | re.DOTALL,
)
_URL_CREDENTIALS = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<secret>[^\s/@\"'<>]+)@")
_BEARER = re.compile(r"(?P<head>\b(?:Bearer|Basic)\s+)(?P<secret>[A-Za-z0-9._~+/=-]{12,})")

_SPECIAL = [
    "bos",
    "eos",
    "pad",
    "unk",
    "sep",
    "cls",
    "mask",
    "image",
    "audio",
    "video",
    "boi",
    "eoi",
    "boa",
    "eoa",
    "stop",
    "decoder_start",
    "think",
    "response",
]
_WORDS = (
    r"(?:token|secret|password|passwd|passphrase|pwd|credentials?"
    r"|(?:api|access|private|secret|auth|account|signing|encryption)[_-]?key|connection[_-]?string)"
)
_NAME = re.compile(rf"(?:^|.*[^A-Za-z]|.*[a-z](?=[A-Z])){_WORDS}", re.IGNORECASE | re.DOTALL)
_ASSIGNED = re.compile(
    rf"""(?P<head>(?<![A-Za-z0-9])(?P<name>[A-Za-z0-9_.-]*{_WORDS})["']?\s*[=:]\s*)(?P<quote>["'])"""
    r"(?P<secret>(?:(?!(?P=quote))[^\n\\]|\\.)*)(?P=quote)",
    re.IGNORECASE,
)
# NAME=value as in a shell or an env file, and `name: value` on a line of its own as in YAML.
_BARE = re.compile(
    rf"""(?P<head>(?:(?<![A-Za-z0-9])(?P<name>[A-Z0-9_]*{_WORDS.upper()})="""
    rf"""|^[+\- ]?\s*(?P<yaml>[A-Za-z0-9_.-]*(?i:{_WORDS})):[ ]+))(?P<secret>[^\s"'\[\](){{}}]+)""",
    re.MULTILINE,
)
_PLACEHOLDER = re.compile(
    r"\s*(?:\W*[<\[].*[>\]]|\$.*|\*+|%.*|\{.*|none|null|true|false|str|SecretStr|\[redacted\]|)\s*",
    re.IGNORECASE | re.DOTALL,
)
# `token = "hf_" + ...` holds no secret yet.
_SHORTEST = 4


def is_secret_name(name: str) -> bool:
    """Whether a key, a variable or an option of this name holds a secret."""
    tail = name.strip("-").rsplit(".", 1)[-1]
    if any(tail.lower().replace("-", "_") == f"{special}_token" for special in _SPECIAL):
        return False
    return _NAME.fullmatch(tail) is not None


def redact(text: str) -> str:
    """The text with each secret replaced by `[redacted]`; text without secrets comes back unchanged."""
    text = _SHAPES.sub(REDACTED, text)
    text = _URL_CREDENTIALS.sub(lambda found: f"{found['scheme']}{REDACTED}@", text)
    text = _BEARER.sub(lambda found: found["head"] + REDACTED, text)
    text = _ASSIGNED.sub(_hide, text)
    return _BARE.sub(_hide, text)


def redact_value(value: Any) -> Any:
    """The same for nested mappings and lists; what stands under a secret name goes whatever it looks like."""
    if isinstance(value, dict):
        return {key: _under(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(item) for item in value]
    return redact(value) if isinstance(value, str) else value


def redact_argv(arguments: Iterable[str]) -> tuple[str, ...]:
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
            safe.append(redact(argument))
    return tuple(safe)


def _under(name: str, value: Any) -> Any:
    if is_secret_name(name) and isinstance(value, str) and not _PLACEHOLDER.fullmatch(value):
        return REDACTED
    return redact_value(value)


def _hide(found: re.Match[str]) -> str:
    groups = found.groupdict()
    name = groups.get("name") or groups.get("yaml") or ""
    if len(found["secret"]) < _SHORTEST or _PLACEHOLDER.fullmatch(found["secret"]) or not is_secret_name(name):
        return found[0]
    quote = groups.get("quote") or ""
    return f"{found['head']}{quote}{REDACTED}{quote}"
