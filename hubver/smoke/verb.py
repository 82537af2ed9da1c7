"""`smoke`: for the job after a promotion. It says yes or no, and which of the two failed: the release, or the way to it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hubver.errors import BadDocument, BadInput, NotFound
from hubver.gate.running.runner import run_smoke
from hubver.hub.client import Hub
from hubver.hub.contents import is_sha
from hubver.pins import fetch, fetch_base, find_sha, need_base, pin, version_of
from hubver.settings import Settings
from hubver.smoke.asking import Answered, ask
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hubver.hub.contents import Refs
    from hubver.pins import Pin

_FOLDER = "smoke"
# A Hub may show for a moment where a branch was.
_PAUSES_S = (1.0, 2.0)


@dataclass(frozen=True)
class Smoke:
    """What came of it.

    Attributes:
        repo_id, revision: what was asked for; `repo_id` is where the channel lives.
        sha: the commit that it names; None where it names none.
        version: the version tag on it.
        answered: how the model loaded and answered; None where it was not asked, or did not.
        tests: how many of the project's smoke tests passed; None where they were not run.
        problems: why it does not answer, a sentence each; empty where it does.
    """

    repo_id: str
    revision: str
    sha: str | None
    version: str | None
    answered: Answered | None = None
    tests: int | None = None
    problems: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it answers."""
        return not self.problems


def smoke(
    text: str,
    *,
    channel: str | None = None,
    at: str | None = None,
    tests: Path | None = None,
    prompts: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Smoke:
    """See whether a release is there and answers.

    Args:
        text: `ORG/NAME` for what is in the channel, or `ORG/NAME@REVISION`.
        channel: the channel that is meant; production if None.
        at: the commit, in 40 digits, that it must be.
        tests: the folder of smoke tests; the project's `smoke/` if None, and none where there is none.
        prompts: what the model is asked; a few short ones if empty. It must have words for one of them.
        settings: the user's own if None.
        progress: told, in one line each, what takes long now.

    Returns:
        What came of it, also where that is a no: another commit, a revision that cannot be loaded, an answer that is empty
        or no number, a test that failed, or tests of which none ran.

    Raises:
        BadInput: it makes no sense: a revision and a channel, say, or no folder of tests where one was named.
        NotFound, BadToken: there is no such repository, nothing is in the channel, or the token may not see the base.
        HarnessFailed: it was ended from outside, for want of memory say.
        HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = (settings or Settings.load()).on_channel(channel)
    tell = progress or (lambda _line: None)
    folder = _tests(settings, tests)
    repo_id, revision = _named(Target.parse(text), channel, settings)
    if at is not None and not is_sha(at):
        raise BadInput(f"{at!r} is no commit.", expected="its sha, all 40 digits")
    hub = Hub.of(settings, repo_id)
    tell(f"resolving {repo_id}@{revision}")
    refs, sha = _seen(hub, repo_id, revision, at, settings)
    done = Smoke(repo_id, revision, sha, version_of(refs, sha) if sha else None)
    if sha is None or at not in (None, sha):
        now = f"is at {sha[:8]}" if sha else "is not there"
        return replace(done, problems=(f"{revision} in {repo_id} {now}, and should be at {str(at)[:8]}.",))
    found = _pinned(hub, repo_id, revision, refs, settings)
    if isinstance(found, str):
        return replace(done, problems=(found,))
    tell(f"fetching {found}")
    fetch(settings, found)
    if found.is_adapter:
        fetch_base(settings, found)
    answered = ask(settings, found, prompts, progress)
    if isinstance(answered, str):
        return replace(done, problems=(answered,))
    done = replace(done, answered=answered, problems=(answered.problem,) if answered.problem else ())
    if folder is None or done.problems:
        return done
    tell(f"running the smoke tests in {folder.name}/")
    ran = run_smoke(settings, replace(found, revision=found.sha), folder, progress=progress)
    return replace(done, tests=ran.passed, problems=ran.problems)


def _tests(settings: Settings, asked: Path | None) -> Path | None:
    folder = asked or settings.root / _FOLDER
    if folder.is_dir():
        return folder
    if asked is not None:
        raise BadInput(f"There is no folder of smoke tests at {folder}.", expected="a folder of pytest files")
    return None


def _named(target: Target, channel: str | None, settings: Settings) -> tuple[str, str]:
    """The repository and the revision that are meant: those that applications would name."""
    if target.revision is None:
        return settings.rules.repo or target.repo_id, settings.channel
    if channel is not None:
        raise BadInput(f"{target} names a revision, and --channel another.", hint="Name one of them.")
    return target.repo_id, target.revision


def _seen(hub: Hub, repo_id: str, revision: str, at: str | None, settings: Settings) -> tuple[Refs, str | None]:
    """The refs, and the commit that the revision names there; asked again for a moment where it is not the expected one.

    Raises:
        NotFound: there is none, and it was not said which there should be.
    """
    for pause in (*_PAUSES_S, None):
        refs = hub.refs(repo_id)
        try:
            sha = find_sha(hub, repo_id, revision, refs, production=settings.channel)
        except NotFound:
            if at is None:
                raise
            sha = None
        if at in (None, sha) or pause is None:
            break
        time.sleep(pause)
    return refs, sha


def _pinned(hub: Hub, repo_id: str, revision: str, refs: Refs, settings: Settings) -> Pin | str:
    """The revision as a pin; or why it does not say what is needed to load it."""
    try:
        found = pin(hub, repo_id, revision, refs, production=settings.channel)
    except BadDocument as error:
        return str(error)
    try:
        if found.is_adapter:
            need_base(found)
    except BadInput as error:
        return str(error)
    return found
