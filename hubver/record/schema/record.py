"""The whole record, and its JSON Schema."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from hubver.documents import Document, canonical_json
from hubver.record.schema.common import FileEntry, Gap
from hubver.record.schema.data import DataSource
from hubver.record.schema.model import Base, Tokenizer, Weights
from hubver.record.schema.place import Code, Environment
from hubver.record.schema.training import Metric, Training

# Where a published revision keeps its record.
RECORD_FILE = "hubver.json"


class RunRecord(Document):
    """The record of a run. In a draft, `repo_id`, `version`, `weights` and `files` are not known yet.

    Attributes:
        run_id: names the run; the same run published again keeps it.
        files: every published file except `hubver.json` and `README.md`.
    """

    document_name: ClassVar[str] = "run record"

    format: Literal["hubver.run/1"] = "hubver.run/1"
    run_id: str
    repo_id: str | None = None
    version: str | None = None
    created: AwareDatetime
    message: str | None = None
    base_model: Base = Base()
    data: tuple[DataSource, ...] = ()
    tokenizer: Tokenizer = Tokenizer()
    training: Training = Training()
    code: Code = Code()
    environment: Environment = Environment()
    weights: Weights | None = None
    metrics: tuple[Metric, ...] = ()
    files: tuple[FileEntry, ...] = ()
    gaps: tuple[Gap, ...] = ()


def json_schema() -> bytes:
    """The JSON Schema of `hubver.json`, as kept in `docs/reference/run-record.schema.json`."""
    schema = RunRecord.model_json_schema(mode="validation")
    return canonical_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
