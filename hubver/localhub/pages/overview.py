"""A repo's own page: its card, what its metadata says, and where its branches and tags are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hubver.localhub.errors import HubError
from hubver.localhub.pages.blobs import glimpse, is_text
from hubver.localhub.pages.frame import Named, branches, gate_is_closed, main_or_first, repo_page, tags
from hubver.localhub.pages.links import Base
from hubver.localhub.pages.rich_text import LONGEST_TEXT, render
from hubver.localhub.repos import trees
from hubver.localhub.repos.card import card_tags, read_card, without_metadata
from hubver.localhub.repos.repository import get_commit, read_blob, tree_of

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore
    from markupsafe import Markup
    from starlette.responses import Response

    from hubver.localhub.repos.repository import Repository
    from hubver.localhub.web.call import Call

_SHOWN_REFS = 8
_SHOWN_TAGS = 40
_LONGEST_README = 4 * LONGEST_TEXT  # bytes; a character has four at most
_LONGEST_TAG = 80
_LONGEST_METADATA = 30_000


@dataclass(frozen=True)
class Card:
    """A README as people read it.

    Args:
        body: its text; None if it is no file of text.
        metadata: the block at its head; empty if there is none that can be read.
        is_cut: whether there is more of it than is shown.
    """

    body: Markup | None
    metadata: dict[str, Any]
    is_cut: bool = False


@dataclass(frozen=True)
class Landmark:
    """A branch or tag: its name, its commit, and of that the title and the time in seconds since 1970.

    Git can tag what is no commit; then there is no time.
    """

    name: str
    commit: str
    title: str
    time: int | None


def landmark(store: BaseObjectStore, ref: Named) -> Landmark:
    """Look at the commit that a branch or tag leads to."""
    try:
        commit = get_commit(store, ref.commit)
    except HubError:
        return Landmark(ref.name, ref.commit, "(not a commit)", None)
    return Landmark(ref.name, ref.commit, title_of(commit.message), commit.commit_time)


def title_of(message: bytes) -> str:
    """First line of a commit's message."""
    return message.decode("utf-8", "replace").strip().partition("\n")[0] or "(no message)"


def overview(call: Call) -> Response:
    """Show what a repo is."""
    repo = call.repo()
    revision = main_or_first(repo)
    commit = repo.resolve(revision)
    refs = repo.refs.read()
    all_branches, all_tags = branches(refs), tags(refs)
    gated = gate_is_closed(call, repo)
    with repo.objects() as store:
        card = read_readme(store, repo, revision, commit, "README.md")
        shown = [[landmark(store, ref) for ref in group[:_SHOWN_REFS]] for group in (all_branches, all_tags)]
    about = card.metadata if card else {}
    newest = all_tags[0].name if all_tags else revision
    return repo_page(
        call,
        repo,
        "overview.html",
        tab="card",
        revision=revision,
        card=card,
        gated=gated,
        card_tags=_plain_tags(about, repo),
        facts=_facts(about),
        branches=shown[0],
        tags=shown[1],
        branch_count=len(all_branches),
        tag_count=len(all_tags),
        snippets=snippets(call, repo, newest, about),
    )


def read_readme(store: BaseObjectStore, repo: Repository, revision: str, commit: str, path: str) -> Card | None:
    """Read a Markdown file with metadata; None if there is none."""
    entry = trees.find(store, tree_of(store, commit), path)
    seen = glimpse(store, entry) if entry and not entry.is_folder else None
    if entry is None or seen is None or seen.pointer:
        return None
    content = read_blob(store, entry.oid)[:_LONGEST_README]
    if not is_text(content):
        return Card(None, {})
    text = content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    body = without_metadata(text)
    folder = path.rpartition("/")[0]
    is_cut = len(body) > LONGEST_TEXT or seen.stored > _LONGEST_README
    return Card(render(body[:LONGEST_TEXT], Base.of(repo, revision, folder)), metadata(text), is_cut)


@lru_cache(1000)
def metadata(text: str) -> dict[str, Any]:
    """The metadata of a README, which nobody may change; empty where they are too long for a page.

    They are kept, because there are cards whose metadata take a second to read.
    """
    head = text[: len(text) - len(without_metadata(text))]
    return read_card(head) if len(head) <= _LONGEST_METADATA else {}


def _plain_tags(metadata: dict[str, Any], repo: Repository) -> list[str]:
    """The tags that are no more than a word; the others are facts with a name."""
    found = [tag for tag in card_tags(metadata, repo.description.kind) if not tag.startswith(_FACT_PREFIXES)]
    return [tag[:_LONGEST_TAG] for tag in found[:_SHOWN_TAGS]]


_FACT_PREFIXES = ("base_model:", "license:", "dataset:")
_FACTS = {
    "base_model": "Base model",
    "license": "License",
    "library_name": "Library",
    "pipeline_tag": "Task",
    "datasets": "Datasets",
    "language": "Language",
}


def _facts(metadata: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What the metadata says under the names that people look for."""
    found = []
    for key, label in _FACTS.items():
        said = metadata.get(key)
        values = [item[:_LONGEST_TAG] for item in (said if isinstance(said, list) else [said]) if isinstance(item, str)]
        if any(values):
            found.append((label, values[:_SHOWN_REFS]))
    return found


def snippets(call: Call, repo: Repository, revision: str, metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """How to get the repo at a revision: with git, and in Python."""
    about = repo.description
    endpoint = call.url("").rstrip("/")
    name, at = json.dumps(about.id), f"revision={json.dumps(revision)}"
    library = metadata.get("library_name")
    if about.kind == "dataset":
        python = f"from datasets import load_dataset\n\ndata = load_dataset(\n    {name}, {at}\n)"
    elif isinstance(library, str) and library in _LOADERS:
        module, loader = _LOADERS[library]
        python = f"from {module} import {loader}\n\nmodel = {loader}.from_pretrained(\n    {name}, {at}\n)"
    else:
        python = f"from huggingface_hub import snapshot_download\n\nfolder = snapshot_download(\n    {name}, {at}\n)"
    return [
        ("Clone", f"git clone {endpoint}/{repo.url_path}"),
        ("Point a client here", f"export HF_ENDPOINT={endpoint}"),
        ("Load this version", python),
    ]


_LOADERS = {
    "peft": ("peft", "AutoPeftModelForCausalLM"),
    "transformers": ("transformers", "AutoModelForCausalLM"),
}
