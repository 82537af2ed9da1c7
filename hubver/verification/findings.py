"""What a verification found. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        subject: what it is about: a path, `tag v1.0.0`, `ledger`, `record`, `signature`.
        fact: what is wrong, in a few words.
        expected: what should be there.
        found: what is there.
    """

    subject: str
    fact: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.fact} (expected {self.expected}, found {self.found})"


@dataclass(frozen=True)
class Report:
    """What was looked at, and what was found.

    Attributes:
        sha: the commit.
        version: the version that its record names; None where it has no record that can be read.
        files: how many files of the record are as it says.
        read: how many bytes of them were read and hashed here; the Hub's word was taken for the others.
        signatures: how many signatures hold, of those that were checked against a key, a certificate or an identity.
        findings: what is not as it should be.
        notes: what one should know, and what could not be checked.
    """

    repo_id: str
    revision: str
    sha: str
    version: str | None
    files: int
    read: int
    signatures: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything that was looked at is as it should be."""
        return not self.findings
