from __future__ import annotations

import json

import pytest

from hubver.record.digest import entry
from hubver.record.folder.tokenizer import from_files
from hubver.record.schema import Tokenizer

SEEN = Tokenizer(
    tokenizer_class="GPT2Tokenizer", sample="hello", sample_sha256="a" * 64, padding_side="left", model_max_length=128
)


def described(folder, config, seen):
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(config))
    part, _ = from_files({file.name: file}, [entry(file.name, file)], seen)
    return part


@pytest.mark.parametrize(
    ("config", "side", "longest"),
    [
        pytest.param({"padding_side": "right", "model_max_length": 512}, "right", 512, id="told"),
        pytest.param({"model_max_length": 10**30}, None, None, id="no limit"),
        pytest.param({"model_max_length": 1e30}, None, None, id="no limit, as a decimal"),
        pytest.param({"padding_side": 7, "model_max_length": "512"}, None, None, id="nonsense"),
        pytest.param({}, None, None, id="untold"),
    ],
)
def test_what_the_files_say_where_nobody_watched(tmp_path, config, side, longest):
    part = described(tmp_path, config, Tokenizer())
    assert (part.padding_side, part.model_max_length) == (side, longest)


def test_what_the_run_saw_of_its_tokenizer_counts_more(tmp_path):
    part = described(tmp_path, {"padding_side": "right", "model_max_length": 512}, SEEN)
    assert (part.padding_side, part.model_max_length) == ("left", 128)
    assert (part.sample, part.sample_sha256) == (SEEN.sample, SEEN.sample_sha256)
