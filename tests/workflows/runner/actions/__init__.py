"""The actions that are carried out here, by the name in `uses`; each answers its outputs or raises StepFailed."""

from __future__ import annotations

from workflows.runner.actions.cache import cache, restore, save
from workflows.runner.actions.checkout import checkout
from workflows.runner.actions.setup_python import setup_python
from workflows.runner.actions.transfer import download, upload

ACTIONS = {
    "actions/cache": cache,
    "actions/cache/restore": restore,
    "actions/cache/save": save,
    "actions/checkout": checkout,
    "actions/download-artifact": download,
    "actions/setup-python": setup_python,
    "actions/upload-artifact": upload,
}
