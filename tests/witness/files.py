"""Which of huggingface_hub's test files are run: all but those about what the embedded Hub does not offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LEFT_OUT = {
    "bucket": "storage buckets, which the embedded Hub does not offer",
    "inference": "inference providers and endpoints, which are other services",
    "jobs": "jobs, which are another service",
    "kernels": "kernels, a kind of repo that the embedded Hub does not offer",
    "oauth": "an OAuth provider for apps in spaces",
    "sandbox": "sandboxes, which are another service",
    "generate_cli_reference": "a script of the client's repository that writes its documentation",
    "init_lazy_loading": "how the client's package loads, without any Hub",
    "windows": "the client on Windows, without any Hub",
}
"""Words in the names of files that are not run unless they are named, with the reason."""


def reason_to_leave_out(name: str) -> str | None:
    """Why `test_<name>.py` is not run by default; None if it is."""
    stem = name.removeprefix("test_").removesuffix(".py")
    return next((reason for word, reason in LEFT_OUT.items() if stem.startswith(word)), None)


def found(checkout: Path) -> list[str]:
    """Names of all test files of the checkout."""
    return sorted(file.name for file in (checkout / "tests").glob("test_*.py"))
