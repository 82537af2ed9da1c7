"""`adapter_config.json` as it is published: pinned to the base's commit, and the same bytes for the same run."""

from __future__ import annotations

import json
from typing import Any

from hubver.documents import canonical_json
from hubver.errors import BadInput

# PEFT keeps these as sets, so their order differs from run to run and means nothing.
_SETS = ("target_modules", "exclude_modules", "modules_to_save")


def read_config(raw: bytes) -> dict[str, Any]:
    """The configuration as a mapping.

    Raises:
        BadInput: it is not a JSON object.
    """
    try:
        config = json.loads(raw)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadInput(
            f"adapter_config.json is not valid JSON: {error}.", hint="Save the adapter again with save_pretrained."
        ) from None
    if not isinstance(config, dict):
        raise BadInput(
            "adapter_config.json does not hold a configuration.",
            expected="a JSON object",
            found=type(config).__name__,
            hint="Save the adapter again with save_pretrained.",
        )
    return config


def normalised_config(raw: bytes, base_id: str | None, base_sha: str | None) -> bytes:
    """The bytes to publish.

    `AutoPeftModelForCausalLM` takes the base from `base_model_name_or_path` at `revision`, which trainers leave out or
    fill with a path of the machine they ran on; here they become the base's id and commit. Without a Hub id both are
    null: a path would leak, and would load nothing elsewhere. Everything else is kept.

    Raises:
        BadInput: it is not a JSON object, or holds NaN or infinity.
    """
    config = {**read_config(raw), "base_model_name_or_path": base_id, "revision": base_sha}
    for name in _SETS:
        values = config.get(name)
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            config[name] = sorted(values)
    try:
        return canonical_json(config)
    except ValueError:
        raise BadInput(
            "adapter_config.json holds NaN or infinity, which JSON cannot say.",
            hint="Correct the number in the adapter's configuration and save it again.",
        ) from None
