"""`verify`: is a published revision still what was published, and by whom?"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hubver.errors import BadDocument, BadInput, Untrusted
from hubver.hub.client import Hub
from hubver.pins import find_sha
from hubver.progress import Meter
from hubver.settings import Settings
from hubver.signing import bundle, tool
from hubver.target import Target
from hubver.verification import rules
from hubver.verification.evidence import gather
from hubver.verification.findings import Finding, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hubver.signing.parties import Trust
    from hubver.verification.evidence import Evidence


def verify(
    target: str,
    *,
    folder: Path | None = None,
    download: bool = False,
    trust: Trust | None = None,
    require_signature: bool = False,
    settings: Settings | None = None,
    now: datetime | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Hold a revision against its record, its tag against the ledger, and its signatures against what is trusted.

    Without a folder or a download, large files are not read: the Hub stores them by their sha256, and is believed. Small
    files are read and hashed always.

    Args:
        target: `ORG/NAME@REVISION`; without a revision, production is meant.
        folder: files of this revision on this machine, to be read in place of the Hub's.
        download: fetch the files, by the user's cache, and read them all.
        trust: a public key, roots of certificates, or an identity. What it says of signatures is a finding; without it
            they are only held against the files.
        require_signature: no signature by whom is trusted is a finding too.
        settings: the user's own if None.
        now: the time, for certificates; the clock's if None.
        progress: told each step, in a few words.

    Raises:
        NotFound: no such repository or revision.
        BadInput: nobody is trusted, and a signature is required; or the folder is none.
        MissingPackage: a signature is to be checked, and the extra `hubver[sign]` is not installed.
        BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    if require_signature and trust is None:
        raise BadInput(
            "A signature is required, but nobody's is trusted.",
            hint="Name whose: --public-key FILE, --certificate-chain FILE, or --identity with --identity-provider.",
        )
    if folder is not None and not folder.is_dir():
        raise BadInput(f"{folder} is not a folder.", expected="a folder with the files of the revision")
    settings = settings or Settings.load()
    tell = progress or (lambda _line: None)
    asked = Target.parse(target)
    hub = Hub.of(settings, asked.repo_id)
    revision = asked.revision or settings.production
    refs = hub.refs(asked.repo_id)
    sha = find_sha(hub, asked.repo_id, revision, refs, production=settings.production)
    if download and folder is None:
        tell("fetching the files")
        folder = hub.snapshot(asked.repo_id, sha)
    tell("reading and hashing the files")
    evidence = gather(hub, asked.repo_id, revision, sha, refs, folder=folder, progress=Meter(tell, "hashed"))
    return judge(evidence, trust, require=require_signature, now=now or datetime.now(timezone.utc))


def judge(evidence: Evidence, trust: Trust | None, *, require: bool, now: datetime) -> Report:
    """Apply all rules to what is known."""
    record, findings = rules.of_record(evidence)
    bad_files: list[Finding] = []
    if record is not None:
        bad_files = list(rules.of_files(evidence, record))
        findings += [*bad_files, *rules.of_base(evidence, record)]
    findings += [*rules.of_card(evidence), *rules.of_tag(evidence, record), *rules.of_ledger(evidence)]
    holding, notes = 0, list(rules.notes(evidence, record))
    for found in _signatures(evidence, trust, now):
        if isinstance(found, Finding):
            findings.append(found)
        elif isinstance(found, str):
            notes.append(found)
        else:
            holding += 1
    if require and not holding and not any(finding.subject == "signature" for finding in findings):
        findings.append(Finding("signature", "there is none", "one by whom is trusted", "no signature"))
    wrong = {finding.subject for finding in bad_files}
    return Report(
        evidence.repo_id,
        evidence.revision,
        evidence.sha,
        record.version if record else None,
        sum(entry.path not in wrong for entry in record.files) if record else 0,
        sum(seen.size for seen in evidence.files.values() if seen.read),
        holding,
        tuple(findings),
        tuple(notes),
    )


def _signatures(evidence: Evidence, trust: Trust | None, now: datetime) -> Iterator[Finding | str | None]:
    """What is wrong with each signature, what one should know of it, or None for one that holds.

    Several people may sign, and each is trusted by others: one that holds is enough, and the others become notes.
    """
    digests = {path: seen.sha256 for path, seen in evidence.files.items()}
    untrusted: list[Finding] = []
    holding = 0
    for signature in evidence.signatures:
        try:
            claim = bundle.read(signature.raw, source=signature.where)
        except BadDocument as error:
            yield Finding("signature", f"{signature.where} cannot be read", error.expected or "a bundle", error.fact)
            continue
        covers = list(rules.of_claim(signature.where, claim, digests))
        yield from covers
        if trust is None:
            yield f"{signature.where} was made by {claim.means}; name whom you trust to have it checked"
            continue
        try:
            tool.check(signature.raw, claim, trust, now=now)
        except Untrusted as error:
            reason = f"{error.fact} {error.found or ''}".strip()
            untrusted.append(Finding("signature", f"{signature.where} is not by whom is trusted", str(trust), reason))
        else:
            if not covers:
                holding += 1
                yield None
    yield from ((str(finding) for finding in untrusted) if holding else untrusted)
