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

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubver.localhub.server import LocalHub, serve
    from hubver.localhub.users import User

__all__ = ["LocalHub", "User", "serve"]


def __getattr__(name: str) -> object:
    if name in {"LocalHub", "serve"}:
        from hubver.localhub import server

        return getattr(server, name)
    if name == "User":
        from hubver.localhub.users import User

        return User
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
