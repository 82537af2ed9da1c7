"""The rules: from what is known of a commit to what is wrong with it. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hubver.errors import BadDocument
from hubver.hub.contents import is_sha
from hubver.hub.replay import Kind, replay
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.signing.bundle import SIGNATURE_FILE, is_signed
from hubver.verification.findings import Finding
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubver.signing.bundle import Claim
    from hubver.verification.evidence import Evidence

CARD_FILE = "README.md"
ADAPTER_CONFIG = "adapter_config.json"
# What loading a model may take up, or run: a file of these that no record names was not published with the run.
_LOADED = re.compile(
    r".*\.(safetensors|bin|pt|pth|pkl|pickle|ckpt|h5|msgpack|onnx|gguf|npz?|py|so|spm|tiktoken|jinja)"
    r"|(.*/)?(config|tokenizer|tokenizer_config|generation_config|adapter_config|special_tokens_map|added_tokens"
    r"|vocab|preprocessor_config|processor_config|chat_template|.*\.index)\.json|(.*/)?(vocab|merges)\.txt|.*\.model"
)


def of_record(evidence: Evidence) -> tuple[RunRecord | None, list[Finding]]:
    """The commit's record, if there is one that can be read and that is of this repository."""
    raw = evidence.texts.get(RECORD_FILE)
    if raw is None:
        return None, [Finding("record", "the commit has none", RECORD_FILE, "no such file")]
    try:
        record = RunRecord.from_bytes(raw, source=RECORD_FILE)
    except BadDocument as error:
        return None, [Finding("record", "it cannot be read", "a run record", error.fact)]
    if record.to_bytes() != raw:
        return record, [Finding("record", "its bytes are not as hubver writes them", "canonical JSON", "another form")]
    return record, []


def of_files(evidence: Evidence, record: RunRecord) -> Iterator[Finding]:
    """Each file of the record is there, and is the one that was hashed; and nothing that a model loads came beside it."""
    told = {entry.path: entry for entry in record.files}
    for path, entry in told.items():
        seen = evidence.files.get(path)
        if seen is None:
            yield Finding(path, "it is missing", f"sha256 {entry.sha256}", "no such file")
        elif seen.sha256 is None:
            yield Finding(
                path, "it is larger than what git keeps", "a large file, stored by sha256", f"{seen.size} bytes"
            )
        elif seen.sha256 != entry.sha256:
            yield Finding(path, "it is not the file of the record", f"sha256 {entry.sha256}", f"sha256 {seen.sha256}")
        elif seen.size != entry.size:
            yield Finding(path, "it is not as long as the record says", f"{entry.size} bytes", f"{seen.size}")
    for path, seen in evidence.files.items():
        if seen.blob != seen.stored_blob:
            yield Finding(
                path, "what the Hub sent is not what the commit holds", f"blob {seen.stored_blob}", f"{seen.blob}"
            )
        if path not in told and _LOADED.fullmatch(path):
            yield Finding(path, "no record names it, and a model may load it", "only files of the record", "one more")


def of_card(evidence: Evidence) -> Iterator[Finding]:
    """There is a card."""
    if not evidence.texts.get(CARD_FILE, b"").strip():
        yield Finding("card", "the commit has none", CARD_FILE, "no such file, or an empty one")


def of_base(evidence: Evidence, record: RunRecord) -> Iterator[Finding]:
    """An adapter names the commit of its base, and it is the one that the run was made with."""
    raw = evidence.texts.get(ADAPTER_CONFIG)
    if raw is None:
        return
    try:
        config: Any = json.loads(raw)
        name, revision = config.get("base_model_name_or_path"), config.get("revision")
    except (ValueError, AttributeError, RecursionError):
        yield Finding(ADAPTER_CONFIG, "it cannot be read", "a JSON object", "something else")
        return
    base = record.base_model
    if base.id is not None and name != base.id:
        yield Finding(ADAPTER_CONFIG, "it names another base than the record", base.id, str(name))
    if base.sha is not None and revision != base.sha:
        yield Finding(ADAPTER_CONFIG, "its base is not pinned to the commit of the record", base.sha, str(revision))
    elif base.id is not None and not (isinstance(revision, str) and is_sha(revision)):
        yield Finding(ADAPTER_CONFIG, "its base is not pinned", "the commit of the base", str(revision))


