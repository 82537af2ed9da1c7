"""What a signature says it covers, and by what means it was made. Pure; whether it holds is for `hubver.signing.tool`.

The format is OpenSSF model-signing's (predicate `https://model_signing/signature/v1.0`): an in-toto statement that lists
every file with its digest, in a DSSE envelope, in a Sigstore bundle.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubver.errors import BadDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNATURE_FILE = "model.sig"
# Beside itself: what the Hub writes, and what its client leaves in a folder that it fills.
NOT_SIGNED = (SIGNATURE_FILE, ".cache/huggingface", ".git", ".gitattributes")
_PREDICATE = "https://model_signing/signature/v1.0"


@dataclass(frozen=True)
class Claim:
    """What a signature says. Nothing of it is true before the signature has been checked.

    Attributes:
        means: `key`, `certificate` or `sigstore`.
        files: sha256 by path.
        signer: what names the signer in the bundle: the sha256 of the public key; None for other means.
    """

    means: str
    files: Mapping[str, str]
    signer: str | None


def is_signed(path: str) -> bool:
    """Whether a signature covers a file of this name."""
    return not any(path == name or path.startswith(f"{name}/") for name in NOT_SIGNED)


def read(raw: bytes, *, source: str) -> Claim:
    """Read a bundle.

    Raises:
        BadDocument: it is none, or one whose digests are not sha256 of whole files.
    """
    try:
        bundle = json.loads(raw)
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True))
        means, signer = _means(bundle["verificationMaterial"])
        kind, predicate = statement["predicateType"], statement["predicate"]
        method = predicate["serialization"]["method"], predicate["serialization"]["hash_type"]
        files = [(str(item["name"]), item["algorithm"], str(item["digest"])) for item in predicate["resources"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise BadDocument(f"{source} is not a signature.", expected="a bundle of OpenSSF model-signing") from None
    if kind != _PREDICATE or method != ("files", "sha256") or any(algorithm != "sha256" for _, algorithm, _ in files):
        raise BadDocument(
            f"{source} is a signature of another kind.",
            expected="sha256 of whole files",
            found=f"{method[1]} of {method[0]}, {kind}",
            hint="Check it on a download with: model_signing verify",
        )
    if len({name for name, _, _ in files}) != len(files):
        raise BadDocument(f"{source} names a file twice.")
    return Claim(means, {name: value for name, _, value in files}, signer)


def _means(material: dict[str, Any]) -> tuple[str, str | None]:
    if "publicKey" in material:
        hint = material["publicKey"].get("hint")
        return "key", hint if isinstance(hint, str) else None
    if "x509CertificateChain" in material:
        return "certificate", None
    if "certificate" in material:
        return "sigstore", None
    raise ValueError


def first_certificate(raw: bytes) -> bytes | None:
    """The signer's certificate in a bundle, in DER; None where it holds none."""
    try:
        chain = json.loads(raw)["verificationMaterial"]["x509CertificateChain"]
        return base64.b64decode(chain["certificates"][0]["rawBytes"])
    except (ValueError, LookupError, TypeError):
        return None
