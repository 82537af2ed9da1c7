"""By what somebody signs, and what somebody trusts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr


@dataclass(frozen=True)
class Key:
    """Sign by a private key: PEM, on the curve P-256, P-384 or P-521.

    Attributes:
        password: of the key, where it is encrypted.
    """

    file: Path
    password: SecretStr | None = None


@dataclass(frozen=True)
class Certificate:
    """Sign by a private key, not encrypted, and show the certificate for it.

    Attributes:
        chain: the certificates from the signer's to the root, PEM, without the signer's own.
    """

    key: Path
    certificate: Path
    chain: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Keyless:
    """Sign as an identity, by Sigstore: a certificate for some minutes, and a line in a public log.

    Attributes:
        token: an OpenID Connect token that says who signs; None to take the CI system's own, else to ask in a browser.
        trust_config: which Sigstore, if not the public one: a ClientTrustConfig, JSON.
    """

    token: SecretStr | None = None
    trust_config: Path | None = None


@dataclass(frozen=True)
class PublicKey:
    """Trust whoever has the private key to this public one, PEM."""

    file: Path

    def __str__(self) -> str:
        return f"the key to {self.file.name}"


@dataclass(frozen=True)
class Roots:
    """Trust whoever shows a certificate that leads to one of these, PEM, and that has not expired."""

    files: tuple[Path, ...]

    def __str__(self) -> str:
        return f"a certificate that leads to {', '.join(file.name for file in self.files)}"


@dataclass(frozen=True)
class Identity:
    """Trust an identity that a provider vouched for, as Sigstore logged it.

    Attributes:
        name: such as `https://github.com/acme/router/.github/workflows/train.yml@refs/heads/main`, or a mail address.
        provider: such as `https://token.actions.githubusercontent.com`.
        trust_config: see `Keyless`.
    """

    name: str
    provider: str
    trust_config: Path | None = None

    def __str__(self) -> str:
        return f"{self.name}, by {self.provider}"


def means(signer: Signer) -> str:
    """How a signature of this signer is made: `key`, `certificate` or `sigstore`."""
    return {Key: "key", Certificate: "certificate", Keyless: "sigstore"}[type(signer)]


Signer: TypeAlias = "Key | Certificate | Keyless"
Trust: TypeAlias = "PublicKey | Roots | Identity"
