"""`push`: one run, one commit, one tag, and one line in the ledger.

The run id decides what has been done already. Killed anywhere, the same push finds the run's commit, finishes what is
missing and adds nothing twice; a lost answer is treated the same way: look again, then go on.
"""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from hubver import card, diff, landed
from hubver.errors import AlreadyExists, BadDocument, BadInput, HubFailed, NotFound, StaleRef
from hubver.hub import ledger, pulls
from hubver.hub import refs as hub_refs
from hubver.hub.client import Hub
from hubver.hub.contents import Refs, Upload
from hubver.hub.events import Published as PublishEvent
from hubver.hub.events import Release
from hubver.record import capture, gaps
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.record.secrets import redact
from hubver.settings import Settings
from hubver.versions import Version, known, next_candidate, propose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from dulwich.objects import ShaFile

    from hubver.diff import Proposal
    from hubver.landed import Landed
    from hubver.record.files import LeftOut
    from hubver.record.schema import Gap
    from hubver.versions import Bump

CARD_FILE = "README.md"
_TRIES = 5


@dataclass(frozen=True)
class Published:
    """A run on the Hub.

    Attributes:
        tag: the version's tag.
        sha: the commit that holds the run, and that the tag points to.
        pull_request: its number, if the run waits in one.
        already: whether it was there before, so that this push had nothing to do.
        left_out: files of the folder that were not published, each with the reason.
        hints: what would make the record fuller or the model easier to load, a sentence each.
        proposal: how the version was chosen from what changed; None where the user chose, for a first version, and where
            it was chosen by an earlier push.
        gaps: what the published record says is not known of the run.
    """

    repo_id: str
    version: str
    tag: str
    sha: str
    run_id: str
    pull_request: int | None
    url: str
    already: bool
    left_out: tuple[LeftOut, ...]
    hints: tuple[str, ...] = ()
    proposal: Proposal | None = None
    gaps: tuple[Gap, ...] = ()


