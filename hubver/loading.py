"""`load`: the model of one pinned revision, ready to use; and the Python that does the same without hubver."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hubver import safe_weights
from hubver.errors import BadInput, MissingPackage, NotFound, Tampered
from hubver.locking import arrived
from hubver.pins import ADAPTER_CONFIG, BASE_FILES, Pin, base_in, fetch, fetch_base, locked, need_base, resolve
from hubver.record.schema import RECORD_FILE, RunRecord
from hubver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hubver.locking.document import LockedModel


def load(
    repo_id: str | None = None,
    revision: str | None = None,
    *,
    lock: Path | str | None = None,
    settings: Settings | None = None,
) -> tuple[Any, Any, RunRecord]:
    """Load a pinned model.

    With a lock, the model and its base are those that the lock file pins, nothing is resolved, and every byte is hashed
    and compared with the lock before anything uses it: one pass over the files, on up to four cores.

    Args:
        repo_id: `ORG/NAME`; None for the only model of the lock.
        revision: a version, a branch or a sha; the production branch if None. It is resolved once, and everything
            comes from that commit.
        lock: a lock file, such as `hubver.lock`, which says the revision.
        settings: the user's own if None.

    Returns:
        The model (a `peft.PeftModel` for an adapter) in evaluation mode, its tokenizer, and its record.

    Raises:
        NotFound, BadInput, BadDocument: see `resolve` and `fetch_base`.
        Tampered: a file on this machine is not the one that was locked.
        Unsafe: its weights, or its base model's, are a pickle.
        MissingPackage: transformers or peft is not installed.
    """
    settings = settings or Settings.load()
    if lock is None:
        if repo_id is None:
            raise BadInput("No model was named.", expected="ORG/NAME, or a lock file")
        pinned, model = resolve(f"{repo_id}@{revision}" if revision else repo_id, settings=settings), None
    elif revision is not None:
        raise BadInput(f"{lock} says which revision is loaded, so none can be named.", found=revision)
    else:
        pinned, model = locked(repo_id, lock)
    base_folder = fetch_base(settings, pinned) if pinned.is_adapter else None
    folder = fetch(settings, pinned)
    if model is not None:
        _compare(pinned, model, folder, base_folder)
    return _from_folders(pinned, folder, base_folder, remote_code=settings.runs_remote_code)


def _compare(pinned: Pin, model: LockedModel, folder: Path, base_folder: Path | None) -> None:
    """Hold what was fetched against the lock.

    Raises:
        Tampered: it is not what was locked.
    """
    with _bar() as progress:
        arrived.check(folder, model.files, of=str(pinned), progress=progress)
    if model.base is not None and base_folder is not None:
        named = base_in((folder / ADAPTER_CONFIG).read_bytes(), str(pinned))
        if named != (model.base.repo_id, model.base.sha):
            raise Tampered(
                f"The lock gives {pinned} another base than its own, so nothing was loaded.",
                expected=f"{named[0]}@{(named[1] or 'no commit')[:8]}",
                found=f"{model.base.repo_id}@{model.base.sha[:8]}",
                hint=f"Lock it again with: hubver lock --remove {pinned.repo_id}, then: hubver lock {pinned.repo_id}",
            )
        name = f"{model.base.repo_id}@{model.base.sha[:8]}"
        with _bar() as progress:
            # Other tools may have fetched more of the same commit, which is not loaded from here.
            arrived.check(base_folder, model.base.files, of=name, patterns=BASE_FILES, progress=progress)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar for the bytes that are hashed, such as the Hub's client shows for those it fetches, and by its switch."""
    from huggingface_hub.utils import tqdm

    # None where no terminal shows it, and none for what is over at once.
    # huggingface_hub gives its bar no types.
    with tqdm(  # type: ignore[no-untyped-call]
        desc="Comparing with the lock", unit="B", unit_scale=True, disable=None, delay=2, leave=False
    ) as bar:

        def seen(count: int, total: int) -> None:
            bar.total = total
            bar.update(count - bar.n)

        yield seen


def _from_folders(
    pinned: Pin, folder: Path, base_folder: Path | None, *, remote_code: bool
) -> tuple[Any, Any, RunRecord]:
    """Load what was fetched.

    Args:
        remote_code: whether code that the model brings along (`auto_map`) may run.
    """
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
    safe_weights.check(str(pinned), folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=remote_code)
    of_model: dict[str, Any] = {"use_safetensors": True, "trust_remote_code": remote_code}
    if base_folder is None:
        model = AutoModelForCausalLM.from_pretrained(folder, **of_model)
    else:
        from peft import PeftModel

        safe_weights.check(f"the base model of {pinned}", base_folder)
        base = AutoModelForCausalLM.from_pretrained(base_folder, **of_model)
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
