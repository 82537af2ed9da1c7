"""`hubver`: the one place that catches errors and decides the exit code."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from hubver import __version__
from hubver.cli.output import visible
from hubver.errors import HubverError

if TYPE_CHECKING:
    from types import FrameType

# Command → module and its short help; a module is imported when its command is called, so `--help` stays light.
_COMMANDS = {
    "init": ("hubver.cli.init", "Set up gates and their CI in a project."),
    "push": ("hubver.cli.push", "Publish a training run: one commit, one tag, one card."),
    "gate": ("hubver.cli.gate", "Judge a revision with the project's gates."),
    "compare": ("hubver.cli.compare", "Compare two models on the same examples."),
    "bisect": ("hubver.cli.bisect", "Find the first version that a gate refuses."),
    "promote": ("hubver.cli.promote", "Move production to a revision that passed its gate."),
    "smoke": ("hubver.cli.smoke", "See whether what was promoted answers."),
    "rollback": ("hubver.cli.rollback", "Move production back to a rollback point."),
    "quarantine": ("hubver.cli.quarantine", "Keep a revision out of all channels, or let it in again."),
    "prune": ("hubver.cli.prune", "Propose what of a repository may go, and delete it on demand."),
    "status": ("hubver.cli.status", "Show what is in production, and the way back."),
    "doctor": ("hubver.cli.doctor", "Find what was moved behind hubver's back, and put it right."),
    "show": ("hubver.cli.show", "Show how a revision was made."),
    "diff": ("hubver.cli.diff", "Say what differs between two revisions, and which factor changed."),
    "log": ("hubver.cli.log", "Show what happened: versions, verdicts, promotions, rollbacks."),
    "history": ("hubver.cli.history", "Say what was in production, then or ever."),
    "export": ("hubver.cli.export", "Write the whole audit trail into one file, or check one."),
    "resolve": ("hubver.cli.resolve", "Say which commits a revision pins, and how to load it."),
    "lock": ("hubver.cli.lock", "Pin an application's models in its hubver.lock, or check the pins."),
    "verify": ("hubver.cli.verify", "Check files, record, tag, ledger and signatures of a revision."),
    "sign": ("hubver.cli.sign", "Sign a published revision."),
    "reproduce": ("hubver.cli.reproduce", "Run a published training again, and compare the bytes."),
    "bom": ("hubver.cli.bom", "Write a bill of materials (CycloneDX) of a revision."),
    "ci": ("hubver.cli.ci", "Run one step of a GitHub workflow, and tell what came of it."),
    "relay": ("hubver.cli.relay", "Turn webhooks of the Hub into gates on GitHub."),
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


# `\b` keeps click from filling the paragraph. No docstring, because there it would have to be a raw control character.
_HELP = """From the end of training to production on the Hugging Face Hub, and back again when it misbehaves.

\b
  hubver push ./out acme/router       one commit, one tag, one card
  hubver gate acme/router@v1.1.0      pytest, on exactly that commit
  hubver promote acme/router@v1.1.0   production moves, with a way back
  hubver rollback acme/router         and back, at once

Exit codes: 0 yes; 1 the gate or a check says no; 2 wrong usage, input or configuration; 3 the Hub, the network or the
tool failed.
"""
# Since click 8.2, a group that is called without a command; before, click ends by itself.
_NO_COMMAND = getattr(click.exceptions, "NoArgsIsHelpError", ())


class _Terminated(BaseException):
    """The process was asked to end (SIGTERM): what it started must end too, as after Ctrl-C."""


@click.group(cls=_Lazy, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="hubver %(version)s")
def cli() -> None:
    """Hold the commands."""


def main() -> NoReturn:
    """Run the command line and exit with the documented code."""
    _quiet_libraries()
    _no_other_tokens()
    _settle_streams()
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command, say what went wrong, and return the exit code."""
    try:
        code = cli.main(arguments, prog_name="hubver", standalone_mode=False)
    except HubverError as error:
        _say(str(error), error.hint)
        return error.exit_code
    except _NO_COMMAND as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        _say(error.format_message(), _usage_hint(error))
        return 2
    except (KeyboardInterrupt, click.Abort):
        _say("stopped.", "Run the same command again: what is done stays done.")
        return 130
    except _Terminated:
        _say("ended by SIGTERM.", "Run the same command again: what is done stays done.")
        return 143
    except BrokenPipeError:
        # The reader of our output (`| head`) has gone; point stdout elsewhere so that Python's own flush is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if os.environ.get("HUBVER_DEBUG"):
            raise
        _say(*_unforeseen(error))
        return 3
    return code if isinstance(code, int) else 0


def _unforeseen(error: Exception) -> tuple[str, str]:
    """What to say of an error that is not hubver's own, and what to do about it."""
    if isinstance(error, OSError) and error.strerror:
        # A full disk, a folder that is gone: the system says it best.
        where = f": {error.filename}" if error.filename else ""
        return f"the system refused ({error.strerror}{where}).", "Set HUBVER_DEBUG=1 and run it again for the details."
    return (
        f"a fault in hubver itself ({type(error).__name__}).",
        "Set HUBVER_DEBUG=1 and run it again for the details to report.",
    )


def _say(fact: str, hint: str | None) -> None:
    click.secho("hubver: ", err=True, fg="red", bold=True, nl=False)
    click.echo(visible(fact), err=True)
    if hint:
        click.secho(f"  {visible(hint)}", err=True)


def _usage_hint(error: click.ClickException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"See: {context.command_path} --help" if context is not None else None


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated


def _settle_streams() -> None:
    """Where the locale's encoding lacks a letter, print its number rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _no_other_tokens() -> None:
    """Where tokens are exchanged, keep the Hub's client from exchanging one of its own: each request is told its token."""
    if os.environ.get("HF_OIDC_RESOURCE"):
        os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"  # noqa: S105  # a switch, read when huggingface_hub is imported


def _quiet_libraries() -> None:
    """Keep urllib3's retry notices, which name addresses, off the user's terminal, and progress bars out of log files."""
    import logging

    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
