"""`verify`: a published revision held against its record, the ledger, and the signatures on it."""

from __future__ import annotations

from hubver.verification.findings import Finding, Report
from hubver.verification.verb import verify

__all__ = ["Finding", "Report", "verify"]
