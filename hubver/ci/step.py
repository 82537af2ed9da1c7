"""A step of a job, seen from within: its outputs, its summary, its annotations. Outside of GitHub it says little."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Literal

from hubver.ci import actions
from hubver.errors import HubverError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.ci_settings import GithubSettings

# Of the one MiB that a step's summary holds, some is left for whoever else writes there.
_SPARE_BYTES = 1024


class Step:
    """The step that this process is.

    Args:
        github: what GitHub told it. Where that names no files, nothing is written.
        say: prints one line of the log, on standard error.
    """

    def __init__(self, github: GithubSettings, say: Callable[[str], None]) -> None:
        self._github = github
        self._say = say
        self._stopped: str | None = None

    def begin(self) -> None:
        """Have the runner take nothing of the log for a command, from here to the end of the step, but what is said here.

        What a gate or a model brings along may be anything, and errors tell of it. The runner forgets this with the step;
        its two streams share it, and what goes to standard output comes last.
        """
        if self._github.actions:
            self._stopped = secrets.token_hex(16)
            self._say(f"::stop-commands::{self._stopped}")

    def outputs(self, values: dict[str, object]) -> None:
        """Set outputs: text as it is, None as nothing, and anything else as JSON.

        Raises:
            HubverError: the runner's file cannot be written.
        """
        if self._github.output is None:
            return
        delimiter = secrets.token_hex(16)
        text = "".join(actions.output(name, _plain(value), delimiter) for name, value in values.items())
        actions.append(self._github.output, text)

    def summarize(self, markdown: str) -> None:
        """Add to the step's summary; what has no room in it is cut, since GitHub shows nothing of one that is too large.

        Where it cannot be written, a warning says so: nothing depends on it.
        """
        path = self._github.step_summary
        if path is None:
            return
        written = path.stat().st_size if path.exists() else 0
        room = actions.MOST_SUMMARY_BYTES - _SPARE_BYTES - written
        try:
            actions.append(path, actions.fitted(f"{markdown.rstrip()}\n\n", room))
        except HubverError as error:
            self.warn(str(error))

    def note(self, message: str) -> None:
        """Say something that somebody may want to know."""
        self._annotate("notice", message)

    def warn(self, message: str) -> None:
        """Say what somebody should look at."""
        self._annotate("warning", message)

    def fail(self, message: str) -> None:
        """Say why the step fails, on the run's page. Elsewhere the command says it by itself."""
        if self._github.actions:
            self._annotate("error", message)

    def _annotate(self, kind: Literal["notice", "warning", "error"], message: str) -> None:
        if not self._github.actions:
            self._say(actions.quiet(f"{kind}: {message}"))
            return
        if self._stopped is not None:
            self._say(f"::{self._stopped}::")
        self._say(actions.annotation(kind, message, title="hubver"))
        if self._stopped is not None:
            self.begin()


def _plain(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