def of_tag(evidence: Evidence, record: RunRecord | None) -> Iterator[Finding]:
    """The tag, the record and the ledger's publish event name the same commit, version and run."""
    version = (record.version if record else None) or (
        evidence.revision if evidence.publishing_of(evidence.revision) else None
    )
    if version is None:
        return
    tagged, event = evidence.refs.tags.get(version), evidence.publishing_of(version)
    copied = evidence.copied_as(version)
    if event is None and copied is None:
        yield Finding("ledger", f"nothing in it published {version}", f"a publish event of {version}", "none")
    elif event is None:
        if copied != evidence.sha:
            yield Finding(f"tag {version}", "it is not where it was copied to", str(copied), evidence.sha)
    elif event.release.sha != evidence.sha:
        yield Finding(f"tag {version}", "it is not where it was published", event.release.sha, evidence.sha)
    elif record is not None and event.run_id != record.run_id:
        yield Finding("record", "it is of another run than the ledger says", event.run_id, record.run_id)
    if tagged is None:
        yield Finding(f"tag {version}", "it is gone", evidence.sha, "no such tag")
    elif tagged != evidence.sha and (event is None or event.release.sha == evidence.sha):
        yield Finding(f"tag {version}", "it has moved", evidence.sha, tagged)
    # A candidate that was promoted has the tag of its final version as well.
    own = {version, str(Version.parse(version).final)} if is_version(version) else {version}
    if evidence.revision in evidence.refs.tags and is_version(evidence.revision) and evidence.revision not in own:
        yield Finding("record", "it names another version than the tag", evidence.revision, version)


def is_version(text: str) -> bool:
    """Whether a tag is one that names a version."""
    return re.fullmatch(r"v\d+\.\d+\.\d+(-rc\.\d+)?", text) is not None


def of_ledger(evidence: Evidence) -> Iterator[Finding]:
    """Each event can be read, and follows from the one before; and the one that published this says the same in its file."""
    told = replay(reversed(evidence.entries), whole=evidence.whole_ledger)
    for one in told.contradictions:
        if one.is_tampering or one.kind is Kind.UNREADABLE:
            yield Finding("ledger", f"the event {one.sha[:8]}: {one.fact}", one.expected, one.found)
    event = evidence.published
    if event is not None and evidence.event_file != event.to_bytes():
        found = "no such file" if evidence.event_file is None else "other bytes"
        yield Finding("ledger", "event.json is not what its commit's message says", "the same bytes", found)


def of_claim(where: str, claim: Claim, files: Mapping[str, str | None]) -> Iterator[Finding]:
    """What a signature says it covers is what the commit holds: every file, and no other.

    Args:
        files: sha256 by path, of everything in the commit.
    """
    there = {path: value for path, value in files.items() if is_signed(path)}
    for path in sorted(there.keys() | claim.files.keys()):
        signed, found = claim.files.get(path), there.get(path)
        if path not in there:
            yield Finding(path, f"{where} covers it, and it is missing", f"sha256 {signed}", "no such file")
        elif signed is None:
            yield Finding(path, f"{where} does not cover it", "only files that were signed", "one more")
        elif found != signed:
            yield Finding(path, f"it is not the file that {where} covers", f"sha256 {signed}", f"sha256 {found}")


def notes(evidence: Evidence, record: RunRecord | None) -> Iterator[str]:
    """What one should know, and what nobody could check."""
    told = {entry.path for entry in record.files} if record else set()
    ours = {RECORD_FILE, CARD_FILE, SIGNATURE_FILE, ".gitattributes"}
    others = sorted(path for path in evidence.files.keys() - told - ours if not _LOADED.fullmatch(path))
    if others and record is not None:
        yield f"files that no record names, and no model loads: {', '.join(others[:5])}" + (
            " ..." if others[5:] else ""
        )
    if record is not None and record.repo_id not in (None, evidence.repo_id):
        yield f"the record was published to {record.repo_id}, so the repository was renamed or the commit copied"
    if record is not None and ADAPTER_CONFIG in evidence.texts and record.base_model.id is None:
        yield "the adapter's base is no model of a Hub, so nothing pins it"
    strangers = sum(entry.event is None and entry.unreadable is None for entry in evidence.entries)
    if strangers:
        yield f"the ledger holds {strangers} commits that hubver did not write"
    if not evidence.whole_ledger:
        yield f"the ledger is longer than what was read: its newest {len(evidence.entries)} events"
