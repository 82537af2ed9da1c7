"""Folders that no trainer left: `hubver push` refuses each in one sentence, in little time and memory, and sends nothing."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outputs import write_adapter

from hubver.errors import BadInput
from hubver.record import draft
from hubver.record.folder import adapter, trainer_state
from hubver.record.folder.safetensors_header import read_header, read_metadata

# The command itself needs some 250 MB of addresses for its libraries; the largest part of the rest is JSON that is parsed.
_MEMORY = 3 << 30
_SECONDS = 60
WEIGHTS = "adapter_model.safetensors"


def header(value: object, buffer: bytes = b"") -> bytes:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack("<Q", len(raw)) + raw + buffer


def tensor(shape=(2,), offsets=(0, 8), dtype="F32") -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def zip_bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}", b"\0" * (10 << 20))
    return made.getvalue()


def sparse(file: Path, size: int, head: bytes = b"") -> None:
    with file.open("wb") as opened:
        opened.write(head)
        opened.truncate(size)


def fifo(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()
    os.mkfifo(folder / "adapter_config.json")


def a_socket(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()
    here = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("adapter_config.json")
    finally:
        os.chdir(here)


def loop(folder: Path) -> None:
    (folder / "vocab.json").symlink_to("merges.txt")
    (folder / "merges.txt").symlink_to("vocab.json")


def twins(folder: Path) -> None:
    (folder / "own.model").write_bytes(b"x")
    (folder / "Own.model").write_bytes(b"x")


def many_tensors_one_twice(folder: Path) -> None:
    entries = [f'"t{n}": {json.dumps(tensor((0,), (0, 0)))}' for n in range(30_000)]
    (folder / WEIGHTS).write_bytes(header(f"{{{', '.join([*entries, entries[0]])}}}".encode()))


def writes(name: str, data: bytes):
    return lambda folder: (folder / name).write_bytes(data)


def named(name: bytes):
    return lambda folder: Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"x")


CASES = {
    "weights cut short": (lambda f: os.truncate(f / WEIGHTS, 300), "is not a whole safetensors file"),
    "weights empty": (writes(WEIGHTS, b""), "is not a whole safetensors file"),
    "a header of 100 GB": (writes(WEIGHTS, struct.pack("<Q", 100 << 30) + b"{}"), "is not a whole safetensors file"),
    "a header of 2^64 bytes": (writes(WEIGHTS, b"\xff" * 8 + b"{}"), "is not a whole safetensors file"),
    "a header of zeros in 100 GB": (
        lambda f: sparse(f / WEIGHTS, 100 << 30, struct.pack("<Q", 90_000_000)),
        "is not a whole safetensors file",
    ),
    "a shape that lies": (writes(WEIGHTS, header({"a": tensor((2**62, 2**62))}, b"\0" * 8)), "is not a whole"),
    "tensors that overlap": (writes(WEIGHTS, header({"a": tensor(), "b": tensor()}, b"\0" * 8)), "is not a whole"),
    "a hole between tensors": (writes(WEIGHTS, header({"a": tensor(offsets=(4, 12))}, b"\0" * 12)), "is not a whole"),
    "a name twice": (writes(WEIGHTS, header(b'{"a": {}, "a": {}}')), "is not a whole"),
    "30,000 tensors, one twice": (many_tensors_one_twice, "is not a whole"),
    "a deep header": (writes(WEIGHTS, header(b"[" * 1_000_000)), "is not a whole"),
    "NaN": (writes(WEIGHTS, header({"a": tensor()}, struct.pack("<ff", 1.0, float("nan")))), "holds NaN"),
    "a pickle as weights": (writes(WEIGHTS, b"\x80\x04."), "is a pickle"),
    "a bomb as a tokenizer": (writes("tokenizer.json", zip_bomb()), "tokenizer.json cannot be read"),
    "a bomb as a SentencePiece model": (writes("spiece.model", zip_bomb()), "spiece.model is a zip"),
    "a tokenizer of 100 GB": (lambda f: sparse(f / "tokenizer.json", 100 << 30), "tokenizer.json is too large"),
    "a template of 100 GB": (lambda f: sparse(f / "chat_template.jinja", 100 << 30), "is too large"),
    "a record of 100 GB": (lambda f: sparse(f / "hubver-run.json", 100 << 30), "is larger than any record"),
    "no JSON": (writes("adapter_config.json", b"{'r': 8}"), "adapter_config.json cannot be read"),
    "no UTF-8": (writes("adapter_config.json", b'{"r": "\xff"}'), "adapter_config.json cannot be read"),
    "deep JSON": (writes("tokenizer_config.json", b'{"a":' * 500_000), "tokenizer_config.json cannot be read"),
    "NaN in JSON": (writes("adapter_config.json", b'{"r": NaN}'), "holds NaN or infinity"),
    "a huge number": (writes("adapter_config.json", b'{"r": 1e999}'), "holds NaN or infinity"),
    "a number of many digits": (writes("adapter_config.json", b'{"r": ' + b"9" * 100_000 + b"}"), "cannot be read"),
    "a record that is a list": (writes("hubver-run.json", b"[]"), "hubver-run.json"),
    "a deep record": (writes("hubver-run.json", b'{"a":' * 500_000), "hubver-run.json"),
    "a loop of links": (loop, "is a link that leads nowhere"),
    "a link to outside": (lambda f: (f / "vocab.json").symlink_to("/etc/passwd"), "is a link to a file outside"),
    "a link to a device": (lambda f: (f / "vocab.json").symlink_to("/dev/zero"), "is a link to a file outside"),
    "a FIFO": (fifo, "There is no model"),
    "a socket": (a_socket, "There is no model"),
    "names that differ by case": (twins, "differs from"),
    "a name with a newline": (named(b"a\nb.model"), "holds control characters"),
    "a name with an escape": (named(b"\x1b[2J.model"), "holds control characters"),
    "a name that is no UTF-8": (named(b"\xff\xfe.model"), "is not UTF-8"),
    "a name of a device": (named(b"CON.model"), "is none that Windows can have"),
    "a name with a backslash": (named(b"up\\..\\x.model"), "is none that Windows can have"),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    from huggingface_hub import HfApi

    from hubver.localhub import LocalHub

    with LocalHub(tmp_path_factory.mktemp("hub")) as made:
        api = HfApi(endpoint=made.url, token=made.token)
        api.create_repo("acme/base")
        api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="acme/base")
        api.create_repo("acme/router")
        yield made, api


# One process for all folders, because starting one for each would take a minute; the command is the real one.
PUSH = """
import contextlib, io, json, resource, sys, time
from hubver.cli.main import run
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
for folder in sys.argv[2:]:
    said, begun = io.StringIO(), time.monotonic()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = run(["push", folder, "acme/router"])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([code, said.getvalue(), round(time.monotonic() - begun, 3), most]), flush=True)
