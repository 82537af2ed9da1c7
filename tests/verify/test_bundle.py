"""What is a signature and what is not, by its bytes alone."""

from __future__ import annotations

import base64
import json

import pytest

from hubver.errors import BadDocument
from hubver.signing import bundle

PREDICATE = "https://model_signing/signature/v1.0"


def made(**changes) -> bytes:
    """A bundle that claims one file; `changes` to its statement's predicate, its kind or its material."""
    predicate = {
        "serialization": {"method": "files", "hash_type": "sha256"},
        "resources": [{"name": "a", "algorithm": "sha256", "digest": "00"}],
        **{name: value for name, value in changes.items() if name in {"serialization", "resources"}},
    }
    statement = changes.get("statement", {"predicateType": changes.get("kind", PREDICATE), "predicate": predicate})
    payload = changes.get("payload", base64.b64encode(json.dumps(statement).encode()).decode())
    material = changes.get("material", {"publicKey": {"hint": "ab"}})
    return json.dumps({"verificationMaterial": material, "dsseEnvelope": {"payload": payload}}).encode()


def test_what_a_signature_claims():
    assert bundle.read(made(), source="model.sig") == bundle.Claim("key", {"a": "00"}, "ab")


@pytest.mark.parametrize(
    ("material", "means"),
    [
        ({"publicKey": {}}, "key"),
        ({"x509CertificateChain": {"certificates": []}}, "certificate"),
        ({"certificate": {"rawBytes": ""}}, "sigstore"),
    ],
    ids=["key", "certificate", "sigstore"],
)
def test_by_what_means_it_was_made(material, means):
    assert bundle.read(made(material=material), source="model.sig").means == means
    assert bundle.first_certificate(made(material=material)) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff" * 100,
        b"[" * 100_000,
        made(payload="!"),
        made(payload="e30="),
        made(statement=[]),
        made(material={}),
        made(material={"publicKey": "ab"}),
        made(material="key"),
        made(serialization={}),
        made(serialization="files"),
        made(resources={"a": "00"}),
        made(resources=["a"]),
        made(resources=[{"name": "a"}]),
    ],
    ids=range(17),
)
def test_what_is_no_signature(raw):
    with pytest.raises(BadDocument, match="is not a signature"):
        bundle.read(raw, source="model.sig")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (made(kind="https://model_signing/Digests/v0.1"), "of another kind"),
        (made(serialization={"method": "shards", "hash_type": "sha256"}), "of another kind"),
        (made(serialization={"method": "files", "hash_type": "blake3"}), "of another kind"),
        (made(resources=[{"name": "a", "algorithm": "blake2", "digest": "00"}]), "of another kind"),
        (made(resources=[{"name": "a", "algorithm": "sha256", "digest": "00"}] * 2), "twice"),
    ],
    ids=["old", "shards", "blake3", "one blake2", "twice"],
)
def test_what_is_a_signature_of_another_kind(raw, words):
    with pytest.raises(BadDocument, match=words):
        bundle.read(raw, source="model.sig")


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        ("adapter_model.safetensors", True),
        ("run/code.diff", True),
        (".gitignore", True),
        ("sub/model.sig", True),
        ("model.sig", False),
        (".gitattributes", False),
        (".cache/huggingface/download/a.metadata", False),
        (".cache/other", True),
    ],
)
def test_what_a_signature_covers(path, signed):
    assert bundle.is_signed(path) is signed