def push(
    folder: str | Path,
    repo_id: str,
    *,
    version: str | None = None,
    bump: Bump | None = None,
    pr: bool = False,
    message: str | None = None,
    data: Sequence[str | Path] = (),
    base: str | None = None,
    strict: bool = False,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Published:
    """Publish a training run: adapter, tokenizer, record and card in one commit, then the tag.

    Args:
        folder: where the trainer saved the model.
        repo_id: `ORG/NAME`; created if it does not exist.
        version: the version to give it, such as `v1.2.0`; the next one if None.
        bump: which part of the last version to raise, where `version` is None; if None, what changed since decides.
        pr: open a pull request and tag its head `vX.Y.Z-rc.N`, instead of committing to `main`.
        message: one line saying what is new.
        data: what the run was trained on, where its record does not say: files, folders, `org/name@COMMIT`.
        base: the base model, where its record does not say: `org/name` or `org/name@REVISION`.
        strict: refuse a run that could not be made again from its record (`hubver.record.gaps.STRICT`). What the
            settings require (`[record] required`) is refused always.
        settings: the user's own if None.
        progress: told each step, in a few words.

    Raises:
        BadInput, Unsafe: the folder cannot be published; nothing was sent.
        Incomplete: something that is required is not known of the run; nothing was sent.
        AlreadyExists: the version is another run's, or this run was published with other files.
        StaleRef: others kept publishing at the same time.
        BadToken, HubUnreachable, HubFailed: see `hubver.hub`; the same push goes on where it stopped.
    """
    settings = settings or Settings.load()
    hub = Hub.of(settings)
    hub.need_token()
    gaps.check_names(settings.record.required, settings.source)
    wanted = Version.parse(version) if version is not None else None
    if wanted is not None and wanted.candidate is not None:
        raise BadInput(
            f"{version} is a candidate's version.", hint=f"Ask for {wanted.final}; --pr numbers the candidate."
        )
    tell = progress or (lambda _line: None)
    with _one_push_of(Path(folder)):
        tell("reading and hashing the folder")
        taken = capture.complete(
            Path(folder),
            repo_id=repo_id,
            version=None,
            message=redact(" ".join(message.split())) if message else None,
            resolve_base=hub.resolve,
            now=datetime.now(timezone.utc),
            data=data,
            base=base,
        )
        gaps.require(taken.record, (*settings.record.required, *(gaps.STRICT if strict else ())))
        return _Push(hub, repo_id, taken, settings, wanted, bump, pr, tell).run()


@dataclass
class _Push:
    hub: Hub
    repo_id: str
    capture: capture.Capture
    settings: Settings
    wanted: Version | None
    bump: Bump | None
    pr: bool
    tell: Callable[[str], None]
    proposal: Proposal | None = None

    def run(self) -> Published:
        refs = self._refs_or_new_repo()
        found = self._find(refs)
        already = found is not None
        for attempt in count(1):
            try:
                if found is not None and not self._superseded(found, refs):
                    return self._finish(found, refs, already=already)
                self._commit(refs)
            except (StaleRef, HubFailed):  # noqa: PERF203  # each try is a whole push
                # Either somebody published in between, or the answer was lost: both are settled by looking again.
                seen = self.hub.refs(self.repo_id)
                if attempt == _TRIES or seen == refs:
                    raise
                refs, found = seen, self._find(seen)
            else:
                refs = self.hub.refs(self.repo_id)
                found = self._find(refs)
                if found is None:
                    raise HubFailed(f"{self.repo_id} does not show the commit it has just acknowledged.")
        raise AssertionError("unreachable: the last try returns or raises")

    def _refs_or_new_repo(self) -> Refs:
        try:
            return self.hub.refs(self.repo_id)
        except NotFound:
            self.tell(f"creating {self.repo_id}")
            self.hub.create_repo(self.repo_id)
            return self.hub.refs(self.repo_id)

    # -- looking ---------------------------------------------------------------------------------------------------

    def _find(self, refs: Refs) -> Landed | None:
        found = landed.find(self.hub, self.repo_id, refs, self.capture.record.run_id)
        if found is not None:
            self._check_same(found)
        return found

    def _check_same(self, found: Landed) -> None:
        ours = {entry.path: entry.sha256 for entry in self.capture.record.files}
        theirs = {entry.path: entry.sha256 for entry in found.record.files}
        differing = sorted(path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path))
        if differing:
            raise AlreadyExists(
                f"Run {found.record.run_id} is published already, as {found.record.version}, with other files.",
                found=f"differences in {', '.join(differing[:3])}",
                hint=f"A new run needs a new training, or remove {capture.RUN_FILE} from the folder to publish it as one.",
            )
        if self.wanted is not None and found.record.version != str(self.wanted) and found.pull_request is None:
            raise AlreadyExists(f"Run {found.record.run_id} is published already, as {found.record.version}.")

    def _superseded(self, found: Landed, refs: Refs) -> bool:
        """Whether another run got this one's version before its push came to tag it: then it is published anew."""
        tagged = refs.tags.get(found.record.version or "")
        if found.listed or tagged in (None, found.sha):
            return False
        if found.pull_request is not None:
            comment = f"{found.record.version} has gone to another run, so this run is published anew."
            pulls.close(self.hub, self.repo_id, found.pull_request, comment=comment)
        return True

    def _plan(self, refs: Refs) -> tuple[Version, RunRecord | None, bytes | None]:
        """The version this run gets, and the record and the card that it follows."""
        head = refs.main
        previous = self._previous(head)
        text = self.hub.read_if_there(self.repo_id, head, CARD_FILE)
        taken = known(refs.tags)
        if previous is not None and previous.version is not None:
            # Its push may still be between commit and tag.
            taken.append(Version.parse(previous.version))
        chosen = diff.propose(previous, self.capture.record)
        following = propose(taken, self.bump or chosen.bump)
        if self.wanted in taken:
            raise AlreadyExists(
                f"{self.wanted} is in {self.repo_id} already, and versions never move.",
                hint=f"Leave --version out; the next one is {following}.",
            )
        version = self.wanted or following
        self.proposal = None if self.wanted or self.bump or not taken else chosen
        return (next_candidate(version, taken) if self.pr else version), previous, text

    def _previous(self, head: str) -> RunRecord | None:
        """The record that `main` holds now. One that cannot be read must not stop all pushes for ever."""
        try:
            raw = self.hub.read_if_there(self.repo_id, head, RECORD_FILE)
            return RunRecord.from_bytes(raw, source=f"{RECORD_FILE} on main") if raw is not None else None
        except BadDocument as error:
            self.tell(f"the last record cannot be read, so the card will not say what changed since: {error.fact}")
            return None

    # -- writing ---------------------------------------------------------------------------------------------------

    def _commit(self, refs: Refs) -> None:
        version, previous, text = self._plan(refs)
        head = refs.main
        record = self.capture.record.model_copy(update={"version": str(version)})
        page = card.render(record, changes=diff.compare(previous, record), verdict=None, previous=text)
        uploads = [
            *(_upload(path, content, record) for path, content in self.capture.files.items()),
            _in_memory(RECORD_FILE, record.to_bytes()),
            _in_memory(CARD_FILE, page),
        ]
        arriving = {upload.path for upload in uploads}
        # What the version before published and this one has not; files that people added themselves stay.
        obsolete = [entry.path for entry in (previous.files if previous else ()) if entry.path not in arriving]
        size = sum(entry.size for entry in record.files)
        self.tell(f"sending {len(uploads)} files ({size / 1e6:.1f} MB) as {version}")
        title = f"{version}: {record.message}" if record.message else str(version)
        if self.pr:
            title = f"{title} {landed.marker(record.run_id)}"
        self.hub.commit(
            self.repo_id,
            uploads,
            delete=obsolete,
            title=title,
            description=landed.trailer(record.run_id),
            parent=head,
            pull_request=self.pr,
        )

    def _finish(self, found: Landed, refs: Refs, *, already: bool) -> Published:
        """Tag the run's commit and say so in the ledger, in one push; only what has not been done yet."""
        version = found.record.version
        if version is None:
            raise HubFailed(f"The record at {found.sha[:8]} names no version.")
        tagged = refs.tags.get(version)
        if tagged is not None and tagged != found.sha:
            raise AlreadyExists(
                f"{version} in {self.repo_id} is another commit already, and versions never move.",
                expected=found.sha[:8],
                found=tagged[:8],
            )
        if tagged is None or not found.listed:
            already = False
            landed.check_stored(self.hub, self.repo_id, found, self.capture.files)
            self.tell(f"tagging {version}")
            self._tag(found, version, refs)
        return Published(
            repo_id=self.repo_id,
            version=version,
            tag=version,
            sha=found.sha,
            run_id=found.record.run_id,
            pull_request=found.pull_request,
            url=f"{self.hub.endpoint}/{self.repo_id}/tree/{version}",
            already=already,
            left_out=self.capture.left_out,
            hints=self.capture.hints,
            proposal=self.proposal,
            gaps=found.record.gaps,
        )

    def _tag(self, found: Landed, version: str, refs: Refs) -> None:
        """Push what is missing: the line in the ledger first, as the lock, where a server moves one ref at a time."""
        moves: list[hub_refs.Move] = []
        objects: tuple[ShaFile, ...] = ()
        if not found.listed:
            event = PublishEvent(
                at=datetime.now(timezone.utc),
                actor=self.settings.actor or self.hub.whoami(),
                run_url=self.settings.run_url,
                state=ledger.state(self.hub, self.repo_id, refs),
                release=Release(sha=found.sha, version=version),
                run_id=found.record.run_id,
                pull_request=found.pull_request,
            )
            line = ledger.addition(refs, event)
            moves.append(line.move)
            objects = line.objects
        if version not in refs.tags:
            moves.append(hub_refs.Move(f"refs/tags/{version}", None, found.sha))
        hub_refs.move(self.hub, self.repo_id, moves, objects)


def _upload(path: str, content: Path | bytes, record: RunRecord) -> Upload:
    digest = next(entry.sha256 for entry in record.files if entry.path == path)
    return Upload(path, content, digest)


def _in_memory(path: str, content: bytes) -> Upload:
    return Upload(path, content, hashlib.sha256(content).hexdigest())


def _one_push_of(folder: Path) -> AbstractContextManager[object]:
    """A lock that two pushes of the same folder by one user share. The folder itself is left as it is.

    It only saves work: what must not happen twice is kept from it by the Hub. So where there is no place for it, there
    is none.
    """
    from huggingface_hub import constants

    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    place = Path(constants.HF_HOME) / "hubver" / "locks"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return nullcontext()
    return FileLock(place / f"push-{name}.lock")
