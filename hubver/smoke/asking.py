"""The model of one commit, asked in a child process; and what its answers mean."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput, HarnessFailed, HubFailed
from hubver.gate.running import child
from hubver.record.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubver.pins import Pin
    from hubver.settings import Settings

_MODULE = "hubver.smoke.probe"
_ERRORS = {"input": BadInput, "hub": HubFailed, "machine": HarnessFailed}


@dataclass(frozen=True)
class Answered:
    """How a model answered.

    Attributes:
        load_seconds: from the files on this machine to a model that is ready.
        answer_seconds: for the answer.
        prompt: the last that it was asked.
        text: what it answered to that.
        problem: why that is no answer; None where it is one.
    """

    load_seconds: float
    answer_seconds: float
    prompt: str
    text: str
    problem: str | None = None


def ask(
    settings: Settings, pinned: Pin, prompts: Sequence[str], progress: Callable[[str], None] | None
) -> Answered | str:
    """Load a commit whose files are on this machine, and ask it.

    Args:
        prompts: what it is asked, one after another until it answers; a few short ones if empty.

    Returns:
        How it answered; or why this revision cannot be loaded and asked, in one sentence.

    Raises:
        BadInput: a package is missing, or the token may not read what is needed.
        HarnessFailed: the child was ended from outside, or this machine has no room for it.
        HubUnreachable, HubFailed: see `hubver.hub`.
    """
    with tempfile.TemporaryDirectory(prefix="hubver-smoke-") as private:
        file = Path(private) / "found.json"
        command = [sys.executable, "-m", _MODULE, f"{pinned.repo_id}@{pinned.sha}", str(file), *prompts]
        code, tail = child.run(command, settings, progress, None)
        if code < 0:
            raise HarnessFailed(
                f"The model was ended by {signal.Signals(-code).name} while it was loaded or asked.",
                hint=f"Was there enough memory for it? {child.last_words(tail)}",
            )
        try:
            found = json.loads(file.read_bytes())
        except (OSError, ValueError):
            raise HarnessFailed(
                f"Loading and asking the model ended with code {code} and no word.", hint=child.last_words(tail)
            ) from None
    return understood(found)


def understood(found: dict[str, Any]) -> Answered | str:
    """What the child found; see `hubver.smoke.probe.probe`.

    Raises:
        BadInput, HarnessFailed, HubFailed: it could not be found out, and the revision need not be at fault.
    """
    if "kind" in found:
        fact = redact(found["fact"])
        if found["kind"] == "release":
            return fact
        raise _ERRORS[found["kind"]](fact, hint=found["hint"])
    last, problem = found["answers"][-1], None
    if not last["finite"]:
        problem = "The model answers with numbers that are none (NaN or infinity)."
    elif not last["text"].strip():
        asked = len(found["answers"])
        problem = f"The model says nothing: its answer to {'each of ' if asked > 1 else ''}{asked} prompts is empty."
    return Answered(found["load_seconds"], last["seconds"], last["prompt"], last["text"], problem)
