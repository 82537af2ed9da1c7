"""The parts of a record that are about what the model learned from."""

from __future__ import annotations

from hubver.documents import Part
from hubver.record.schema.common import FileEntry


class DataSource(Part):
    """One dataset of the run. It is pinned by `hub_sha`, by `files`, or by `content_sha256`.

    Attributes:
        role: `train` or `eval`; null for data that was only declared.
        config: the configuration (subset) of a Hub dataset, where it has several.
        content_sha256: digest of the rows in order (see `hubver.record.sources.content.content_digest`); of a folder with too many
            files to list, the digest of its list: `path NUL sha256 LF` for each, sorted by path.
        columns: as the trainer saw them, after its own preprocessing.
        streaming: the rows were read as they came, so that neither their number nor their content is known.
        files: of local data, by paths relative to the code's repository where they lie in it.
    """

    name: str
    role: str | None = None
    split: str | None = None
    config: str | None = None
    hub_id: str | None = None
    hub_sha: str | None = None
    files: tuple[FileEntry, ...] = ()
    content_sha256: str | None = None
    rows: int | None = None
    columns: tuple[str, ...] = ()
    streaming: bool | None = None


class Function(Part):
    """A function or class of the user's that decided what the model learned.

    Attributes:
        role: what it was for: `formatting`, `collator`, `reward`, `metrics`, `loss`, `generation`, `transform` (of rows,
            while they are read), or the user's own class of a `trainer`, `model`, `dataset` or `callback`.
        name: its qualified name with its module.
        source_sha256: digest of its source text; null where there is none to be read.
    """

    role: str
    name: str
    source_sha256: str | None = None
