"""`diff` and `show`: two revisions side by side, and one for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.diff.compare import compare
from hubver.diff.factor import Factors, told
from hubver.diff.propose import Proposal, of_changes
from hubver.diff.revisions import Finder, Revision, need_record
from hubver.diff.weights import lora
from hubver.settings import Settings
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.diff.changes import Change
    from hubver.diff.weights.files import Opened
    from hubver.diff.weights.results import Side, WeightsCompared
    from hubver.record.schema import RunRecord

    Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Next:
    """The version that B would be, published after A.

    Attributes:
        bump: which part to raise.
        reason: what asks for it.
        version: None where A has no version.
    """

    bump: str
    reason: str
    version: str | None


@dataclass(frozen=True)
class Difference:
    """Two revisions, compared.

    Attributes:
        summary: one sentence, such as `One factor changed: data.`
        factors: what changed and what cannot be told; None where either has no record.
        changes: every difference; those of the records alone.
        next: None where either has no record.
        contradictions: where a revision's configuration or record says something else than its tensors.
        weights: None where they were not asked for.
    """

    a: Revision
    b: Revision
    summary: str
    factors: Factors | None
    changes: tuple[Change, ...]
    next: Next | None
    contradictions: tuple[str, ...]
    weights: WeightsCompared | None


@dataclass(frozen=True)
class Shown:
    """One revision with its record.

    Attributes:
        contradictions: where the configuration or the record says something else than the tensors.
        weights: what the tensors themselves say; None where that was not asked for.
    """

    revision: Revision
    record: RunRecord
    contradictions: tuple[str, ...]
    weights: Side | None


def difference(
    a: str, b: str, *, weights: bool = False, settings: Settings | None = None, progress: Progress | None = None
) -> Difference:
    """Compare two revisions.

    Args:
        a: `ORG/NAME@REVISION`, `ORG/NAME` for what is in production, or a folder.
        b: likewise, or a bare revision of A's repository.
        weights: compare the tensors, too, read from the safetensors themselves.
        settings: the user's own if None.
        progress: told how many bytes of tensors have been read, and of how many.

    Raises:
        NotFound: there is no such revision, or it has no record and weights are not asked for.
        BadInput, BadDocument: a name, a record or a file of weights cannot be read.
        HubUnreachable, HubFailed: see `hubver.hub`.
    """
    finder = Finder(settings or Settings.load())
    one = finder.find(a)
    other = finder.find(b, beside=one)
    records = [finder.record(one), finder.record(other)]
    if not weights:
        hint = "Compare their weights alone with: hubver diff --weights A B"
        records = [need_record(one, records[0], hint), need_record(other, records[1], hint)]
    compared = _weights(finder, one, other, progress) if weights else None
    contradictions = [
        f"{side}: {text}"
        for side, record, found in (
            ("A", records[0], compared.a if compared else None),
            ("B", records[1], compared.b if compared else None),
        )
        for text in contradicting(record, found)
    ]
    if records[0] is None or records[1] is None:
        bare = " and ".join(name for name, record in zip("AB", records, strict=True) if record is None)
        summary = f"No record in {bare}, so only the weights are compared."
        return Difference(one, other, summary, None, (), None, tuple(contradictions), compared)
    changes = compare(records[0], records[1])
    named = told(records[0], records[1], changes)
    return Difference(
        one, other, str(named), named, changes, _next(one, of_changes(changes)), tuple(contradictions), compared
    )


def show(
    revision: str, *, weights: bool = False, settings: Settings | None = None, progress: Progress | None = None
) -> Shown:
    """The record of a revision, and with `weights` what its tensors say.

    Raises:
        NotFound: there is no such revision, or it has no record.
        BadInput, BadDocument: a name, a record or a file of weights cannot be read.
        HubUnreachable, HubFailed: see `hubver.hub`.
    """
    finder = Finder(settings or Settings.load())
    found = finder.find(revision)
    hint = "Publish it with `hubver push`, or look at its weights alone with: hubver diff --weights REV REV"
    record = need_record(found, finder.record(found), hint)
    side = None
    if weights:
        from hubver.diff.weights.compare import describe

        side = describe(open_weights(finder, found), progress or _silent).a
    return Shown(found, record, contradicting(record, side), side)


def contradicting(record: RunRecord | None, found: Side | None) -> tuple[str, ...]:
    """Where words and tensors disagree.

    Args:
        record: what the run's record says.
        found: what the tensors say; where it was not asked for, the headers as the push read them.
    """
    told = record.weights if record is not None else None
    if found is None:
        # A record lists no tensors where they are too many.
        if record is None or told is None or told.kind != "adapter" or not told.tensors:
            return ()
        shapes = {tensor.name: tensor.shape for tensor in told.tensors}
        return lora.read(shapes, record.training.peft or {}).contradictions
    said = told.lora.ranks if told is not None and told.lora is not None else None
    if said is None or said == found.ranks:
        return found.contradictions
    ranks = [", ".join(map(str, ranks)) or "none" for ranks in (said, found.ranks)]
    return (*found.contradictions, f"hubver.json says ranks {ranks[0]}, the tensors have {ranks[1]}")


def open_weights(finder: Finder, revision: Revision) -> Opened:
    """The weights of a revision, opened.

    Raises:
        NotFound, BadInput, BadDocument: see `hubver.diff.weights.files`.
    """
    from hubver.diff.weights.files import open_folder, open_revision

    if revision.folder is not None:
        return open_folder(revision.folder)
    return open_revision(finder.hub, revision.repo_id or "", revision.sha or "")


def _weights(finder: Finder, one: Revision, other: Revision, progress: Progress | None) -> WeightsCompared:
    from hubver.diff.weights.compare import compare as compare_weights

    return compare_weights(open_weights(finder, one), open_weights(finder, other), progress or _silent)


def _next(before: Revision, proposal: Proposal) -> Next:
    version = Version.try_parse(before.version or "")
    following = str(version.final.bumped(proposal.bump)) if version is not None else None
    return Next(proposal.bump, proposal.reason, following)


def _silent(_done: int, _of: int) -> None:
    pass
