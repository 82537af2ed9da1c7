"""What a lock file is, and each way in which bytes are none."""

from __future__ import annotations

import json
from string import ascii_letters

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubver.errors import BadDocument, BadInput
from hubver.locking.document import Lock, LockedFile, LockedModel

FILE = {"blob": "a" * 40, "sha256": "b" * 64, "size": 12}
MODEL = {
    "base": {"files": {"config.json": FILE | {"sha256": None}}, "repo_id": "acme/base", "sha": "c" * 40},
    "files": {"adapter_config.json": FILE, "adapter_model.safetensors": FILE},
    "ledger": "d" * 40,
    "record_sha256": "e" * 64,
    "revision": "production",
    "sha": "f" * 40,
    "version": "v1.0.0",
}


def lock(**models) -> dict:
    return {"format": "hubver.lock/1", "models": models or {"acme/router": MODEL}}


def raw(value: object) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def parse(data: bytes) -> Lock:
    return Lock.parse(data, source="hubver.lock")


def test_a_lock_file_is_read_and_written_byte_for_byte():
    data = raw(lock())
    assert parse(data).to_bytes() == data


def test_fields_that_a_newer_hubver_wrote_survive_wherever_they_stand():
    value = lock(
        **{
            "acme/router": MODEL
            | {"mood": ["good"], "files": MODEL["files"] | {"a": FILE | {"colour": {"red": 1.5}}}}
            | {"base": MODEL["base"] | {"origin": None}}
        }
    )
    data = raw(value | {"note": "é"}).replace(rb"\u00e9", "é".encode())
    assert parse(data).to_bytes() == data


_NAMES = st.text(ascii_letters, min_size=1, max_size=8)
_SHAS = st.text("0123456789abcdef", min_size=40, max_size=40)
_FILES = st.dictionaries(_NAMES, st.builds(LockedFile, size=st.integers(0, 1 << 50), blob=_SHAS))
_MODELS = st.builds(
    LockedModel,
    revision=_NAMES,
    sha=_SHAS,
    version=st.none() | _NAMES,
    record_sha256=st.just("0" * 64),
    ledger=st.none() | _SHAS,
    base=st.none(),
    files=_FILES,
)


@settings(max_examples=25)
@given(st.dictionaries(st.builds("{}/{}".format, _NAMES, _NAMES), _MODELS, max_size=3))
def test_the_same_models_are_the_same_bytes_in_whatever_order_they_came(models):
    there, back = Lock(models=models), Lock(models=dict(reversed(models.items())))
    assert there.to_bytes() == back.to_bytes()
    assert parse(there.to_bytes()) == there


def changed(path: str, value: object) -> bytes:
    """A lock with one field changed, named by its path."""
    whole = json.loads(raw(lock()))
    at, *steps = [whole, *path.split(" ")]
    for step in steps[:-1]:
        at = at[step]
    at[steps[-1]] = value
    return raw(whole)


ROUTER = "models acme/router"
DOUBLE = raw(lock()).replace(b'"models": {', b'"models": {"acme/router": {},')
CONFLICT = b"{\n<<<<<<< HEAD\n" + raw(lock())[2:] + b"=======\n>>>>>>> theirs\n"


@pytest.mark.parametrize(
    ("data", "said"),
    {
        "nothing": (b"", "is not valid JSON"),
        "half of it": (raw(lock())[:100], "is not valid JSON"),
        "TOML": (b'format = "hubver.lock/1"\n', "is not valid JSON"),
        "not text": (b'{"format": "\xff\xfe"}', "is not valid JSON"),
        "endless": (b"[" * 100_000, "is not valid JSON"),
        "a list": (b"[]", "is not a lock file: the top level"),
        "no format": (raw({"models": {}} | {"format": None}), "format: "),
        "an empty object": (b"{}", "is no lock file"),
        "another tool's file": (raw({"name": "app", "models": {}}), "is no lock file"),
        "an adapter without a base": (changed(f"{ROUTER} base", None), "an adapter has a base"),
        "a newer format": (changed("format", "hubver.lock/2"), "format: Input should be 'hubver.lock/1'"),
        "another document": (changed("format", "hubver.run/1"), "format: "),
        "a conflict": (CONFLICT, "holds a merge conflict, at line 2"),
        "a conflict's end alone": (raw(lock()) + b">>>>>>> theirs\n", "holds a merge conflict"),
        "a model twice": (DOUBLE, "names acme/router twice"),
        "models as a list": (changed("models", [MODEL]), "models: "),
        "a repository of no name": (raw(lock(router=MODEL)), "models.router"),
        "a sha that is short": (changed(f"{ROUTER} sha", "abc"), "models.acme/router.sha"),
        "a sha with a line": (changed(f"{ROUTER} sha", "f" * 40 + "\n"), "models.acme/router.sha"),
        "a branch for a sha": (changed(f"{ROUTER} base sha", "main"), "models.acme/router.base.sha"),
        "no revision": (changed(f"{ROUTER} revision", ""), "models.acme/router.revision"),
        "a digest that is short": (changed(f"{ROUTER} record_sha256", "ab"), "record_sha256"),
        "a size in words": (changed(f"{ROUTER} files a", FILE | {"size": "12"}), "files.a.size"),
        "a size below nothing": (changed(f"{ROUTER} files a", FILE | {"size": -1}), "files.a.size"),
        "a file outside": (changed(f"{ROUTER} files ../../etc/passwd", FILE), "no path inside a repository"),
        "a file at the top": (changed(f"{ROUTER} files /etc/passwd", FILE), "no path inside a repository"),
        "a file of no name": (changed(f"{ROUTER} files a//b", FILE), "no path inside a repository"),
        "a path of Windows": (changed(f"{ROUTER} files ..\\x", FILE), "no path inside a repository"),
        "a file without a blob": (changed(f"{ROUTER} files a", {"size": 1}), "files.a.blob"),
    }.values(),
    ids=lambda value: None if isinstance(value, bytes) else value[:30],
)
def test_what_is_no_lock_file_is_refused_in_a_sentence_with_a_way_out(data, said):
    with pytest.raises(BadDocument) as refused:
        parse(data)
    assert said in str(refused.value)
    assert str(refused.value).startswith("hubver.lock ")
    assert refused.value.hint
    assert "\n" not in refused.value.fact


def test_a_newer_format_asks_for_an_upgrade_and_a_broken_file_for_the_old_one():
    hints = []
    for data in (changed("format", "hubver.lock/2"), changed("models", 3)):
        with pytest.raises(BadDocument) as refused:
            parse(data)
        hints.append(refused.value.hint)
    assert "pip install -U hubver" in hints[0]
    assert "git checkout hubver.lock" in hints[1]


def test_a_model_is_named_unless_there_is_only_one():
    one, two = parse(raw(lock())), parse(raw(lock(**{"acme/router": MODEL, "acme/other": MODEL})))
    assert one.model(None, source="hubver.lock")[0] == "acme/router"
    assert two.model("acme/other", source="hubver.lock")[0] == "acme/other"
    for document, name, said in (
        (two, None, "does not say which model is meant"),
        (Lock(), None, "does not say which model is meant"),
        (one, "acme/other", "does not lock acme/other"),
    ):
        with pytest.raises(BadInput, match=said):
            document.model(name, source="hubver.lock")
