"""`hubver.toml`, or `[tool.hubver]` in `pyproject.toml`, and the environment: read here, once, into frozen `Settings`.

Nothing below this module reads an environment variable. The token is held in a `SecretStr`, so that printing the
settings, or an error about them, cannot show it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_validator

from hubver.channel_settings import PRODUCTION, ChannelSettings, check_channels, checked_branch
from hubver.ci_settings import CiSettings, GithubSettings
from hubver.errors import BadSettings
from hubver.oidc_settings import OidcSettings
from hubver.relay_settings import RelaySettings

if TYPE_CHECKING:
    from collections.abc import Mapping

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_ENDPOINT = "https://huggingface.co"


class RecordSettings(BaseModel):
    """The table `[record]`.

    Attributes:
        required: what must be known of a run before it is published, such as `data` or `code.sha`; the names are those
            of `hubver.record.gaps.FILLS`, and are checked when they are used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    required: tuple[str, ...] = ()


class Settings(BaseModel):
    """What a user may choose.

    Attributes:
        endpoint: the Hub's address. From `HF_ENDPOINT` alone: a file that came with somebody's repository must not say
            where the user's token is sent.
        token: the access token, or None. From `HF_TOKEN`, else the one `hf auth login` stored.
        read_token: what gates read with, from `HF_READ_TOKEN`; empty where that is set to nothing, so that they read as
            nobody. None where it is not set, and they read with the token.
        oidc: what the job that this is may be trusted by without a token; None where `HF_OIDC_RESOURCE` is not set.
        production: the branch that applications follow.
        acting_on: the channel that a command moves or judges for, where it is not production; see `on_channel`.
        channels: the tables `[channels.NAME]`, by branch.
        gates: the folder of gates, relative to the folder of `hubver.toml`.
        actor: who acts, where a CI system says it (`GITHUB_ACTOR`, `GITLAB_USER_LOGIN`); else the Hub is asked.
        run_url: the page of the CI run, where there is one.
        root: the folder of `hubver.toml`, or the working directory.
        cache: where answers of models are kept between gates: `HUBVER_CACHE`, else `$XDG_CACHE_HOME/hubver`, else
            `~/.cache/hubver`; None to keep none.
        record: the table `[record]`: what must be known of a run.
        remote_code: what to do about models that bring code along (`auto_map`), which would run on whoever loads them.
            `refuse`: gates in CI do not judge them; `ignore`: they are loaded by what transformers knows, or not at all;
            `run`: their code runs.
        ci: the table `[ci]`: whose workflow judges what is pushed.
        github: what GitHub tells the job that this is, and the token for its API.
        relay: what `hubver relay` is told.
        tasks: the tables `[tasks.NAME]`, as they were written: what one says is checked when it is used.
        source: the file that was read; None where there is none.
        reproducing: this process is a run that `hubver reproduce` runs again (`HUBVER_REPRODUCING`), so it publishes
            nothing.
        production_token: writes to repositories that channels live in by themselves (`[channels.NAME] repo`), from
            `HUBVER_PRODUCTION_TOKEN`; the token does if None.
        sign_password: of the private key that `hubver sign` and `push --sign` use, from `HUBVER_SIGN_PASSWORD`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str = DEFAULT_ENDPOINT
    token: SecretStr | None = None
    read_token: SecretStr | None = None
    oidc: OidcSettings | None = None
    production: str = PRODUCTION
    acting_on: str | None = None
    channels: dict[str, ChannelSettings] = {}
    gates: Path = Path("gates")
    actor: str | None = None
    run_url: str | None = None
    root: Path = Path()
    cache: Path | None = None
    record: RecordSettings = RecordSettings()
    remote_code: Literal["refuse", "ignore", "run"] = "refuse"
    ci: CiSettings = CiSettings()
    github: GithubSettings = GithubSettings()
    relay: RelaySettings = RelaySettings()
    tasks: dict[str, Any] = {}
    source: Path | None = None
    reproducing: bool = False
    production_token: SecretStr | None = None
    sign_password: SecretStr | None = None

    @classmethod
    def load(cls, directory: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings of a project.

        Args:
            directory: where to look for `hubver.toml` or `pyproject.toml`, upwards to the root; the working directory
                if None.
            environ: the environment; the process's own if None.

        Raises:
            BadSettings: a file is not TOML, or holds a setting that does not exist or cannot be used.
        """
        environ = os.environ if environ is None else environ
        source, chosen = _find((directory or Path.cwd()).resolve())
        root = source.parent if source else (directory or Path.cwd()).resolve()
        values: dict[str, Any] = {**chosen, **_from_environment(environ), "root": root, "source": source}
        values.setdefault("token", _stored_token(environ))
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = ".".join(str(step) for step in first["loc"])
            place = source if first["loc"][0] in chosen else "the environment"
            known = next((fields for table, fields in _TABLES.items() if name.startswith(table)), _FILE_SETTINGS)
            raise BadSettings(
                f"The setting {name!r} in {place} cannot be used: {first['msg'].removeprefix('Value error, ')}.",
                expected=f"one of {', '.join(sorted(known))}" if first["type"] == "extra_forbidden" else None,
            ) from None
        check_channels(settings.channels, settings.production, settings.source)
        return settings

    @field_validator("endpoint")
    @classmethod
    def _must_be_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is no address such as https://huggingface.co")
        if parts.username or parts.password:
            raise ValueError("it holds a user name or a password; the token belongs in HF_TOKEN")
        return value.rstrip("/")

    @field_validator("token", "production_token")
    @classmethod
    def _must_be_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        # It becomes a header, and a client that refuses it would quote it.
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("it holds a space, a line break or a letter that no token has")
        return value

    @field_validator("read_token")
    @classmethod
    def _must_be_a_token_or_nothing(cls, value: SecretStr | None) -> SecretStr | None:
        return cls._must_be_a_token(value) if value else value

    @field_validator("production", "acting_on")
    @classmethod
    def _must_be_a_branch_of_its_own(cls, value: str | None) -> str | None:
        return None if value is None else checked_branch(value)

    @field_validator("channels")
    @classmethod
    def _must_name_branches(cls, value: dict[str, ChannelSettings]) -> dict[str, ChannelSettings]:
        for name in value:
            try:
                checked_branch(name)
            except ValueError as error:  # noqa: PERF203  # each is checked by itself
                raise ValueError(f"{name!r}: {error}") from None
        return value

    def on_channel(self, name: str | None) -> Settings:
        """The settings for work on one channel: what it compares with, moves, and asks for.

        Args:
            name: the channel's branch; production if None.

        Raises:
            BadSettings: it cannot be a channel's name, or is not one that the settings know.
        """
        if name is None or name == self.production:
            return self.model_copy(update={"acting_on": None})
        try:
            checked_branch(name)
        except ValueError as error:
            raise BadSettings(f"{name!r} cannot be a channel: {error}.") from None
        if name not in self.channels:
            raise BadSettings(
                f"There is no channel {name!r} in {self.source or 'the settings'}.",
                expected=f"one of {', '.join(dict.fromkeys((self.production, *self.channels)))}",
                hint=f"Make it one with a table in hubver.toml: [channels.{name}]",
            )
        return self.model_copy(update={"acting_on": name})

    @property
    def own_repos(self) -> frozenset[str]:
        """The repositories that channels live in by themselves."""
        return frozenset(rules.repo for rules in self.channels.values() if rules.repo is not None)

    def token_for(self, repo_id: str | None) -> SecretStr | None:
        """The token that is kept for a repository; where none is kept, see `hubver.hub.keyless`."""
        return self.production_token or self.token if repo_id in self.own_repos else self.token

    @property
    def channel(self) -> str:
        """The branch of the channel that is acted on."""
        return self.acting_on or self.production

    @property
    def rules(self) -> ChannelSettings:
        """What a revision needs to go to the channel that is acted on."""
        return self.channels.get(self.channel, ChannelSettings())

    @property
    def gates_directory(self) -> Path:
        """The folder of gates of the channel that is acted on, absolute."""
        return self.root / (self.rules.gates or self.gates)

    @property
    def runs_remote_code(self) -> bool:
        """Whether code that models bring along may run: nothing but `remote_code = "run"` allows it."""
        return self.remote_code == "run"

    @property
    def tasks_digest(self) -> str:
        """sha256 of the tasks that the settings declare."""
        text = json.dumps(self.tasks, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()


# What a file may set. Who acts, and with which token, belongs to the environment and never to a committed file.
_FILE_SETTINGS = frozenset({"production", "channels", "gates", "record", "tasks", "ci", "remote_code"})
_TABLES = {
    "record.": RecordSettings.model_fields,
    "channels.": ChannelSettings.model_fields,
    "ci.": CiSettings.model_fields,
}
_TOKEN = re.compile(r"[!-~]+")


_ELSEWHERE = {
    "token": "Tokens come from HF_TOKEN or `hf auth login`, never from a file.",
    "endpoint": "The Hub's address comes from HF_ENDPOINT, so that a file cannot say where a token is sent.",
}


def _find(directory: Path) -> tuple[Path | None, dict[str, Any]]:
    for folder in (directory, *directory.parents):
        own = folder / "hubver.toml"
        if own.is_file():
            return own, _checked(own, _read(own))
        project = folder / "pyproject.toml"
        tools = _read(project).get("tool") if project.is_file() else None
        if isinstance(tools, dict) and "hubver" in tools:
            return project, _checked(project, tools["hubver"])
    return None, {}


def _read(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is not valid TOML: {error}.") from None
    return values


def _checked(path: Path, values: object) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise BadSettings(f"[tool.hubver] in {path} is not a table.")
    for name in values:
        if name not in _FILE_SETTINGS:
            raise BadSettings(
                f"{path} sets {name!r}, which is no setting of hubver.",
                expected=f"one of {', '.join(sorted(_FILE_SETTINGS))}",
                hint=_ELSEWHERE.get(name),
            )
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {"cache": _cache(environ), "reproducing": bool(environ.get("HUBVER_REPRODUCING"))}
    values["github"] = GithubSettings.of(environ)
    values["oidc"] = OidcSettings.of(environ)
    values["relay"] = RelaySettings.of(environ)
    if endpoint := environ.get("HF_ENDPOINT"):
        values["endpoint"] = endpoint
    if token := environ.get("HF_TOKEN", "").strip():
        values["token"] = token
    if "HF_READ_TOKEN" in environ:
        values["read_token"] = environ["HF_READ_TOKEN"].strip()
    if token := environ.get("HUBVER_PRODUCTION_TOKEN", "").strip():
        values["production_token"] = token
    if password := environ.get("HUBVER_SIGN_PASSWORD"):
        values["sign_password"] = password
    if actor := environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN"):
        values["actor"] = actor
    # The pipeline's and not the job's, which is another one each time that it is run again.
    if url := environ.get("CI_PIPELINE_URL"):
        values["run_url"] = url
    if environ.get("GITHUB_RUN_ID") and environ.get("GITHUB_REPOSITORY"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        values["run_url"] = f"{server}/{environ['GITHUB_REPOSITORY']}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return values


def _cache(environ: Mapping[str, str]) -> Path:
    chosen = environ.get("HUBVER_CACHE") or f"{environ.get('XDG_CACHE_HOME') or '~/.cache'}/hubver"
    return Path(chosen).expanduser()


def _stored_token(environ: Mapping[str, str]) -> str | None:
    """The token that `hf auth login` keeps: `HF_TOKEN_PATH`, else `$HF_HOME/token` (huggingface_hub, constants)."""
    cache = environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = environ.get("HF_HOME") or f"{cache}/huggingface"
    path = Path(environ.get("HF_TOKEN_PATH") or f"{home}/token").expanduser()
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
