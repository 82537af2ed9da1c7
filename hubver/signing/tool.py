"""Signatures by OpenSSF model-signing: made and checked by its own code, over digests that are known already.

That package hashes a folder; a push has hashed its files before, and a verification takes the Hub's word for large ones.
Its hashing configuration is a seam: one that answers with known digests signs and checks without reading a byte.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.errors import BadInput, HubFailed, HubUnreachable, MissingPackage, Untrusted
from hubver.signing.bundle import NOT_SIGNED, SIGNATURE_FILE, Claim, first_certificate
from hubver.signing.parties import Certificate, Identity, Key, PublicKey, Roots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from hubver.signing.parties import Signer, Trust


def sign(signer: Signer, files: Mapping[str, str], *, name: str) -> bytes:
    """A signature over these files, as a bundle.

    Args:
        files: sha256 by path; without what `bundle.is_signed` excludes.
        name: of the model, for people; it decides nothing.

    Raises:
        MissingPackage: the extra `hubver[sign]` is not installed.
        BadInput: the key, its password or the certificate cannot be used.
        HubFailed: Sigstore did not sign.
    """
    signing = _package("signing")
    with tempfile.TemporaryDirectory(prefix="hubver-sign-") as folder:
        path = Path(folder, SIGNATURE_FILE)
        with _quiet():
            config = _signing(signing.Config(), signer).set_hashing_config(_known(files, name))
            try:
                config.sign(name, path)
            except Exception as error:  # noqa: BLE001  # each library below it has its own
                raise HubFailed(
                    "The signature could not be made.",
                    found=_words(error),
                    hint="Signing by identity needs Sigstore; run it again, or sign by a key.",
                ) from None
        return path.read_bytes()


def check(raw: bytes, claim: Claim, trust: Trust, *, now: datetime) -> None:
    """Raise unless the signature is by whom is trusted, over exactly what it claims.

    Args:
        claim: what `bundle.read` made of the same bytes. The package reads them itself; both must agree.
        now: the time, aware of its zone. A certificate must be valid now: nothing else tells when a key signed.

    Raises:
        Untrusted: it does not hold, with the reason.
        MissingPackage: the extra `hubver[sign]` is not installed.
        BadInput: the key, the certificates or the trust configuration cannot be read.
    """
    verifying = _package("verifying")
    _check_means(claim, trust)
    if isinstance(trust, Roots):
        _check_time(raw, now)
    with tempfile.TemporaryDirectory(prefix="hubver-verify-") as folder:
        path = Path(folder, SIGNATURE_FILE)
        path.write_bytes(raw)
        with _quiet():
            config = _verifying(verifying.Config(), trust).set_hashing_config(_known(claim.files, "model"))
            try:
                config.verify(Path(folder), path)
            except Exception as error:  # noqa: BLE001  # each library below it has its own; all of them mean no
                raise Untrusted("The signature does not hold.", found=_words(error)) from None


def _signing(config: Any, signer: Signer) -> Any:
    try:
        if isinstance(signer, Key):
            # Its annotation says text; what it hands the password to wants bytes (model-signing 1.1.1).
            password = signer.password.get_secret_value().encode() if signer.password else None
            return config.use_elliptic_key_signer(private_key=signer.file, password=password)
        if isinstance(signer, Certificate):
            return config.use_certificate_signer(
                private_key=signer.key, signing_certificate=signer.certificate, certificate_chain=signer.chain
            )
        token = signer.token.get_secret_value() if signer.token else None
        return config.use_sigstore_signer(
            identity_token=token, use_ambient_credentials=token is None, trust_config=signer.trust_config
        )
    except Exception as error:  # noqa: BLE001  # whatever a wrong key, password or file makes the libraries raise
        _blame_the_network(error)
        raise BadInput(
            "This cannot be signed with.",
            found=_words(error),
            hint="A key is PEM, on the curve P-256, P-384 or P-521; its password is asked for, or in HUBVER_SIGN_PASSWORD.",
        ) from None


def _verifying(config: Any, trust: Trust) -> Any:
    try:
        if isinstance(trust, PublicKey):
            return config.use_elliptic_key_verifier(public_key=trust.file)
        if isinstance(trust, Roots):
            return config.use_certificate_verifier(certificate_chain=trust.files)
        return config.use_sigstore_verifier(
            identity=trust.name, oidc_issuer=trust.provider, trust_config=trust.trust_config
        )
    except Exception as error:  # noqa: BLE001  # whatever a wrong file makes the libraries raise
        _blame_the_network(error)
        raise BadInput("What is to be trusted cannot be read.", found=_words(error)) from None


def _check_means(claim: Claim, trust: Trust) -> None:
    wanted = {PublicKey: "key", Roots: "certificate", Identity: "sigstore"}[type(trust)]
    if claim.means != wanted:
        raise Untrusted("The signature was made by other means.", expected=wanted, found=claim.means)


def _check_time(raw: bytes, now: datetime) -> None:
    """model-signing asks whether the chain was valid when the certificate began, and never when it ends."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(first_certificate(raw) or b"")
    except ValueError:
        raise Untrusted("The signature's certificate cannot be read.") from None
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= now <= end:
        raise Untrusted(
            "The signer's certificate is not valid now, and nothing tells that it was when this was signed.",
            expected=f"a day from {begin:%Y-%m-%d} to {end:%Y-%m-%d}",
            found=f"{now:%Y-%m-%d}",
        )


def _known(files: Mapping[str, str], name: str) -> Any:
    """A hashing configuration that answers with these digests, whatever lies in the folder."""
    hashing, manifest = _package("hashing"), _package("manifest")

    class Known(hashing.Config):  # type: ignore[misc,name-defined]  # a class of a package that is imported when needed
        def hash(self, _folder: object, *, files_to_hash: object = None) -> Any:  # noqa: ARG002
            kind = manifest.SerializationType.from_args(
                {
                    "method": "files",
                    "hash_type": "sha256",
                    "allow_symlinks": False,
                    "ignore_paths": sorted(NOT_SIGNED),
                }
            )
            items = [
                kind.new_item(path, manifest.hashing.Digest("sha256", bytes.fromhex(value)))
                for path, value in files.items()
            ]
            return manifest.Manifest(name, items, kind)

    return Known()


def _package(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"model_signing.{module}")
    except ImportError as error:
        raise MissingPackage(
            f"Signatures need a package that is not installed ({error.name}).",
            hint="Install it with: pip install 'hubver[sign]'",
        ) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The package prints warnings on standard output, where only data belongs."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _blame_the_network(error: Exception) -> None:
    """Sigstore's roots of trust are fetched before anything is read.

    Raises:
        HubUnreachable: they could not be.
    """
    from sigstore.errors import NetworkError, TUFError

    if isinstance(error, NetworkError | TUFError):
        raise HubUnreachable(
            "Sigstore did not answer.", found=_words(error), hint="Try again, or name a Sigstore by --trust-config."
        ) from None


def _words(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0] or type(error).__name__
