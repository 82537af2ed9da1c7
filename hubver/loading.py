"""`load`: the model of one pinned revision, ready to use; and the Python that does the same without hubver."""

from __future__ import annotations

from typing import Any

from hubver.errors import MissingPackage, NotFound
from hubver.pins import Pin, fetch, fetch_base, need_base, resolve
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.settings import Settings


def load(repo_id: str, revision: str | None = None, *, settings: Settings | None = None) -> tuple[Any, Any, RunRecord]:
    """Load a pinned model.

    Args:
        repo_id: `ORG/NAME`.
        revision: a version, a branch or a sha; the production branch if None. It is resolved once, and everything
            comes from that commit.
        settings: the user's own if None.

    Returns:
        The model (a `peft.PeftModel` for an adapter) in evaluation mode, its tokenizer, and its record.

    Raises:
        NotFound, BadInput, BadDocument: see `resolve` and `fetch_base`.
        MissingPackage: transformers or peft is not installed.
    """
    settings = settings or Settings.load()
    pinned = resolve(f"{repo_id}@{revision}" if revision else repo_id, settings=settings)
    base_folder = fetch_base(settings, pinned) if pinned.is_adapter else None
    folder = fetch(settings, pinned)
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise MissingPackage(
            "Loading a model needs transformers and peft.", hint="Install them with: pip install 'hubver[gate]'"
        ) from error
    record_file = folder / RECORD_FILE
    if not record_file.is_file():
        raise NotFound(
            f"{pinned} has no {RECORD_FILE}: it was not published by hubver.", hint="Publish it with: hubver push"
        )
    record = RunRecord.from_bytes(record_file.read_bytes(), source=f"{RECORD_FILE} of {pinned}")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if base_folder is None:
        model = AutoModelForCausalLM.from_pretrained(folder)
    else:
        from peft import PeftModel

        base = AutoModelForCausalLM.from_pretrained(base_folder)
        model = PeftModel.from_pretrained(base, folder)
    return model.eval(), tokenizer, record


def snippet(pinned: Pin) -> str:
    """Python that loads exactly this pin with transformers and peft alone.

    `AutoModelForCausalLM.from_pretrained(adapter, revision=...)` takes the revision for the base's (transformers issue
    29849), so that form names both commits.

    Raises:
        BadInput: it is an adapter that does not say which commit of which base it goes on.
    """
    revision = pinned.version or pinned.sha
    if not pinned.is_adapter:
        return _FULL.format(repo=pinned.repo_id, revision=revision)
    base, base_revision = need_base(pinned)
    return _ADAPTER.format(repo=pinned.repo_id, revision=revision, base=base, base_revision=base_revision)


_FULL = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{repo}", revision="{revision}")
tokenizer = AutoTokenizer.from_pretrained("{repo}", revision="{revision}")
"""

_ADAPTER = """\
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM, AutoTokenizer

# The short form: the base's commit stands in the adapter's own configuration.
model = AutoPeftModelForCausalLM.from_pretrained("{repo}", revision="{revision}")
tokenizer = AutoTokenizer.from_pretrained("{repo}", revision="{revision}")

# With transformers alone, `revision` is the base's commit ({base}), and the adapter has its own.
model = AutoModelForCausalLM.from_pretrained(
    "{repo}",
    revision="{base_revision}",
    adapter_kwargs={{"revision": "{revision}"}},
)
"""
