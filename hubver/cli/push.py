"""`hubver push`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli import announcing
from hubver.cli.output import give, headed, json_option, note, plain, step, warn
from hubver.cli.pending import publish_pending, refuse_beside_pending
from hubver.cli.signers import certificate_option, chain_option, signer_of, trust_config_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from hubver.record.folder.files import LeftOut
    from hubver.record.schema import Gap
    from hubver.versions import Bump

# How many files that stay home are worth a line each.
_SHOWN = 20


@click.command("push")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("repo", metavar="ORG/NAME", required=False)
@click.option("--version", metavar="X.Y.Z", help="The version to give it; the next one if left out.")
@click.option(
    "--bump",
    type=click.Choice(["major", "minor", "patch"]),
    help="Which part of the last version to raise; what changed decides if left out.",
)
@click.option("--pr", is_flag=True, help="Open a pull request and tag it vX.Y.Z-rc.N, instead of committing to main.")
@click.option("--message", "-m", help="One line: what is new in this run.")
@click.option(
    "--data",
    multiple=True,
    metavar="PATH|ORG/NAME@COMMIT",
    help="What it was trained on, where its record does not say; may be given several times.",
)
@click.option("--base", metavar="ORG/NAME[@REVISION]", help="The base model, where its record does not say.")
@click.option("--strict", is_flag=True, help="Refuse (exit code 1) a run that its record could not make again.")
@click.option("--sign", metavar="FILE|sigstore", help="Sign the commit by this private key, PEM, or by Sigstore.")
@certificate_option
@chain_option
@trust_config_option
@click.option(
    "--pending",
    is_flag=True,
    help="Publish what a training left waiting in its output folder FOLDER: checkpoints, and its end.",
)
@click.option("--no-dispatch", is_flag=True, help="Do not tell GitHub ([ci] github in hubver.toml) to judge it.")
@json_option
def command(
    folder: Path,
    repo: str | None,
    version: str | None,
    bump: Bump | None,
    pr: bool,
    message: str | None,
    data: tuple[str, ...],
    base: str | None,
    strict: bool,
    sign: str | None,
    certificate: Path | None,
    certificate_chain: tuple[Path, ...],
    trust_config: Path | None,
    pending: bool,
    no_dispatch: bool,
    as_json: bool,
) -> None:
    """Publish a training run: adapter, tokenizer, record and card in one commit, then the tag.

    FOLDER is where the trainer saved the model, with HubverCallback or without. What is not known of the run is listed,
    with what would fill it. Running it again after an interruption finishes the same push.

    Where hubver.toml names a repository on GitHub ([ci] github), its workflow is told to judge the version, by the token
    in HUBVER_GITHUB_TOKEN, else GITHUB_TOKEN.

    With --pending, ORG/NAME is needed only where the training did not say it.
    """
    from hubver.ci.dispatch import announce
    from hubver.hub import upload_memory
    from hubver.publish import push
    from hubver.settings import Settings
    from hubver.target import Target

    upload_memory.bound()
    if pending:
        refuse_beside_pending(click.get_current_context())
        publish_pending(folder, repo, as_json)
        return
    if repo is None:
        raise click.UsageError("Missing argument 'ORG/NAME'.")
    repo_id = Target.repo(repo)
    settings = Settings.load()
    signer = signer_of(sign, certificate, certificate_chain, trust_config, settings) if sign else None
    published = push(
        folder,
        repo_id,
        version=version,
        bump=bump,
        pr=pr,
        message=message,
        data=data,
        base=base,
        strict=strict,
        signer=signer,
        settings=settings,
        progress=step,
    )
    _list_left_out(published.left_out)
    _list_gaps(published.gaps)
    for hint in published.hints:
        warn(hint)
    announcement = None if no_dispatch else announce(published, settings)
    announcing.tell(announcement, published.version)

    def human() -> Text:
        done = "was already" if published.already else "is"
        why = f"  {published.proposal.bump}: {published.proposal.reason}\n" if published.proposal else ""
        where = f" as pull request #{published.pull_request}" if published.pull_request else ""
        return headed(
            published.version,
            f" {done} on the Hub{where}: {published.repo_id} at {published.sha[:8]}\n"
            f"{why}  {published.url}\n"
            f"{announcing.whose_turn(announcement, f'{published.repo_id}@{published.version}')}",
        )

    give({**plain(published), "dispatch": announcement}, as_json, human)


def _list_left_out(left_out: Sequence[LeftOut]) -> None:
    """What stayed home; of a folder that holds everything else as well, the first of it."""
    for left in left_out[:_SHOWN]:
        note(f"left out {left.path}: {left.reason}")
    if len(left_out) > _SHOWN:
        note(f"left out {len(left_out) - _SHOWN:,} more files and folders; --json names them all")


def _list_gaps(known: Sequence[Gap]) -> None:
    """What is not known of the run, by part, and what would fill it."""
    from hubver.record.gaps import grouped

    if known:
        note("not known of this run:")
    for group in grouped(known):
        note("  " + group.text.replace("\n", "\n  "))
