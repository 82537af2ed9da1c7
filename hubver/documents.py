"""Stored documents: JSON on the Hub that must be read for ever, byte for byte.

A document is read from bytes, kept frozen, and written once in one canonical form: sorted keys, two spaces, UTF-8, a
final newline. Unknown fields are kept, so that an older hubver can carry what a newer one wrote.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from hubver.errors import BadDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self


def canonical_json(value: Mapping[str, object]) -> bytes:
    """The one form in which hubver writes JSON: sorted keys, two spaces, UTF-8, a final newline.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot say.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    # A lone surrogate, as a shell in another encoding may pass one, is no text; it becomes a question mark.
    return text.encode(errors="replace")


class Part(BaseModel):
    """A frozen piece of a document. Unknown fields survive a round trip."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, protected_namespaces=())


class Document(Part):
    """A whole stored document. Its `format` field, such as `hubver.run/1`, says how to read it.

    `D.from_bytes(d.to_bytes()) == d` holds for every document `d` of type `D`.
    """

    document_name: ClassVar[str] = "document"

    def to_bytes(self) -> bytes:
        """The canonical bytes of this document."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_bytes(cls, data: bytes, *, source: str = "") -> Self:
        """Read a document.

        Args:
            data: the stored bytes.
            source: where they come from, for the error.

        Raises:
            BadDocument: not UTF-8, not JSON, or not this document; the message names the first fault.
        """
        where = source or f"This {cls.document_name}"
        try:
            value = json.loads(data)
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise BadDocument(
                f"{where} is not valid JSON: {error}.",
                hint="Restore the file from the run that wrote it, or publish that run again.",
            ) from None
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(step) for step in first["loc"]) or "the top level"
            raise BadDocument(
                f"{where} is not a {cls.document_name}: {field}: {first['msg']}.",
                hint="It may come from a newer hubver; upgrade with: pip install -U hubver",
            ) from None
