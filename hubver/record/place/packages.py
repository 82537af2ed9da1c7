"""Which distributions were installed, and where those came from that are no release of an index."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

from hubver.record.secrets import redact


@dataclass(frozen=True)
class Installed:
    """Versions and sources, each by the distribution's name in lower case."""

    versions: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)


def installed() -> Installed:
    """Every installed distribution. The first on the path is the one that is imported."""
    versions: dict[str, str] = {}
    sources: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if not name or name in versions:
            continue
        versions[name] = distribution.version
        if origin := source(distribution.read_text("direct_url.json") or ""):
            sources[name] = origin
    return Installed(dict(sorted(versions.items())), dict(sorted(sources.items())))


def source(direct_url: str) -> str | None:
    """Where a distribution came from, without credentials and without the paths of this machine.

    Args:
        direct_url: the text of its `direct_url.json` (PyPA, "Recording the Direct URL Origin of installed
            distributions"), which those from an index do not have.

    Returns:
        `git+URL@COMMIT` (with `#subdirectory=...`), `editable`, `folder`, the URL of an archive with its digest, the
        name of an archive that was a file; None where there is none or it cannot be read.
    """
    try:
        value: Any = json.loads(direct_url)
        url = str(value["url"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    here = url.startswith("file:")
    short = urlsplit(url).path.rsplit("/", 1)[-1] if here else redact(url).replace("[redacted]@", "")
    inner = f"#subdirectory={value['subdirectory']}" if value.get("subdirectory") else ""
    if isinstance(vcs := value.get("vcs_info"), dict):
        return f"{vcs.get('vcs', 'git')}+{short}@{vcs.get('commit_id')}{inner}"
    if isinstance(directory := value.get("dir_info"), dict):
        return "editable" if directory.get("editable") else "folder"
    archive = value.get("archive_info")
    digests = archive.get("hashes") if isinstance(archive, dict) else None
    digest = digests.get("sha256") if isinstance(digests, dict) else None
    return f"{short}#sha256={digest}" if digest else f"{short}{inner}"
