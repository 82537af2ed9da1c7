"""What is wrong with a repository's releases, and how to put it right.

Anyone with a token can push past hubver: move a channel's branch, delete a tag, rewrite the ledger. Whether somebody did
is found by holding the refs against the ledger, the ledger against itself, and both against what this machine saw before.
"""

from __future__ import annotations

from hubver.doctor.findings import Finding, Report
from hubver.doctor.verb import doctor

__all__ = ["Finding", "Report", "doctor"]