"""


@pytest.fixture(scope="module")
def outcomes(hub, tmp_path_factory):
    """By case: the exit code, what was said, the seconds it took, and the most memory so far, in KiB."""
    made, _ = hub
    folders = []
    for number, (spoil, _) in enumerate(CASES.values()):
        folders.append(write_adapter(tmp_path_factory.mktemp("malformed") / f"out{number}"))
        spoil(folders[-1])
    done = subprocess.run(
        [sys.executable, "-c", PUSH, str(_MEMORY), *map(str, folders)],
        cwd=folders[0].parent,
        env={
            **os.environ,
            "HF_ENDPOINT": made.url,
            "HF_TOKEN": made.token,
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS * len(folders),
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_a_malformed_folder_is_refused_in_a_sentence(outcomes, case):
    code, said, seconds, memory = outcomes[case]
    assert code == 2, said
    assert CASES[case][1] in said
    assert "Traceback" not in said
    assert (seconds < _SECONDS, memory << 10 < _MEMORY) == (True, True)


def test_nothing_of_them_was_published(hub, outcomes):
    refs = hub[1].list_repo_refs("acme/router")
    assert [branch.name for branch in refs.branches] == ["main"]
    assert (refs.tags, len(hub[1].list_repo_commits("acme/router"))) == ([], 1)


def test_a_folder_of_many_files_is_looked_through(tmp_path):
    from hubver.record.folder.files import select

    folder = write_adapter(tmp_path / "out")
    for number in range(5_000):
        (folder / f"{number}.txt").touch()
    chosen = select(folder)
    assert len(chosen.left_out) == 5_001


READERS = {
    "header": read_header,
    "metadata": read_metadata,
    "adapter": lambda file: adapter.normalised_config(file.read_bytes(), "acme/base", None),
    "record": lambda file: draft.read(file.parent),
    "state": lambda file: trainer_state.training_of(file.parent),
}
NAMES = st.sampled_from(
    [
        *("dtype", "shape", "data_offsets", "__metadata__", "F32", "format", "r", "target_modules", "log_history"),
        *("epoch", "global_step", "run_id", "created", "training", "code", "diff_sha256", "gaps", "base_model"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
BYTES = st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode())


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=BYTES, wrong=st.integers(-2, 2))
def test_no_bytes_make_a_reader_fail_otherwise_than_by_its_own_errors(reader, tmp_path, raw, wrong):
    name = {"record": "hubver-run.json", "state": "trainer_state.json"}.get(reader, "any")
    if reader in {"header", "metadata"}:
        raw = struct.pack("<Q", max(len(raw) + wrong, 0)) + raw
    (tmp_path / name).write_bytes(raw)
    try:
        READERS[reader](tmp_path / name)
    except BadInput:
        return  # its own word for what is wrong with the file
