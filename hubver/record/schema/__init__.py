"""`hubver.json`: the record of one training run, and the draft that a run leaves before it is published.

Pure. What is not known is null and named in `gaps`, never guessed. All digests are lower-case hexadecimal sha256 of the
bytes that travel; all sizes are bytes; all times are UTC.
"""

from __future__ import annotations

from hubver.record.schema.common import FileEntry, Gap
from hubver.record.schema.data import DataSource, Function
from hubver.record.schema.model import Base, Lora, Tensor, Tokenizer, Weights, WeightsKind
from hubver.record.schema.place import Code, Environment
from hubver.record.schema.record import RECORD_FILE, RunRecord, json_schema
from hubver.record.schema.training import Checkpoint, Link, Metric, Resources, Seeds, Training

__all__ = [
    "RECORD_FILE",
    "Base",
    "Checkpoint",
    "Code",
    "DataSource",
    "Environment",
    "FileEntry",
    "Function",
    "Gap",
    "Link",
    "Lora",
    "Metric",
    "Resources",
    "RunRecord",
    "Seeds",
    "Tensor",
    "Tokenizer",
    "Training",
    "Weights",
    "WeightsKind",
    "json_schema",
]
