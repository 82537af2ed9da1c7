"""From choices to files: the templates, filled. Every value is quoted in the language of its file."""

from __future__ import annotations

import json
import shlex
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from hubver.ci.scaffold.project import GITHUB, GITLAB, SHELL
from hubver.ci.scaffold.writing import Wanted

if TYPE_CHECKING:
    from hubver.ci.scaffold.examples import Examples
    from hubver.ci.scaffold.origin import Origin
    from hubver.ci.scaffold.project import Ci

DEPENDABOT = ".github/dependabot.yml"
_ECOSYSTEM = "github-actions"


@dataclass(frozen=True)
class Choices:
    """What a project is to have.

    Attributes:
        model: `ORG/NAME` on the Hub.
        ci: what runs the gates.
        where: the channel that revisions go to, `production` mostly.
        channel: the same, where it is not what the settings call production; else None.
        shards: how many machines share the examples.
        examples: what the gates ask about; None for a gate that only sees whether an adapter does anything.
        rows: the file of examples, relative to the folder of gates.
        origin: the commit of hubver whose workflows are called; needed by `github` and `gitlab` alone.
        github: `OWNER/REPO` of the project.
        elsewhere: whether the channel lives in a repository of its own, which has a token of its own.
        gates: the folder of gates, relative to the project.
        settings: the file of settings, relative to the project.
    """

    model: str
    ci: Ci
    where: str
    channel: str | None
    shards: int
    examples: Examples | None
    rows: str | None
    origin: Origin | None
    github: str | None
    elsewhere: bool
    gates: str
    settings: str


def quoted(value: str) -> str:
    """A text in double quotes, as Python, YAML and TOML all read it (each knows the escapes of JSON)."""
    # DEL is the one control character that JSON leaves as it is and TOML forbids.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def settings_file(choices: Choices, there: bytes | None, *, named: bool) -> Wanted | None:
    """The settings.

    Args:
        there: the file that the project has; None where it has none.
        named: whether it says whose workflow to start, or need not.

    Returns:
        What people wrote there stays, and what it lacks follows. None for a `pyproject.toml`, which is more than settings.
    """
    if there is None:
        return Wanted("hubver.toml", _filled("hubver.toml", choices))
    if choices.settings != "hubver.toml":
        return None
    table = b"" if named else f"\n[ci]\ngithub = {quoted(choices.github or '')}\n".encode()
    return Wanted("hubver.toml", there + (b"" if not table or there.endswith(b"\n") else b"\n") + table)


def gates_file(choices: Choices) -> Wanted:
    """The gates."""
    return Wanted(f"{choices.gates}/test_quality.py", _filled("test_quality.py", choices))


def smoke_file(choices: Choices) -> Wanted:
    """The smoke test."""
    return Wanted("smoke/test_smoke.py", _filled("test_smoke.py", choices))


def rows_file(choices: Choices, content: bytes) -> Wanted:
    """The examples that the gates ask about."""
    return Wanted(f"{choices.gates}/{choices.rows}", content)


def ci_file(choices: Choices) -> Wanted | None:
    """What the project's CI runs."""
    if choices.ci == "github":
        return Wanted(GITHUB, _filled("hubver.yml", choices))
    if choices.ci == "gitlab":
        return Wanted(GITLAB, _filled("gitlab-ci.yml", choices))
    if choices.ci == "shell":
        return Wanted(SHELL, _filled("release.sh", choices), executable=True)
    return None


def dependabot_file(there: bytes | None) -> bytes | None:
    """The settings of dependabot, so that the pinned workflows are kept up to date.

    Args:
        there: the project's own; None where it has none.

    Returns:
        What there is, where that will do; what there is and an entry, where that lacks one; None where it cannot be read.
    """
    entry = _environment().get_template("dependabot.yml.jinja").render()
    if there is None:
        return entry.encode()
    try:
        text = there.decode("utf-8")
        updates = yaml.safe_load(text)["updates"]
        if any(update["package-ecosystem"] == _ECOSYSTEM for update in updates):
            return there
        dash = next(line for line in text.splitlines() if line.lstrip().startswith("- "))
        indent = dash[: len(dash) - len(dash.lstrip())]
        own = [line.removeprefix("  ") for line in entry.splitlines()[2:]]
        proposed = f"{text.rstrip()}\n" + "".join(f"{indent}{line}\n" for line in own)
        whole = yaml.safe_load(proposed)["updates"] == [*updates, *yaml.safe_load(entry)["updates"]]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, StopIteration):
        return None
    return proposed.encode() if whole else None


def _filled(name: str, choices: Choices) -> bytes:
    text = (
        _environment()
        .get_template(f"{name}.jinja")
        .render(
            **vars(choices),
            prompts=choices.examples.first if choices.examples else (),
            # Everybody's sweep at the same minute would be a flood.
            minute=zlib.crc32(choices.model.encode()) % 60,
            on=' --channel "$channel"' if choices.channel else "",
            to=' --to "$channel"' if choices.channel else "",
        )
    )
    return text.encode()


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("hubver.ci.scaffold"),
        # Other marks than usual: `{{ }}` belongs to GitHub's expressions.
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # none of it is HTML; what is not quoted by a filter was checked by a pattern
    )
    found.filters.update(quoted=quoted, shell=shlex.quote)
    return found
