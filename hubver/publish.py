"""`push`: one run, one commit, one tag, and one line in the ledger.

The run id decides what has been done already. Killed anywhere, the same push finds the run's commit, finishes what is
missing and adds nothing twice; a lost answer is treated the same way: look again, then go on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from hubver import landed, shipment
from hubver.errors import AlreadyExists, BadInput, HubFailed, NotFound, StaleRef
from hubver.hub import ledger, pulls
from hubver.hub.client import Hub
from hubver.hub.events import Published as PublishEvent
from hubver.hub.events import Release
from hubver.hub.transport.moves import LEDGER, Line, Move
from hubver.hub.transport.way import connect
from hubver.output_folder import Unchanged, one_push_of
from hubver.progress import Meter, size
from hubver.record import capture, gaps
from hubver.record.secrets import redact
from hubver.settings import Settings
from hubver.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubver.diff import Proposal
    from hubver.hub.contents import Refs
    from hubver.hub.events import State
    from hubver.landed import Landed
    from hubver.record.folder.files import LeftOut
    from hubver.record.schema import Gap
    from hubver.signing.parties import Signer
    from hubver.versions import Bump

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
    signer: Signer | None = None,
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
        signer: signs the commit, with `model.sig` in it; None to sign nothing.
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
    hub = Hub.of(settings, repo_id)
    hub.need_token()
    gaps.check_names(settings.record.required, settings.source)
    wanted = Version.parse(version) if version is not None else None
    if wanted is not None and wanted.candidate is not None:
        raise BadInput(
            f"{version} is a candidate's version.", hint=f"Ask for {wanted.final}; --pr numbers the candidate."
        )
    tell = progress or (lambda _line: None)
    with one_push_of(Path(folder)):
        tell("reading and hashing the folder")
        unchanged = Unchanged(Path(folder))
        taken = capture.complete(
            Path(folder),
            repo_id=repo_id,
            version=None,
            message=redact(" ".join(message.split())) if message else None,
            resolve_base=Hub.of(settings).resolve,
            now=datetime.now(timezone.utc),
            data=data,
            base=base,
            hashed=Meter(tell, "hashed"),
        )
        gaps.require(taken.record, (*settings.record.required, *(gaps.STRICT if strict else ())))
        return _Push(hub, repo_id, taken, unchanged, settings, wanted, bump, pr, signer, tell).run()


@dataclass
class _Push:
    hub: Hub
    repo_id: str
    capture: capture.Capture
    unchanged: Unchanged
    settings: Settings
    wanted: Version | None
    bump: Bump | None
    pr: bool
    signer: Signer | None
    tell: Callable[[str], None]
    proposal: Proposal | None = None
    known: tuple[str | None, State] | None = None
    sent: int | None = None

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
        found = landed.find(self.hub, self.repo_id, refs, self.capture.record.run_id, self.sent)
        if found is not None:
            landed.check_same(found, self.capture.record, self.wanted)
        return found

    def _superseded(self, found: Landed, refs: Refs) -> bool:
        """Whether another run got this one's version before its push came to tag it: then it is published anew.

        Where refs move one after another, the ledger gives a candidate its version before the tag does.
        """
        if found.listed:
            return False
        version = found.record.version or ""
        holder = refs.tags.get(version) or self._state(refs).versions().get(version)
        if holder in (None, found.sha):
            return False
        if found.pull_request is not None:
            comment = f"{found.record.version} has gone to another run, so this run is published anew."
            pulls.close(self.hub, self.repo_id, found.pull_request, comment=comment)
        return True

    def _state(self, refs: Refs) -> State:
        """The release state of the ledger as it was with these refs; read once for each head."""
        head = refs.branches.get(LEDGER)
        if self.known is None or self.known[0] != head:
            self.known = head, ledger.state(self.hub, self.repo_id, refs)
        return self.known[1]

    # -- writing ---------------------------------------------------------------------------------------------------

    def _commit(self, refs: Refs) -> None:
        plan = shipment.plan(
            self.hub,
            self.repo_id,
            refs,
            self.capture.record,
            promised=self._state(refs).versions(),
            wanted=self.wanted,
            bump=self.bump,
            pr=self.pr,
            tell=self.tell,
        )
        self.proposal = plan.proposal
        load = shipment.pack(self.hub, self.repo_id, plan, self.capture, pr=self.pr, signer=self.signer)
        self.tell(f"sending {len(load.uploads)} files ({load.size / 1e6:.1f} MB) as {plan.version}")
        began = time.monotonic()
        self.sent = None
        try:
            _, self.sent = self.hub.commit(
                self.repo_id,
                load.uploads,
                delete=load.obsolete,
                title=load.title,
                description=load.description,
                parent=plan.head,
                pull_request=self.pr,
            )
        except HubFailed:
            self.unchanged.check(self.capture.files.values())
            raise
        took = time.monotonic() - began
        self.tell(f"sent in {took:.1f} s ({size(load.size / took)}/s)")

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
            landed.check_alone(self.hub, self.repo_id, refs, found)
            self.unchanged.check(self.capture.files.values())
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
            hints=(
                *self.capture.hints,
                *(landed.too_late(self.capture.record, found.record) if already else ()),
                *(landed.unsigned(self.hub, self.repo_id, found) if self.signer else ()),
            ),
            proposal=self.proposal,
            gaps=found.record.gaps,
        )

    def _tag(self, found: Landed, version: str, refs: Refs) -> None:
        """Push what is missing: the line in the ledger first, as the lock, where a server moves one ref at a time."""
        way = connect(self.hub, self.repo_id)
        if way.refs.branches.get(LEDGER) != refs.branches.get(LEDGER):
            raise StaleRef(f"The ledger of {self.repo_id} moved while this was under way.")
        line = None
        if not found.listed:
            event = PublishEvent(
                at=datetime.now(timezone.utc),
                actor=self.settings.actor or self.hub.whoami(),
                run_url=self.settings.run_url,
                state=self._state(refs),
                release=Release(sha=found.sha, version=version),
                run_id=found.record.run_id,
                pull_request=found.pull_request,
            )
            line = Line(event, refs.branches.get(LEDGER))
        way.carry_out(line, [Move(f"refs/tags/{version}", None, found.sha)] if version not in refs.tags else [])
