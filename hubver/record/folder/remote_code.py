"""Code that a model brings along: `auto_map` in its configurations names modules that run on whoever trusts them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Where transformers looks for it (transformers, dynamic_module_utils.py, and the auto classes).
_CONFIGURATIONS = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")


def modules_of(files: Mapping[str, Path]) -> tuple[str, ...]:
    """The modules that loading would import, as the configurations name them: `modeling_own`, `org/name--modeling_own`.

    Args:
        files: what travels, by path in the repo. Its configurations have been checked.
    """
    found: set[str] = set()
    for name in _CONFIGURATIONS:
        if name not in files:
            continue
        try:
            configuration = json.loads(files[name].read_bytes())
        except (ValueError, RecursionError):
            continue
        if isinstance(configuration, dict):
            found.update(_modules(configuration.get("auto_map")))
    return tuple(sorted(found))


def hints(modules: tuple[str, ...]) -> tuple[str, ...]:
    """What the user should know of them, before others load the model."""
    if not modules:
        return ()
    own = [module for module in modules if "--" not in module]
    missing = f" {own[0]}.py is not published with it, so loading fails." if own else ""
    said = (
        f"Loading this model runs code of its own ({', '.join(modules)[:200]}).{missing} Those who load it must trust that "
        "code: name a repository and its commit for it, or save the model without auto_map."
    )
    return (said,)


def _modules(value: Any) -> Iterator[str]:
    """The modules of `auto_map`: class paths by auto class, or several of them in a list."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _modules(item)
    elif isinstance(value, list):
        for item in value:
            yield from _modules(item)
    elif isinstance(value, str) and "." in value:
        yield value.rpartition(".")[0][:200]
