"""`hubver`: the one place that catches errors and decides the exit code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import click

from hubver import __version__
from hubver.errors import HubverError

# Command → module and its short help; a module is imported when its command is called, so `--help` stays light.
_COMMANDS = {
    "push": ("hubver.cli.push", "Publish a training run: one commit, one tag, one card."),
    "gate": ("hubver.cli.gate", "Judge a revision with the project's gates."),
    "promote": ("hubver.cli.promote", "Move production to a revision that passed its gate."),
    "rollback": ("hubver.cli.rollback", "Move production back to a rollback point."),
    "status": ("hubver.cli.status", "Show what is in production, and the way back."),
    "log": ("hubver.cli.log", "Show what happened: versions, verdicts, promotions, rollbacks."),
    "resolve": ("hubver.cli.resolve", "Say which commits a revision pins, and how to load it."),
    "hub": ("hubver.cli.hub", "Run a Hub of your own on this machine."),
    "demo": ("hubver.cli.demo", "See the whole road in two minutes, without an account."),
}


class _Lazy(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[name][0]).command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="hubver %(version)s")
def cli() -> None:
    r"""From the end of training to production on the Hugging Face Hub, and back again when it misbehaves.

    \b
      hubver push ./out acme/router        one commit, one tag, one card
      hubver gate acme/router@v1.1.0       pytest, on exactly that commit, against production
      hubver promote acme/router@v1.1.0    production moves, the rollback point is tagged
      hubver rollback acme/router          and back, at once

    Exit codes: 0 yes; 1 the gate or a check says no; 2 wrong usage, input or configuration; 3 the Hub, the network or
    the tool failed.
    """


def main() -> NoReturn:
    """Run the command line and exit with the documented code."""
    _quiet_libraries()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command, say what went wrong, and return the exit code."""
    try:
        code = cli.main(arguments, prog_name="hubver", standalone_mode=False)
    except HubverError as error:
        _say(str(error), error.hint)
        return error.exit_code
    except click.ClickException as error:
        _say(error.format_message(), _usage_hint(error))
        return 2
    except (KeyboardInterrupt, click.Abort):
        _say("stopped.", "Run the same command again: it goes on where it stopped.")
        return 130
    except BrokenPipeError:
        # The reader of our output (`| head`) has gone; point stdout elsewhere so that Python's own flush is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if os.environ.get("HUBVER_DEBUG"):
            raise
        _say(
            f"a fault in hubver itself ({type(error).__name__}).",
            "Set HUBVER_DEBUG=1 and run it again for the details to report.",
        )
        return 3
    return code if isinstance(code, int) else 0


def _say(fact: str, hint: str | None) -> None:
    click.secho("hubver: ", err=True, fg="red", bold=True, nl=False)
    click.echo(fact, err=True)
    if hint:
        click.secho(f"  {hint}", err=True)


def _usage_hint(error: click.ClickException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"See: {context.command_path} --help" if context is not None else None


def _quiet_libraries() -> None:
    """Keep urllib3's retry notices, which name addresses, off the user's terminal."""
    import logging

    logging.getLogger("urllib3").setLevel(logging.ERROR)
