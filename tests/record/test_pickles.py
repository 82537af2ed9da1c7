from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
import zlib

import numpy as np
import pytest

from hubver.record.folder import remote_code
from hubver.record.folder.pickles import is_pickle

PICKLE = pickle.dumps({"a": print}, protocol=4)
OLD = pickle.dumps(print, protocol=0)


def tarred(data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        member = tarfile.TarInfo("inside")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside", data)
    return made.getvalue()


def array(values) -> bytes:
    made = io.BytesIO()
    np.save(made, values, allow_pickle=True)
    return made.getvalue()


WRAPPED = {"gzip": gzip.compress, "zlib": zlib.compress, "bzip2": bz2.compress, "xz": lzma.compress}
WRAPPED |= {"tar": tarred, "zip": zipped, "tar in gzip": lambda data: gzip.compress(tarred(data))}


@pytest.mark.parametrize("wrap", WRAPPED)
def test_a_pickle_is_found_inside(tmp_path, wrap):
    file = tmp_path / "any.model"
    for data, expected in ((PICKLE, True), (OLD, True), (b"only words", False)):
        file.write_bytes(WRAPPED[wrap](data))
        assert is_pickle(file) is expected
    file.write_bytes(WRAPPED[wrap](PICKLE)[:-12] + b"broken")
    is_pickle(file)


def test_an_array_of_objects_is_a_pickle_and_one_of_numbers_is_none(tmp_path):
    file = tmp_path / "a.npy"
    for values, expected in ((np.array([{}], dtype=object), True), (np.zeros(3), False)):
        file.write_bytes(array(values))
        assert is_pickle(file) is expected


def test_the_modules_that_auto_map_names(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "modeling_own.Own"}}))
    tokenizer = {"auto_map": {"AutoTokenizer": [None, "acme/code--tokenization_own.Fast"]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    files = {name: tmp_path / name for name in ("config.json", "tokenizer_config.json")}
    modules = remote_code.modules_of(files)
    assert modules == ("acme/code--tokenization_own", "modeling_own")
    (said,) = remote_code.hints(modules)
    assert "modeling_own.py is not published" in said
    assert remote_code.hints(()) == ()
