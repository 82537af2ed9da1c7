"""The embedded Hub: a Hugging Face Hub for models and datasets on loopback, with real git underneath.

It is an independent witness for the client code (it shares none of it), and a test double that users keep: the pytest
fixture `local_hub` gives any project a Hub of its own.

```python
with LocalHub() as hub:
    HfApi(endpoint=hub.url, token=hub.token).create_repo("acme/router")
```

The names below load on first use, because pytest imports this package in every run of every user's project.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubver.localhub.accounts.publishers import Publisher, Trust
    from hubver.localhub.accounts.users import User
    from hubver.localhub.faults import Answer, Delay, Drop, Faults, Stale, Truncate
    from hubver.localhub.server import LocalHub, serve
    from hubver.localhub.switches import Switches

__all__ = [
    "Answer",
    "Delay",
    "Drop",
    "Faults",
    "LocalHub",
    "Publisher",
    "Stale",
    "Switches",
    "Truncate",
    "Trust",
    "User",
    "serve",
]

_HOMES = {
    **dict.fromkeys(("Answer", "Delay", "Drop", "Faults", "Stale", "Truncate"), "faults"),
    **dict.fromkeys(("LocalHub", "serve"), "server"),
    **dict.fromkeys(("Publisher", "Trust"), "accounts.publishers"),
    "Switches": "switches",
    "User": "accounts.users",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
