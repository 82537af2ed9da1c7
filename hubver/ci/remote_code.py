"""Code that a candidate or its base would run on whoever loads it: looked for before anything of it is downloaded.

transformers imports modules from a repository where `auto_map` in a configuration names them and the caller trusts them
(transformers, `dynamic_module_utils.py`), and kernels from repositories that it trusts by itself. hubver trusts modules only
where `remote_code = "run"` says so; here it is seen, without transformers, whether a model asks for either.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hubver.errors import BadDocument, Refused
from hubver.hub.client import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubver.pins import Pin
    from hubver.settings import Settings

# Where transformers and peft look for what to load.
_CONFIGURATIONS = (
    "adapter_config.json",
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer_config.json",
)
# Names of kernels, which are repositories where they hold a slash (transformers, `integrations/hub_kernels.py`).
_KERNELS = ("attn_implementation", "_attn_implementation", "experts_implementation", "_experts_implementation")
_NAMED = 5
_LONGEST = 100


def check(pinned: Pin, settings: Settings) -> None:
    """Refuse a model that brings code along, or goes on a base that does, unless the settings say what to do about it.

    Raises:
        Refused: it does.
        BadDocument: a configuration cannot be read, so nobody can tell.
        NotFound, HubUnreachable, HubFailed: see `hubver.hub`.
    """
    if settings.remote_code != "refuse":
        return
    places = [(pinned.repo_id, pinned.sha)]
    if pinned.base_id and pinned.base_revision:
        places.append((pinned.base_id, pinned.base_revision))
    for repo_id, sha in places:
        found = _modules_in(Hub.of(settings, repo_id), repo_id, sha)
        if found:
            named = ", ".join(found[:_NAMED]) + (" ..." if found[_NAMED:] else "")
            raise Refused(
                f"{repo_id} at {sha[:8]} brings code of its own, which nothing here runs.",
                found=named,
                hint='In hubver.toml, remote_code = "ignore" has it judged by the code of transformers, where that knows '
                'the model; remote_code = "run" runs it, in each job that loads the model',
            )


def _modules_in(hub: Hub, repo_id: str, sha: str) -> list[str]:
    files = hub.files(repo_id, sha)
    found: set[str] = set()
    for name in _CONFIGURATIONS:
        if name not in files:
            continue
        try:
            found.update(modules_of(json.loads(hub.read(repo_id, sha, name))))
        except (ValueError, RecursionError):
            raise BadDocument(
                f"{name} of {repo_id} at {sha[:8]} is no JSON, so nobody can tell what loading it runs.",
                hint="Publish the run again with: hubver push OUTPUT_DIR ORG/NAME",
            ) from None
    return sorted(found)


def modules_of(configuration: Any) -> Iterator[str]:
    """What a configuration would have imported, in whatever depth; the key's own name where it names nothing."""
    if isinstance(configuration, list):
        for item in configuration:
            yield from modules_of(item)
    elif isinstance(configuration, dict):
        for key, value in configuration.items():
            if key == "auto_map" and value:
                yield from list(_texts(value)) or [key]
            elif key == "trust_remote_code" and value:
                yield key
            elif key in _KERNELS:
                yield from (text for text in _texts(value) if "/" in text)
            else:
                yield from modules_of(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value[:_LONGEST]
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
