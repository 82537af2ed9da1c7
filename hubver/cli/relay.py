"""`hubver relay`."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubver.cli.output import give, json_option, note, step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubver.ci.relay.forwarding import Forwarder
    from hubver.ci.relay.job import Done
    from hubver.ci.relay.space import Space
    from hubver.settings import Settings


@click.command("relay")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="ORG/NAME[=OWNER/REPO]",
    help="A model to watch, and the repository on GitHub whose workflow judges it; may be given several times.",
)
@click.option(
    "--github", metavar="OWNER/REPO", help="For models that name none; [ci] github of hubver.toml if left out."
)
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0 picks a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 in a Space.")
@click.option("--job", is_flag=True, help="Do it for the one event that started this Job on the Hub, and end.")
@click.option(
    "--write-space",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the files of a Space that runs this, and end.",
)
@json_option
def command(
    models: tuple[str, ...],
    github: str | None,
    port: int,
    host: str,
    job: bool,
    write_space: Path | None,
    as_json: bool,
) -> None:
    """Turn webhooks of the Hub into gates on GitHub, until Ctrl-C.

    The Hub posts its events to /webhook, with the secret in HUBVER_WEBHOOK_SECRET. Where one brings a candidate that
    waits for its verdict, the workflow on GitHub is started by the token in HUBVER_GITHUB_TOKEN, once.

    \b
    With --job: 0 it was dispatched, or there is nothing to do; 1 the secret is
    another webhook's; 2 the configuration or the event cannot be used; 3 the
    Hub or GitHub failed.
    """  # noqa: D301  # click's sign for a paragraph that keeps its lines
    from hubver.ci.relay import setup
    from hubver.ci.relay.forwarding import Forwarder
    from hubver.settings import Settings

    settings = Settings.load()
    routes = setup.routes(models, github or settings.ci.github)
    if write_space is not None:
        from hubver.ci.relay import space

        written = space.write(write_space, routes)
        give(written, as_json, lambda: _next_steps(written, routes))
        return
    secret = setup.need_secret(settings.relay.secret)
    forwarder = Forwarder(settings, routes)
    if job:
        _one_event(settings, secret, forwarder, as_json)
    else:
        from hubver.ci.relay.server import serve

        serve(forwarder, secret, host=host, port=port, tell=_log)


def _log(line: str) -> None:
    note(f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {line}")


def _one_event(settings: Settings, secret: bytes, forwarder: Forwarder, as_json: bool) -> None:
    from hubver.ci.relay import job

    done = job.run(settings.relay, secret, forwarder, step)
    give(done, as_json, lambda: _told(done))


def _told(done: Done) -> str:
    return f"ignored: {done.ignored}" if done.ignored else "\n".join(str(outcome) for outcome in done.outcomes)


def _next_steps(space: Space, routes: Mapping[str, str]) -> str:
    names = " and ".join(space.written)
    done = f"Wrote {names} into {space.folder}." if names else f"{space.folder} holds all of it already."
    watched = " ".join(f"--watch model:{repo_id}" for repo_id in routes)
    return (
        f"{done}\n"
        "Next, with the secrets in your environment:\n"
        "  hf repos create ORG/relay --type space --sdk docker "
        "--secrets HUBVER_WEBHOOK_SECRET --secrets HUBVER_GITHUB_TOKEN\n"
        f"  hf upload ORG/relay {space.folder} --type space\n"
        f"  hf webhooks create --url https://ORG-relay.hf.space/webhook {watched} "
        '--secret "$HUBVER_WEBHOOK_SECRET"'
    )
