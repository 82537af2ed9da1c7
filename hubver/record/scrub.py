"""The last net before a record is written or published: whatever found its way in, no secret leaves in it.

Each part redacts what it takes from strangers; this looks once more at everything, and also for the very values that
this process's own environment calls secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubver.record.digest import sha256
from hubver.record.schema import Gap, RunRecord
from hubver.record.secrets import redact, redact_value

if TYPE_CHECKING:
    from hubver.record.secrets import Known

# Digests, and the names of tensors, files and packages: nobody's secrets, and most of a record's bytes.
_EXACT = frozenset({"files", "weights", "run_id", "repo_id", "version", "created", "gaps", "metrics"})
_REASON = "what looked like a secret was taken out"


def scrub(record: RunRecord, diff: bytes | None, known: Known) -> tuple[RunRecord, bytes | None]:
    """The record and its difference to the commit without secrets; what was taken out is a gap, by part.

    Args:
        record: what is to be written.
        diff: the content of `run/code.diff`, if there is one.
        known: values that are secret wherever they stand.
    """
    whole = record.model_dump(mode="json")
    clean = {name: _clean(name, value, known) for name, value in whole.items()}
    gaps = [Gap(field=name, reason=_REASON) for name in whole if clean[name] != whole[name] and name != "gaps"]
    safe = diff
    if diff is not None:
        safe = redact(diff.decode("utf-8", "surrogateescape"), known).encode("utf-8", "surrogateescape")
        if safe != diff:
            clean["code"]["diff_sha256"] = sha256(safe)
            gaps.append(Gap(field="code.diff_sha256", reason=f"{_REASON}, so it may not apply"))
    if clean == whole:
        return record, diff
    clean["gaps"] += [gap.model_dump(mode="json") for gap in gaps]
    return RunRecord.model_validate(clean), safe


def _clean(name: str, value: Any, known: Known) -> Any:
    if name == "environment":
        packages = value.get("packages", {})
        return {
            **redact_value({key: item for key, item in value.items() if key != "packages"}, known),
            "packages": packages,
        }
    if name == "gaps":
        return [{**gap, "reason": redact(gap["reason"], known)} for gap in value]
    return value if name in _EXACT else redact_value(value, known)
