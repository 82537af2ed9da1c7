"""The embedded Hub as the staging Hub of huggingface_hub's tests: with the users whose tokens those tests know."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

from hubver.localhub import LocalHub, User

if TYPE_CHECKING:
    from pathlib import Path


def staging_hub(checkout: Path) -> LocalHub:
    """A Hub, not started yet, with the users, organisations and tokens of the checkout's `testing_constants.py`."""
    known = runpy.run_path(str(checkout / "tests" / "testing_constants.py"))
    users = {
        known["TOKEN"]: User(known["USER"], orgs=("valid_org_hub",)),
        known["OTHER_TOKEN"]: User(known["OTHER_USER"]),
    }
    if "ENTERPRISE_TOKEN" in known:  # since 1.0
        users[known["ENTERPRISE_TOKEN"]] = User(known["ENTERPRISE_USER"], orgs=(known["ENTERPRISE_ORG"],))
    return LocalHub(users=users)
