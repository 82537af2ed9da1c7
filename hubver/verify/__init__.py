"""`verify`: a published revision held against its record, the ledger, and the signatures on it."""

from __future__ import annotations

from hubver.verify.findings import Finding, Report
from hubver.verify.verb import verify

__all__ = ["Finding", "Report", "verify"]
