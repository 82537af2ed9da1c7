"""`hubver bom`."""

from __future__ import annotations

from pathlib import Path

import click

from hubver.cli.output import note


@click.command("bom")
@click.argument("target", metavar="ORG/NAME[@REV]")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.")
def command(target: str, output: Path | None) -> None:
    """Write a bill of materials of a revision: CycloneDX 1.6 JSON, with a model card. Without REV: production.

    It names the model with its files, the base at its commit, the data by their digests, the packages, the code's commit,
    and licences where cards say them. The same revision gives the same bytes.
    """
    from hubver.bom import bill_of_materials
    from hubver.settings import Settings

    made = bill_of_materials(target, settings=Settings.load())
    if output is None:
        click.echo(made.decode(), nl=False)
        return
    output.write_bytes(made)
    note(f"{output}: {len(made):,} bytes")
