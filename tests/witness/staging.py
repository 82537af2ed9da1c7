"""The embedded Hub as the staging Hub of huggingface_hub's tests: with the users whose tokens those tests know."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

from hubver.localhub import LocalHub, User

if TYPE_CHECKING:
    from pathlib import Path


# An organisation of that user, which the tests know by these names without a constant for them.
_ORG, _ORG_NAME = "valid_org_hub", "Dummy Hub Org"


def staging_hub(checkout: Path, *, xet: bool) -> LocalHub:
    """A Hub, not started yet, with the users, organisations and tokens of the checkout's `testing_constants.py`.

    Args:
        checkout: of huggingface_hub.
        xet: whether it takes and gives large files by Xet, or by LFS alone.
    """
    known = runpy.run_path(str(checkout / "tests" / "testing_constants.py"))
    users = {
        known["TOKEN"]: User(
            known["USER"], orgs=(_ORG,), full_names={known["USER"]: known["FULL_NAME"], _ORG: _ORG_NAME}
        ),
        known["OTHER_TOKEN"]: User(known["OTHER_USER"]),
    }
    if "ENTERPRISE_TOKEN" in known:  # since 1.0
        users[known["ENTERPRISE_TOKEN"]] = User(known["ENTERPRISE_USER"], orgs=(known["ENTERPRISE_ORG"],))
    return LocalHub(users=users, xet=xet)
