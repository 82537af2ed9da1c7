"""Everything that is known before a run is run again: its record, its plan, and how the environments compare."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubver import pins
from hubver.errors import BadDocument, HarnessFailed
from hubver.hub.client import Hub
from hubver.record.digest import sha256
from hubver.record.place.code import DIFF_PATH
from hubver.record.schema import Environment, RunRecord
from hubver.reproduce import environment
from hubver.reproduce.plan import plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubver.pins import Pin
    from hubver.reproduce.environment import Compared
    from hubver.reproduce.plan import Given, Plan
    from hubver.settings import Settings

_PROBE = Path(__file__).with_name("probe.py")


@dataclass(frozen=True)
class Prepared:
    """What would be done.

    Attributes:
        pin: the published revision.
        record: of its run.
        plan: how to run it again.
        environment: how the interpreter that runs hubver compares with that of the run.
    """

    pin: Pin
    record: RunRecord
    plan: Plan
    environment: tuple[Compared, ...]


def prepare(target: str, given: Given, *, settings: Settings) -> Prepared:
    """Read the record of a revision, and plan. Nothing of the run's is executed, and nothing is written.

    Raises:
        NotFound: the revision does not exist, or holds no record.
        BadInput: the record does not say enough; the message says what can be given.
        BadDocument: the record cannot be read, or the published difference is not the one that it names.
    """
    pin = pins.resolve(target, settings=settings)
    hub = Hub.of(settings, pin.repo_id)
    record = pins.record_of(hub, pin)
    made = plan(record, _diff(hub, pin, record), given)
    here = compare_environment(record, Path(sys.executable), {**os.environ, **made.variables})
    return Prepared(pin, record, made, here)


def compare_environment(record: RunRecord, interpreter: Path, variables: Mapping[str, str]) -> tuple[Compared, ...]:
    """How an interpreter compares with the one that the run had.

    Args:
        record: of the run.
        interpreter: that would run it.
        variables: the environment variables that it would run with, since threads are counted by them.

    Raises:
        HarnessFailed: the interpreter does not run.
    """
    done = subprocess.run(
        [str(interpreter), "-c", _PROBE.read_text(encoding="utf-8")],
        env=dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = Environment.model_validate(json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError):
        last = done.stderr.strip().splitlines()
        raise HarnessFailed(f"{interpreter} does not run.", found=last[-1][:200] if last else None) from None
    if record.environment.accelerator == "cpu":
        # A run may leave an accelerator alone, and then it does not matter which one is here.
        found = found.model_copy(update={"accelerator": "cpu", "accelerator_count": None})
    return environment.compare(record.environment, found)


def _diff(hub: Hub, pin: Pin, record: RunRecord) -> bytes | None:
    digest = record.code.diff_sha256
    if digest is None:
        return None
    diff = hub.read_if_there(pin.repo_id, pin.sha, DIFF_PATH)
    if diff is not None and sha256(diff) != digest:
        raise BadDocument(
            f"{DIFF_PATH} of {pin} is not the difference that the record names.",
            expected=f"sha256 {digest[:12]}",
            found=sha256(diff)[:12],
        )
    return diff
