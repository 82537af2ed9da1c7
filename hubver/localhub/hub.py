"""What every route shares: the store, the accounts, the discussions' rules and the key that signs upload addresses."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubver.localhub.accounts.sessions import Sessions
from hubver.localhub.large.holdings import Holdings
from hubver.localhub.repos.lengths import Lengths

if TYPE_CHECKING:
    from hubver.localhub.accounts.exchange import Exchange
    from hubver.localhub.accounts.limits import CommitRate
    from hubver.localhub.accounts.users import Accounts
    from hubver.localhub.events.notices import Notices
    from hubver.localhub.faults import Faults
    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.store import Store
    from hubver.localhub.switches import Switches
    from hubver.localhub.web.cdn import Cdn


@dataclass(frozen=True)
class Hub:
    """The state of one running Hub.

    Args:
        store: repos and large files.
        accounts: users and tokens.
        lfs_part_size: bytes above which an upload is cut into parts of this size.
        xet: whether clients may upload and download large files by Xet.
        faults: what is to go wrong.
        switches: how to behave where nobody outside knows how the Hub does.
        commit_rate: counts commits.
        notices: tells webhooks what happens.
        exchange: gives trusted publishers their tokens.
        cdn: where `resolve` leads for large files; None if it serves them itself.
        key: signs the addresses that are handed out; new in each process.
        sessions: who has signed in with a browser.
        lengths: how many commits revisions have.
    """

    store: Store
    accounts: Accounts
    lfs_part_size: int
    xet: bool
    faults: Faults
    switches: Switches
    commit_rate: CommitRate
    notices: Notices
    exchange: Exchange
    cdn: Cdn | None = None
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    sessions: Sessions = field(default_factory=Sessions, repr=False)
    lengths: Lengths = field(default_factory=Lengths, repr=False)

    def xet_id(self, repo: Repository, sha256: str) -> str | None:
        """Hash by which clients can get a file of a repo in chunks; None if they cannot."""
        return self.store.xet.file_id(sha256) if self.xet and sha256 in Holdings(repo) else None

    def sign(self, path: str) -> str:
        """Signature for an address that is to work without a token."""
        return hmac.new(self.key, path.encode(), hashlib.sha256).hexdigest()

    def is_signed(self, path: str, signature: str) -> bool:
        """Whether `signature` was made for `path` by this process."""
        return hmac.compare_digest(self.sign(path), signature)
