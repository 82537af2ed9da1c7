"""The whole audit trail of a repository in one file, which anyone can check with git alone: a bundle of the ledger."""

from __future__ import annotations

from hubver.export.checking import Checked, check
from hubver.export.writing import Export, export

__all__ = ["Checked", "Export", "check", "export"]
