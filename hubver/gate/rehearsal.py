"""`gate rehearse`: what gates say of what is in production now, recorded nowhere."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubver.errors import BadInput
from hubver.gate.running import child, runner
from hubver.hub.client import Hub
from hubver.pins import pin
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.gate.verdict import Verdict

_NONE_COLLECTED = 5
"""pytest's exit code where it found no test."""


def rehearse(
    repo_id: str,
    *,
    gates: Path | None = None,
    out: Path | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> Verdict | None:
    """Run the gates on what the channel has now, against itself: for whoever changes a gate.

    What is in production should pass the gates that guard it. Reading is all that is done: the token need only read, and
    none is needed for a public model.

    Args:
        repo_id: the model, `ORG/NAME`.
        gates: the folder of gates; the settings' own if None.
        out: where the reports go; the working directory if None.
        settings: the user's own if None.
        progress: told, in one line each, what takes long now, and each gate's result.

    Returns:
        The verdict; None where the channel has nothing yet: then pytest only collected the gates.

    Raises:
        BadInput: there are no gates, or they cannot be collected.
        HarnessFailed: the evaluation itself broke.
        NotFound, BadToken, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    settings = settings or Settings.load()
    folder = gates or settings.gates_directory
    if not folder.is_dir():
        raise BadInput(f"There is no folder of gates at {folder}.", hint="Name it with --gates DIR")
    hub = Hub.of(settings)
    where = settings.rules.repo or repo_id
    refs = hub.refs(where)
    if settings.channel not in refs.branches:
        _collect(settings, folder, progress)
        return None
    found = pin(hub, where, settings.channel, refs, production=settings.channel)
    now = replace(found, revision=found.version or found.sha)
    return runner.run(settings, now, now, folder, out or Path.cwd(), progress=progress).verdict


def _collect(settings: Settings, gates: Path, progress: Callable[[str], None] | None) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", str(gates.resolve())]
    command += ["-o", "addopts=", "-p", "no:cacheprovider", "--color=no"]
    code, tail = child.run(command, settings, progress, None)
    if code == _NONE_COLLECTED:
        raise BadInput(f"There is no test in {gates}, and a gate of nothing lets everything through.")
    if code != 0:
        raise BadInput(f"The gates in {gates} cannot be collected.", hint=child.last_words(tail))
