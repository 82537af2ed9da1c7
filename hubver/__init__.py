"""hubver: from the end of training to production on the Hugging Face Hub, and back again when it misbehaves.

The public API. Names are loaded when they are first used, so that `import hubver` costs nothing:

- `push(folder, "org/name")`: publish a training run as one tagged commit.
- `HubverCallback`: the same from within a transformers or TRL trainer, with the full record of the run.
- `load("org/name", "production")`: model, tokenizer and record of one pinned revision.
- `resolve("org/name@v1.0.0")` → `Pin`: which commits that is.
- `lock`, `check_lock`: which models an application runs, to the byte, in a file of its repository; `load(lock=...)`.
- `promote`, `rollback`, `quarantine`, `status`: what is in production; `history`: what was, and when.
- `prune`: what of a repository may go.
- `show`, `difference`: how a revision was made, and what differs between two.
- `verify`, `sign`: whether it is what was published, and who says so.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from hubver.callback import HubverCallback
    from hubver.channels import status
    from hubver.diff.difference import difference, show
    from hubver.errors import HubverError
    from hubver.loading import load
    from hubver.locking.check import check_lock
    from hubver.locking.verb import lock
    from hubver.pins import Pin, resolve
    from hubver.publish import Published, push
    from hubver.record.schema import RunRecord
    from hubver.release import promote, quarantine, rollback
    from hubver.retention import prune
    from hubver.settings import Settings
    from hubver.timeline.past import history
    from hubver.verification import verify
    from hubver.verification.countersign import sign

__all__ = [
    "HubverCallback",
    "HubverError",
    "Pin",
    "Published",
    "RunRecord",
    "Settings",
    "check_lock",
    "difference",
    "history",
    "load",
    "lock",
    "promote",
    "prune",
    "push",
    "quarantine",
    "resolve",
    "rollback",
    "show",
    "sign",
    "status",
    "verify",
]

_HOMES = {
    "HubverCallback": "hubver.callback",
    "difference": "hubver.diff.difference",
    "show": "hubver.diff.difference",
    "HubverError": "hubver.errors",
    "history": "hubver.timeline.past",
    "Pin": "hubver.pins",
    "check_lock": "hubver.locking.check",
    "load": "hubver.loading",
    "lock": "hubver.locking.verb",
    "resolve": "hubver.pins",
    "Published": "hubver.publish",
    "push": "hubver.publish",
    "RunRecord": "hubver.record.schema",
    "promote": "hubver.release",
    "quarantine": "hubver.release",
    "rollback": "hubver.release",
    "prune": "hubver.retention",
    "status": "hubver.channels",
    "Settings": "hubver.settings",
    "sign": "hubver.verification.countersign",
    "verify": "hubver.verification",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'hubver' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
