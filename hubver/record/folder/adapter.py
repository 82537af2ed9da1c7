"""`adapter_config.json` as it is published: pinned to the base's commit, and the same bytes for the same run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hubver.documents import canonical_json
from hubver.errors import BadInput
from hubver.record.secrets import redact_value

if TYPE_CHECKING:
    from collections.abc import Mapping

# PEFT keeps these as sets, so their order differs from run to run and means nothing.
_SETS = ("target_modules", "exclude_modules", "modules_to_save")


def read_config(raw: bytes, name: str = "adapter_config.json") -> dict[str, Any]:
    """The configuration as a mapping.

    Raises:
        BadInput: it is not a JSON object.
    """
    try:
        config = json.loads(raw)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadInput(
            f"{name} is not valid JSON: {error}.", hint="Save the model again with save_pretrained."
        ) from None
    if not isinstance(config, dict):
        raise BadInput(
            f"{name} does not hold a configuration.",
            expected="a JSON object",
            found=type(config).__name__,
            hint="Save the model again with save_pretrained.",
        )
    return config


def described(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration for the record: without the base, which has its own part, redacted, and sets sorted."""
    kept = {name: value for name, value in config.items() if name not in {"base_model_name_or_path", "revision"}}
    described: dict[str, Any] = redact_value(_sorted_sets(kept))
    return described


def normalised_config(raw: bytes, base_id: str | None, base_sha: str | None) -> bytes:
    """The bytes to publish.

    `AutoPeftModelForCausalLM` takes the base from `base_model_name_or_path` at `revision`, which trainers leave out or
    fill with a path of the machine they ran on; here they become the base's id and commit. Without a Hub id both are
    null: a path would leak, and would load nothing elsewhere. Everything else is kept.

    Raises:
        BadInput: it is not a JSON object, or holds NaN or infinity.
    """
    config = _sorted_sets({**read_config(raw), "base_model_name_or_path": base_id, "revision": base_sha})
    try:
        return canonical_json(config)
    except ValueError:
        raise BadInput(
            "adapter_config.json holds NaN or infinity, which JSON cannot say.",
            hint="Correct the number in the adapter's configuration and save it again.",
        ) from None


def _sorted_sets(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _sorted(value) if name in _SETS else value for name, value in config.items()}


def _sorted(values: Any) -> Any:
    if isinstance(values, list | set | tuple) and all(isinstance(value, str) for value in values):
        return sorted(values)
    return values
