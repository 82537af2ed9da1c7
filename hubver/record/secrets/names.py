"""Which names say that what they name is secret. Pure.

Special tokens of a tokenizer (`eos_token`) and counts of tokens are no secrets.
"""

from __future__ import annotations

import re

_SPECIAL = frozenset(
    [
        *("bos", "eos", "pad", "unk", "sep", "cls", "mask", "stop", "decoder_start", "think", "response"),
        *("image", "audio", "video", "boi", "eoi", "boa", "eoa"),
    ]
)
# Longer ones first: a search takes the first that fits.
WORDS = (
    r"(?:private[_-]?key[_-]?id|connection[_-]?string|webhook[_-]?url"
    r"|(?:api|access|private|secret|auth|account|signing|encryption|storage|master|license)[_-]?key"
    r"|token|secret|password|passwd|passphrase|pwd|credentials?)"
)
# A word of its own, or the last one of several: `hubToken`, `HF_TOKEN`, but not `monkey`.
_NAME = re.compile(rf"(?:^|.*[^A-Za-z]|.*[a-z](?=[A-Z])){WORDS}", re.IGNORECASE | re.DOTALL)
# A longer name is none that anybody gave.
_LONGEST = 200


def is_secret_name(name: str) -> bool:
    """Whether a key, a variable or an option of this name holds a secret."""
    tail = name.strip("-").rsplit(".", 1)[-1][-_LONGEST:]
    plain = tail.lower().replace("-", "_")
    if plain.endswith("_token") and plain[: -len("_token")] in _SPECIAL:
        return False
    return _NAME.fullmatch(tail) is not None
