"""`hubver hub`: the embedded Hub."""

from __future__ import annotations

import ipaddress
import shlex
from pathlib import Path

import click

from hubver.cli.output import note, warn


@click.group("hub")
def command() -> None:
    """Run a Hub of your own on this machine."""


@command.command("serve")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where it keeps all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 picks a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--publishers",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Trusted publishers and the public keys of their issuers, as JSON.",
)
def serve(root: Path, port: int, host: str, publishers: Path | None) -> None:
    """Serve models and datasets to every Hub client, until Ctrl-C. What it holds stays in ROOT."""
    from hubver.localhub import Trust, server

    def ready(environment: dict[str, str]) -> None:
        note(f"A Hub is at {environment['HF_ENDPOINT']}, kept in {root}. Ctrl-C stops it.")
        if not _is_loopback(host):
            warn(f"It listens on {host}, so other machines can reach it, and what they send is not encrypted.")
        note("In the shell that uses it:")
        for name, value in environment.items():
            click.echo(f"export {name}={shlex.quote(value)}")

    trust = Trust.read(publishers) if publishers else None
    server.serve(root, host=host, port=port, trust=trust, on_ready=ready)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
