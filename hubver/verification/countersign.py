"""`sign`: put a signature on a revision that is published already, in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.errors import Refused
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Release, Signed
from hubver.pins import find_sha, version_of
from hubver.progress import Meter
from hubver.settings import Settings
from hubver.signing import tool
from hubver.signing.bundle import SIGNATURE_FILE, is_signed
from hubver.signing.parties import means
from hubver.target import Target
from hubver.verification.evidence import gather
from hubver.verification.verb import judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubver.signing.parties import Signer


@dataclass(frozen=True)
class Countersigned:
    """A signature in the ledger.

    Attributes:
        sha: the commit that was signed.
        event: the ledger's commit that holds the signature.
        files: how many files it covers.
    """

    repo_id: str
    sha: str
    version: str | None
    means: str
    event: str
    files: int


def sign(
    target: str,
    signer: Signer,
    *,
    folder: Path | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Countersigned:
    """Read every file of a revision, verify it, sign it, and append the signature to the ledger.

    Args:
        target: `ORG/NAME@REVISION`.
        folder: files of this revision on this machine; None to fetch them, by the user's cache.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        Refused: the revision is not as it should be; the error names the first finding.
        NotFound: no such repository or revision.
        MissingPackage, BadInput, HubFailed: see `hubver.signing.tool.sign`.
        BadToken, HubUnreachable: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    asked = Target.parse(target, need_revision=True)
    hub = Hub.of(settings, asked.repo_id)
    hub.need_token()
    tell = progress or (lambda _line: None)
    refs, revision = hub.refs(asked.repo_id), asked.revision or ""
    sha = find_sha(hub, asked.repo_id, revision, refs, production=settings.production)
    if folder is None:
        tell("fetching the files")
        folder = hub.snapshot(asked.repo_id, sha)
    tell("reading and hashing the files")
    evidence = gather(hub, asked.repo_id, revision, sha, refs, folder=folder, progress=Meter(tell, "hashed"))
    now = datetime.now(timezone.utc)
    report = judge(evidence, None, require=False, now=now)
    if not report.passed:
        raise Refused(
            f"{target} is not as it should be, so it is not signed: {report.findings[0]}",
            hint=f"See all that is wrong with: hubver verify {target}",
        )
    files = {path: seen.sha256 for path, seen in evidence.files.items() if is_signed(path) and seen.sha256}
    raw = tool.sign(signer, files, name=asked.repo_id.partition("/")[2])
    release, actor = Release(sha=sha, version=version_of(refs, sha)), settings.actor or hub.whoami()
    tell("appending the signature to the ledger")
    event = ledger.append(
        hub,
        asked.repo_id,
        lambda _refs, state: Signed(
            at=now, actor=actor, run_url=settings.run_url, state=state, release=release, means=means(signer)
        ),
        {SIGNATURE_FILE: raw},
    )
    return Countersigned(asked.repo_id, sha, release.version, means(signer), event, len(files))
