from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def keys(tmp_path: Path):
    """Makes key pairs: `keys("name")` gives the files of a private key and of its public one."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def make(name: str, *, password: bytes | None = None):
        key = ec.generate_private_key(ec.SECP256R1())
        lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        private, public = tmp_path / f"{name}.pem", tmp_path / f"{name}.pub"
        pem = serialization.Encoding.PEM
        private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, lock))
        public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
        return private, public

    return make


@pytest.fixture
def certificates(tmp_path: Path):
    """Makes a root and a signer under it: `certificates("name", days=30)` gives key, certificate and root."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def make(name: str, *, days: int = 30):
        now = datetime.now(timezone.utc)
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

        def certify(subject: str, of, *, ca: bool, until: int):
            named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
            issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} root")])
            return (
                x509.CertificateBuilder()
                .subject_name(named)
                .issuer_name(issuer)
                .public_key(of.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(days=90))
                .not_valid_after(now + timedelta(days=until))
                .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                .add_extension(
                    x509.KeyUsage(
                        digital_signature=not ca,
                        key_cert_sign=ca,
                        crl_sign=ca,
                        content_commitment=False,
                        key_encipherment=False,
                        data_encipherment=False,
                        key_agreement=False,
                        encipher_only=False,
                        decipher_only=False,
                    ),
                    critical=True,
                )
                .sign(root_key, hashes.SHA256())
            )

        pem = serialization.Encoding.PEM
        files = [tmp_path / f"{name}-{part}.pem" for part in ("key", "certificate", "root")]
        files[0].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        files[1].write_bytes(certify(f"{name} signer", key, ca=False, until=days).public_bytes(pem))
        files[2].write_bytes(certify(f"{name} root", root_key, ca=True, until=365).public_bytes(pem))
        return files

    return make
