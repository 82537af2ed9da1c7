"""`hubver sign`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, step
from hubver.cli.signers import certificate_option, chain_option, signer_of, trust_config_option

if TYPE_CHECKING:
    from rich.text import Text


@click.command("sign")
@click.argument("target", metavar="ORG/NAME@REV")
@click.option("--key", required=True, metavar="FILE|sigstore", help="The private key, PEM, or the word sigstore.")
@certificate_option
@chain_option
@trust_config_option
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The revision's files on this machine, in place of a download.",
)
@json_option
def command(
    target: str,
    key: str,
    certificate: Path | None,
    certificate_chain: tuple[Path, ...],
    trust_config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Read and verify a published revision, sign it, and append the signature to the ledger.

    The password of an encrypted key is asked for, or taken from HUBVER_SIGN_PASSWORD; never from an option.
    """
    from hubver.settings import Settings
    from hubver.verification.countersign import sign

    settings = Settings.load()
    signer = signer_of(key, certificate, certificate_chain, trust_config, settings)
    done = sign(target, signer, folder=folder, settings=settings, progress=step)

    def human() -> Text:
        return headed(
            done.version or done.sha[:8],
            f" of {done.repo_id} is signed by {done.means}: {done.files} files\n"
            f"  commit {done.sha}\n  ledger {done.event}\n"
            f"Next: hubver verify {target} --require-signature --public-key FILE",
        )

    give(done, as_json, human)
