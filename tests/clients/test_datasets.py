"""The `datasets` library, in a process of its own: it reads once, when it is imported, which Hub to talk to."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd

SCRIPT = """
import json, sys
from datasets import Dataset, DatasetDict, get_dataset_config_names, get_dataset_split_names, load_dataset

name, first = sys.argv[1:]
told = {}
told["csv"] = load_dataset(name, "tables", split="train")["a"][:]
told["json"] = load_dataset(name + "-json", split="train").to_list()
told["parquet"] = load_dataset(name + "-parquet", split="train")["x"][:]
told["file"] = load_dataset(name, data_files="tables/test.csv", split="train")["a"][:]
told["pinned"] = load_dataset(name, "tables", revision=first, split="train")["a"][:]
told["streamed"] = [row["a"] for row in load_dataset(name, "tables", split="train", streaming=True)]
told["configs"] = get_dataset_config_names(name)
told["splits"] = get_dataset_split_names(name, "tables")

made = DatasetDict(train=Dataset.from_dict({"t": ["x"] * 50}), test=Dataset.from_dict({"t": ["y"]}))
made.push_to_hub(name + "-pushed", private=True, max_shard_size="1KB")
again = load_dataset(name + "-pushed")
told["pushed"] = {split: rows.num_rows for split, rows in again.items()}
Dataset.from_dict({"t": ["z"]}).push_to_hub(name + "-pushed", split="late")
told["pushed again"] = sorted(load_dataset(name + "-pushed"))
told["second config"] = Dataset.from_dict({"u": [1]}).push_to_hub(name + "-pushed", "other") and load_dataset(
    name + "-pushed", "other", split="train"
).to_list()
print(json.dumps(told))
"""
CARD = """---
configs:
- config_name: tables
  data_files:
  - {split: train, path: tables/train.csv}
  - {split: test, path: tables/test.csv}
- config_name: others
  data_files: others/*.csv
---
"""


COLUMNS = io.BytesIO()
pq.write_table(pa.table({"x": [7, 8]}), COLUMNS)
FILES = {
    "": {"README.md": CARD, "tables/train.csv": "a\n1\n2\n", "tables/test.csv": "a\n3\n", "others/b.csv": "b\n4\n"},
    "-json": {"a.jsonl": '{"q": "1"}\n{"q": "2"}\n'},
    "-parquet": {"data/train-00000-of-00001.parquet": COLUMNS.getvalue()},
}


@pytest.fixture
def told(hub, api, name, tmp_path):
    first = {}
    for suffix, files in FILES.items():
        api.create_repo(name + suffix, repo_type="dataset")
        contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        operations = [CommitOperationAdd(path, content) for path, content in contents.items()]
        done = api.create_commit(name + suffix, operations, commit_message="first", repo_type="dataset")
        first[suffix] = done.oid
    api.upload_file(path_or_fileobj=b"a\n9\n", path_in_repo="tables/train.csv", repo_id=name, repo_type="dataset")
    environment = {**hub.environment(), "PATH": os.environ["PATH"], "HOME": str(tmp_path), "HF_HOME": str(tmp_path)}
    environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", SCRIPT, name, first[""]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_datasets_are_loaded_streamed_and_pushed(told):
    assert told == {
        "csv": [9],
        "json": [{"q": "1"}, {"q": "2"}],
        "parquet": [7, 8],
        "file": [3],
        "pinned": [1, 2],
        "streamed": [9],
        "configs": ["tables", "others"],
        "splits": ["train", "test"],
        "pushed": {"train": 50, "test": 1},
        "pushed again": ["late", "test", "train"],
        "second config": [{"u": 1}],
    }
