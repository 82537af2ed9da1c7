"""Any sequence of what people and machines do to a repository: a simple model knows how each step must end."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import pytest
from copies import copied
from histories import Repo
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hubver.errors import BadInput, GateFailed, HubFailed, HubverError, NotFound, NotGated
from hubver.gates_folder import gates_digest
from hubver.hub import ledger
from hubver.hub.client import Hub
from hubver.hub.events import Judged, Release
from hubver.hub.replay import replay
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.localhub import LocalHub
from hubver.localhub.faults import Delay, Drop
from hubver.localhub.switches import Switches
from hubver.release import promote, quarantine, rollback
from hubver.settings import ChannelSettings, Settings

VERSIONS = ("v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0")
CHANNELS = ("production", "staging")
EXAMPLES, STEPS = 6, 12
_NUMBERS = count(1)

versions, channels = st.sampled_from(VERSIONS), st.sampled_from(CHANNELS)


@dataclass
class Position:
    """Where a channel is by the ledger, and the way back from there: tag and version of each point."""

    release: str
    points: tuple[tuple[str, str], ...] = ()


@dataclass
class Model:
    """What must be so, in versions and not in commits.

    Attributes:
        branch: where each branch is.
        history: channel → where the ledger has said that it is, oldest first.
        back: channel → the point that the newest change went back to, and what it left, if that was a rollback.
        begun: channel → the branch before the newest change, and the tags that it is still to make.
        verdicts: candidate and baseline → the newest verdict's error, or None for a pass.
    """

    branch: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[Position]] = field(default_factory=dict)
    back: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    begun: dict[str, tuple[str | None, dict[str, str]]] = field(default_factory=dict)
    verdicts: dict[tuple[str, str | None], type[HubverError] | None] = field(default_factory=dict)
    quarantined: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def settle(self) -> None:
        """What a change does before anything else, where refs move one after another."""
        for channel, (before, tags) in list(self.begun.items()):
            now, wanted = self.branch.get(channel), self.history[channel][-1].release
            if now == before or (tags and now == wanted):
                self.branch[channel] = wanted
                self.tags |= tags
                # A rollback makes no tag, so what is moved back by hand looks half done for ever.
                self.begun[channel] = (before, {})
                if tags or before is None:
                    del self.begun[channel]

    def promotion(self, version: str, channel: str, *, override: bool) -> type[HubverError] | None:
        """How a promotion must end; None where it must succeed."""
        now = self.branch.get(channel)
        if now == version:
            return None if self.history.get(channel, [Position("")])[-1].release == now else NotGated
        if version in self.quarantined:
            return NotGated
        if override or channel == "staging":
            return None
        return self.verdicts.get((version, now), NotGated)

    def promote(self, version: str, channel: str) -> dict[str, str]:
        """The line of a promotion; the tags that go with it."""
        now = self.branch.get(channel)
        prefix = "rollback/" if channel == "production" else f"rollback/{channel}/"
        mine = [tag for tag in self.tags if tag.removeprefix(prefix)[:1].isdigit() and tag.startswith(prefix)]
        numbers = [int(tag.removeprefix(prefix).partition("-")[0]) for tag in mine]
        points = self.history[channel][-1].points if channel in self.history else ()
        tags = {f"{prefix}{max(numbers, default=0) + 1}-{now}": now} if now else {}
        self.history.setdefault(channel, []).append(Position(version, (*tags.items(), *points)))
        self.back.pop(channel, None)
        self.begun[channel] = (now, tags)
        return tags

    def way_back(self, channel: str) -> list[tuple[str | None, str, tuple[tuple[str, str], ...]]]:
        """Every step back: tag, version, and what lies behind it."""
        now = self.branch[channel]
        met = next((one for one in reversed(self.history.get(channel, [])) if one.release == now), None)
        steps: list[tuple[str | None, str, tuple[tuple[str, str], ...]]] = []
        if met is None and channel in self.history:
            met = self.history[channel][-1]
            steps.append((None, met.release, met.points))
        points = met.points if met else ()
        return steps + [(tag, version, points[place + 1 :]) for place, (tag, version) in enumerate(points)]


class Machine(RuleBasedStateMachine):
    """People and machines at work on one repository."""

    hub: LocalHub
    in_steps: bool
    template: dict[str, str]

    @initialize()
    def begin(self) -> None:
        repo_id = f"acme/machine{next(_NUMBERS)}"
        copied(self.hub.root, "acme/template", repo_id)
        root = self.hub.root.parent
        settings = Settings(
            endpoint=self.hub.url, token=self.hub.token, root=root, channels={"staging": ChannelSettings(gated=False)}
        )
        self.repo = Repo(Hub.of(settings), settings, repo_id)
        self.digest = gates_digest(settings.gates_directory)
        self.shas = self.template
        self.names = {sha: tag for tag, sha in self.shas.items()}
        self.model = Model()
        self.seen: list[str] = []

    @rule(
        candidate=versions,
        baseline=st.sampled_from((None, *VERSIONS, "production")),
        kind=st.sampled_from(("pass", "pass", "pass", "fail", "other gates", "expired")),
    )
    def judge(self, candidate: str, baseline: str | None, kind: str) -> None:
        if baseline == "production":
            baseline = self.model.branch.get("production")
        at = datetime.now(timezone.utc) - timedelta(days=31 if kind == "expired" else 0)
        ledger.append(
            self.repo.hub,
            self.repo.repo_id,
            lambda _refs, state: Judged(
                at=at,
                actor="acme",
                state=state,
                candidate=Release(sha=self.shas[candidate], version=candidate),
                baseline=Release(sha=self.shas[baseline], version=baseline) if baseline else None,
                outcome="fail" if kind == "fail" else "pass",
                gates_digest="0" * 64 if kind == "other gates" else self.digest,
            ),
        )
        errors = {"pass": None, "fail": GateFailed, "other gates": NotGated, "expired": NotGated}
        self.model.verdicts[candidate, baseline] = errors[kind]

    @rule(version=versions, channel=channels, override=st.sampled_from((False, False, True)), reason=st.just("because"))
    def promote(self, version: str, channel: str, override: bool, reason: str) -> None:
        self.settle()
        wanted = self.model.promotion(version, channel, override=override)
        already = self.model.branch.get(channel) == version
        done = self.ends(wanted, lambda: self.go(version, channel, reason if override else None))
        if wanted is None:
            assert done.already == already
            if not already:
                self.carried_out(channel, self.model.promote(version, channel))

    @precondition(lambda self: self.in_steps)
    @rule(version=versions, channel=channels, steps=st.sampled_from((1, 2)))
    def promote_and_be_killed(self, version: str, channel: str, steps: int) -> None:
        """The line is written, and the branch moved, or not; the rest is never heard of."""
        self.settle()
        if self.model.promotion(version, channel, override=True) or self.model.branch.get(channel) in (version, None):
            return
        path = f"/{self.repo.repo_id}.git/git-receive-pack"
        self.hub.faults.add("POST", path, Delay(0), times=steps)
        self.hub.faults.add("POST", path, Drop())
        with pytest.raises(HubFailed):
            self.go(version, channel, "because")
        assert self.hub.faults.pending == 0
        self.model.promote(version, channel)
        if steps == 2:
            self.model.branch[channel] = version

    @rule(channel=channels, to=st.sampled_from((None, None, *VERSIONS)), keep_out=st.booleans())
    def rollback(self, channel: str, to: str | None, keep_out: bool) -> None:
        self.settle()
        now = self.model.branch.get(channel)
        wanted, step = self.rollback_wanted(channel, to)
        again = step is not None and step[0] == "again"

        def run() -> object:
            return rollback(self.repo.repo_id, channel=channel, to=to, quarantine=keep_out, settings=self.repo.settings)

        done = self.ends(wanted, run)
        if wanted is not None:
            return
        tag, version, further = step
        assert done.already == again
        left = self.model.back[channel][1] if again else now
        if keep_out and not (again and left in self.model.quarantined):
            self.model.quarantined = [*(one for one in self.model.quarantined if one != left), left]
        if not again:
            assert (done.rollback_tag, done.release.sha) == (tag, self.shas[version])
            self.model.history[channel].append(Position(version, further))
            self.model.back[channel] = (tag, now)
            self.model.begun[channel] = (now, {})
            self.carried_out(channel, {})

    def rollback_wanted(self, channel: str, to: str | None):
        """The error that a rollback must end with, or the step that it must take."""
        model, now = self.model, self.model.branch.get(channel)
        if now is None:
            return NotFound, None
        points = model.history[channel][-1].points if channel in model.history else ()
        there = to is not None and channel in model.back and model.history[channel][-1].release == now == to
        if there and all(version != to for _, version in points):
            return None, ("again", now, ())
        for tag, version, further in model.way_back(channel):
            if to in (None, version) and version != now:
                if version not in model.quarantined:
                    return None, (tag, version, further)
                if to is not None:
                    return NotGated, None
        return BadInput, None

    @rule(version=versions, lift=st.booleans())
    def quarantine(self, version: str, lift: bool) -> None:
        done = quarantine(f"{self.repo.repo_id}@{self.shas[version]}", lift=lift, settings=self.repo.settings)
        held = version in self.model.quarantined
        assert done.already == (held != lift)
        if not done.already:
            others = [one for one in self.model.quarantined if one != version]
            self.model.quarantined = others if lift else [*others, version]

    @rule(channel=channels, version=versions)
    def move_by_hand(self, channel: str, version: str) -> None:
        now = self.model.branch.get(channel)
        if now is not None and now != version:
            move(self.repo.hub, self.repo.repo_id, [Move(f"refs/heads/{channel}", self.shas[now], self.shas[version])])
            self.model.branch[channel] = version

    @invariant()
    def the_hub_is_as_the_model(self) -> None:
        if not hasattr(self, "model"):
            return
        refs = self.repo.refs()
        at = {name: self.names[sha] for name, sha in refs.branches.items() if name in CHANNELS}
        assert at == self.model.branch
        tags = {tag: self.names[sha] for tag, sha in refs.tags.items()}
        assert tags == {tag: tag for tag in VERSIONS} | self.model.tags
        told = list(ledger.entries(self.repo.hub, self.repo.repo_id, refs))[::-1]
        shas = [entry.sha for entry in told]
        assert shas[: len(self.seen)] == self.seen  # it only grows
        self.seen = shas
        found = replay(told)
        assert found.tampering == []
        assert list(map(str, found.state.quarantined)) == self.model.quarantined
        assert {
            name: Position(str(one.release), tuple((point.tag, str(point.release)) for point in one.rollback_points))
            for name, one in found.state.channels.items()
        } == {name: Position(steps[-1].release, steps[-1].points[:10]) for name, steps in self.model.history.items()}

    def go(self, version: str, channel: str, override: str | None):
        target = f"{self.repo.repo_id}@{version}"
        return promote(target, to=channel, override=override, settings=self.repo.settings)

    def ends(self, wanted: type[HubverError] | None, run):
        if wanted is None:
            return run()
        with pytest.raises(wanted):
            run()
        return None

    def settle(self) -> None:
        if self.in_steps:
            self.model.settle()

    def carried_out(self, channel: str, tags: dict[str, str]) -> None:
        self.model.branch[channel] = self.model.history[channel][-1].release
        self.model.tags |= tags
        if self.in_steps and channel in self.model.back:
            self.model.begun[channel] = (self.model.back[channel][1], {})
        else:
            self.model.begun.pop(channel, None)


@pytest.mark.parametrize("way", ["atomic git", "git one by one"])
def test_any_sequence_of_changes_ends_as_the_model_says(way, tmp_path_factory):
    root = Path(tempfile.mkdtemp(dir=tmp_path_factory.mktemp("machine")))
    (root / "gates").mkdir()
    (root / "gates" / "test_gate.py").write_text("def test_gate(): pass\n")
    with LocalHub(root / "hub", switches=Switches(atomic_push=way == "atomic git")) as hub:
        settings = Settings(endpoint=hub.url, token=hub.token)
        repo = Repo(Hub.of(settings), settings, "acme/template")
        repo.hub.create_repo(repo.repo_id)
        template = {tag: repo.version(tag) for tag in VERSIONS}
        machine = type("At", (Machine,), {"hub": hub, "in_steps": way != "atomic git", "template": template})
        run_state_machine_as_test(
            machine, settings=hypothesis_settings(max_examples=EXAMPLES, stateful_step_count=STEPS)
        )
