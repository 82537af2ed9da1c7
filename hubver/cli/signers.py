"""The options of the commands that sign: by which key, certificate or identity."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.errors import BadInput

if TYPE_CHECKING:
    from pydantic import SecretStr

    from hubver.settings import Settings
    from hubver.signing.parties import Signer

# What stands in place of a key, to sign as an identity.
SIGSTORE = "sigstore"
_FILE = click.Path(path_type=Path, dir_okay=False)

certificate_option = click.option(
    "--certificate", type=_FILE, help="The signer's certificate, PEM; the signature shows it."
)
chain_option = click.option(
    "--certificate-chain",
    type=_FILE,
    multiple=True,
    help="Certificates from the signer's to the root, PEM; may be given several times.",
)
trust_config_option = click.option(
    "--trust-config", type=_FILE, help="Which Sigstore, if not the public one: a ClientTrustConfig, JSON."
)


def signer_of(
    key: str, certificate: Path | None, chain: tuple[Path, ...], trust_config: Path | None, settings: Settings
) -> Signer:
    """By what to sign. The password of an encrypted key is asked for where the environment does not hold it.

    Args:
        key: a file, or `sigstore`.

    Raises:
        BadInput: the options do not go together, or the key cannot be read.
    """
    from hubver.signing import parties

    if key == SIGSTORE:
        if certificate or chain:
            raise BadInput("Signing by Sigstore makes a certificate of its own.", hint="Leave --certificate out.")
        return parties.Keyless(trust_config=trust_config)
    try:
        encrypted = b"ENCRYPTED" in Path(key).read_bytes()
    except OSError as error:
        raise BadInput(f"The key {key} cannot be read: {error.strerror}.") from None
    if certificate is None:
        if chain:
            raise BadInput("A chain without the signer's certificate leads nowhere.", hint="Add --certificate FILE.")
        return parties.Key(Path(key), _password(key, settings) if encrypted else None)
    if encrypted:
        raise BadInput(
            f"{key} is encrypted, and model-signing takes no password for a key with a certificate.",
            hint="Sign with a key that is not, from a place that only the signer can read.",
        )
    return parties.Certificate(Path(key), certificate, chain)


def _password(key: str, settings: Settings) -> SecretStr:
    from pydantic import SecretStr

    if settings.sign_password is not None:
        return settings.sign_password
    if not sys.stdin.isatty():
        raise BadInput(f"{key} is encrypted.", hint="Put its password into HUBVER_SIGN_PASSWORD.")
    return SecretStr(click.prompt(f"Password of {key}", hide_input=True, err=True))
