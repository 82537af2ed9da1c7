"""`hubver verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, headed, json_option, plain, step, visible
from hubver.cli.signers import trust_config_option
from hubver.errors import BadInput

if TYPE_CHECKING:
    from rich.text import Text

    from hubver.signing.parties import Trust
    from hubver.verification import Report

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("verify")
@click.argument("target", metavar="ORG/NAME[@REV]")
@click.option("--download", is_flag=True, help="Fetch and read every file, in place of believing the Hub's digests.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Read the revision's files in a folder on this machine.",
)
@click.option("--require-signature", is_flag=True, help="Refuse a revision that nobody who is trusted has signed.")
@click.option("--public-key", type=_FILE, help="Trust the key to this public one, PEM.")
@click.option(
    "--certificate-chain",
    type=_FILE,
    multiple=True,
    help="Trust certificates that lead to one of these, PEM; may be given several times.",
)
@click.option("--identity", help="Trust this identity, as Sigstore logged it: a mail address, or a CI job's address.")
@click.option("--identity-provider", help="Who vouched for the identity, such as https://github.com/login/oauth.")
@trust_config_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    target: str,
    download: bool,
    folder: Path | None,
    require_signature: bool,
    public_key: Path | None,
    certificate_chain: tuple[Path, ...],
    identity: str | None,
    identity_provider: str | None,
    trust_config: Path | None,
    as_json: bool,
) -> None:
    """Check a published revision: files, record, tag, ledger, card, signatures. Without REV: production.

    Large files are believed to be what the Hub stores them as, unless --download or --folder has them read here.

    Exit codes: 0 everything is as it should be; 1 something is not, one line for each; 2 the command or a key is wrong;
    3 the Hub or the network failed.
    """
    from hubver.verification import verify

    trust = _trust(public_key, certificate_chain, identity, identity_provider, trust_config)
    report = verify(
        target,
        folder=folder,
        download=download,
        trust=trust,
        require_signature=require_signature,
        progress=step,
    )
    give({**plain(report), "passed": report.passed} if as_json else report, as_json, lambda: _human(report))
    if not report.passed:
        context.exit(1)


def _trust(
    public_key: Path | None,
    chain: tuple[Path, ...],
    identity: str | None,
    provider: str | None,
    trust_config: Path | None,
) -> Trust | None:
    from hubver.signing import parties

    if (identity is None) != (provider is None):
        raise BadInput("An identity is one only with its provider.", hint="Give --identity and --identity-provider.")
    found: list[Trust] = []
    if public_key is not None:
        found.append(parties.PublicKey(public_key))
    if chain:
        found.append(parties.Roots(chain))
    if identity is not None and provider is not None:
        found.append(parties.Identity(identity, provider, trust_config))
    if len(found) > 1:
        raise BadInput("One of a key, certificates and an identity can be trusted at a time.")
    return found[0] if found else None


def _human(report: Report) -> Text:
    from rich.text import Text

    verdict = "is as it was published" if report.passed else "is not as it was published"
    text = headed(f"{report.repo_id}@{report.revision}", f" {verdict} ({report.sha[:8]})\n")
    text.append(f"  {report.files} files of the record are as it says; {report.read / 1e6:.1f} MB were read here\n")
    if report.signatures:
        text.append(f"  signatures by whom is trusted: {report.signatures}\n")
    for finding in report.findings:
        text.append("  ✗ ", style="red").append(f"{visible(str(finding))}\n")
    for note in report.notes:
        text.append(f"  · {visible(note)}\n", style="dim")
    return Text.assemble(text[:-1])
