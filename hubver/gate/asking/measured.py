"""What was measured of models beside their answers: seconds, sizes, faults. Shards carry it as they carry answers."""

from __future__ import annotations

from pydantic import Field

from hubver.documents import Part


class Measured(Part):
    """Measurements of one session.

    Attributes:
        timings: digest of a request → contender → (seconds, tokens made); all contenders of a request in one run.
        sizes: contender → bytes of its own weights.
        faults: of the candidate's tokenizer and chat template, a sentence each.
    """

    timings: dict[str, dict[str, tuple[float, int]]] = Field(default_factory=dict)
    sizes: dict[str, int] = Field(default_factory=dict)
    faults: tuple[str, ...] = ()

    def joined(self, other: Measured) -> Measured:
        """This and what another session measured."""
        return Measured(
            timings={**self.timings, **other.timings},
            sizes={**self.sizes, **other.sizes},
            faults=tuple(dict.fromkeys((*self.faults, *other.faults))),
        )
