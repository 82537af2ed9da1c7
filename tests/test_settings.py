from __future__ import annotations

from pathlib import Path

import pytest

from hubver.errors import BadSettings
from hubver.settings import DEFAULT_ENDPOINT, Settings

NOWHERE = {"HF_HOME": "/nonexistent"}


def test_without_a_file_and_an_environment(tmp_path):
    settings = Settings.load(tmp_path, NOWHERE)
    assert settings == Settings(root=tmp_path, cache=Path("~/.cache/hubver").expanduser())
    assert (settings.endpoint, settings.token) == (DEFAULT_ENDPOINT, None)


@pytest.mark.parametrize(
    ("name", "text"),
    [("hubver.toml", 'production = "live"'), ("pyproject.toml", '[tool.hubver]\nproduction = "live"')],
)
def test_a_file_is_found_from_below(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    settings = Settings.load(below, NOWHERE)
    assert (settings.production, settings.root) == ("live", tmp_path)
    assert settings.gates_directory == tmp_path / "gates"


def test_a_pyproject_of_others_is_passed_over(tmp_path):
    (tmp_path / "hubver.toml").write_text('production = "live"', encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pyproject.toml").write_text("[project]\nname = 'x'", encoding="utf-8")
    assert Settings.load(tmp_path / "sub", NOWHERE).production == "live"


def test_the_address_comes_from_the_environment(tmp_path):
    assert Settings.load(tmp_path, {**NOWHERE, "HF_ENDPOINT": "http://127.0.0.1:1/"}).endpoint == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "endpoint", ["huggingface.co", "ftp://hub", "http://", "https://me:hunter2@hub.example.org", "x"]
)
def test_what_is_no_address(tmp_path, endpoint):
    with pytest.raises(BadSettings, match="'endpoint' in the environment cannot be used") as caught:
        Settings.load(tmp_path, {**NOWHERE, "HF_ENDPOINT": endpoint})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nhubver = 3", "\xff"])
def test_a_pyproject_of_any_kind(tmp_path, text):
    (tmp_path / "pyproject.toml").write_bytes(text.encode("latin-1"))
    try:
        assert Settings.load(tmp_path, NOWHERE).production == "production"
    except BadSettings as error:
        assert "pyproject.toml" in str(error)  # noqa: PT017 - either answer is right, another exception is not


def test_a_stored_token_that_is_not_text_is_none(tmp_path):
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    assert Settings.load(tmp_path, {"HF_HOME": str(tmp_path)}).token is None


def test_the_token_comes_from_the_environment_or_the_login(tmp_path):
    (tmp_path / "token").write_text("hf_stored\n", encoding="utf-8")
    stored = {"HF_HOME": str(tmp_path)}
    assert Settings.load(tmp_path, stored).token.get_secret_value() == "hf_stored"
    assert Settings.load(tmp_path, {**stored, "HF_TOKEN": " hf_own "}).token.get_secret_value() == "hf_own"
    path = {"HF_TOKEN": "", "HF_TOKEN_PATH": str(tmp_path / "token")}
    assert Settings.load(tmp_path, path).token.get_secret_value() == "hf_stored"


@pytest.mark.parametrize(("name", "field"), [("HF_TOKEN", "token"), ("HF_READ_TOKEN", "read_token")])
@pytest.mark.parametrize("token", ["hf_two\nlines", "hf_tök", "hf_a b"])
def test_what_is_no_token(tmp_path, token, name, field):
    with pytest.raises(BadSettings, match=f"'{field}'") as caught:
        Settings.load(tmp_path, {name: token})
    assert "hf_" not in str(caught.value)


def test_the_token_to_read_with_is_not_the_one_to_write_with(tmp_path):
    assert Settings.load(tmp_path, {**NOWHERE, "HF_TOKEN": "hf_write"}).read_token is None
    settings = Settings.load(tmp_path, {**NOWHERE, "HF_READ_TOKEN": " hf_read\n"})
    assert (settings.token, settings.read_token.get_secret_value()) == (None, "hf_read")
    assert Settings.load(tmp_path, {"HF_READ_TOKEN": " "}).read_token.get_secret_value() == ""


def test_a_token_is_never_shown(tmp_path):
    settings = Settings.load(tmp_path, {"HF_TOKEN": "hf_secret", "HF_READ_TOKEN": "hf_secret"})
    assert "hf_secret" not in f"{settings!r}{settings}{settings.model_dump()}"


def test_who_acts_in_ci(tmp_path):
    environ = {**NOWHERE, "GITHUB_ACTOR": "octo", "GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "acme/router"}
    settings = Settings.load(tmp_path, environ)
    assert (settings.actor, settings.run_url) == ("octo", "https://github.com/acme/router/actions/runs/7")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("production", "not valid TOML"),
        ('token = "hf_x"', "no setting of hubver"),
        ('root = "/"', "no setting of hubver"),
        ('endpoint = "https://elsewhere.example.org"', "no setting of hubver"),
        *(
            (f'production = "{name}"', "'production'")
            for name in ("two words", "main", "ledger", "v1.0.0", "a..b", "x.lock")
        ),
        ("gates = 3", "'gates'"),
        ("channels = 3", "'channels'"),
        ("channels.staging = 3", "'channels.staging'"),
        ('[channels."two words"]', "'channels'.*'two words': it is no name of a branch"),
        ("[channels.main]", "'channels'.*main has another meaning"),
        ('[channels."1-v1.0.0"]', "'channels'.*has another meaning"),
        (f"[channels.{'a' * 40}]", "'channels'.*has another meaning"),
        (
            "[channels.staging]\ngate = 'x'",
            r"'channels.staging.gate' in .*hubver\.toml.*one of after, gated, gates, over",
        ),
        ("[channels.staging]\ngated = 'perhaps'", r"'channels.staging.gated' in .*hubver\.toml"),
        ("[channels.staging]\nverdict_days = 0", r"'channels.staging.verdict_days'"),
        ("[channels.staging]\nafter = 'v1.0.0'", r"'channels.staging.after'"),
        (
            "[channels.staging]\nafter = 'canary'",
            r"'channels.staging.after' .*no channel 'canary'.*of production, staging",
        ),
        ("[channels.staging]\nrepo = 'no-org'", "'channels.staging.repo'.*no repository such as ORG/NAME"),
        (
            "[channels.staging]\nrepo = 'acme/apart'\n[channels.production]\nafter = 'staging'",
            "'channels.production.after'.*staging lives in a repository of its own",
        ),
        ("[channels.staging]\nafter = 'staging'", "'channels.staging.after'.*staging after staging"),
        (
            "[channels.a]\nafter = 'b'\n[channels.b]\nafter = 'production'\n[channels.production]\nafter = 'a'",
            "'channels.production.after'.*a after b after production after a",
        ),
        ("[channels.a]\nafter = 'b'\n[channels.b]\nafter = 'c'", "'channels.b.after' .*no channel 'c'"),
        ("production = 'live'\n[channels.production]", r"\[channels.production\] .* holds for nothing: .*'live'"),
        ('record = "data"', "'record'"),
        ("[record]\nrequired = 3", "'record.required'"),
        ('remote_code = "yes"', "'remote_code' in .*hubver.toml.*'refuse', 'ignore' or 'run'"),
        ("remote_code = true", "'remote_code' in .*hubver.toml"),
        ("[record]\nneeded = ['data']", r"'record.needed'.*one of required"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, words):
    (tmp_path / "hubver.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadSettings, match=words) as caught:
        Settings.load(tmp_path, NOWHERE)
    assert "hf_x" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_repository_of_its_own_has_a_token_of_its_own(tmp_path):
    (tmp_path / "hubver.toml").write_text("[channels.production]\nrepo = 'acme/apart'", encoding="utf-8")
    one = Settings.load(tmp_path, {"HF_TOKEN": "hf_reads"})
    both = Settings.load(tmp_path, {"HF_TOKEN": "hf_reads", "HUBVER_PRODUCTION_TOKEN": "hf_keeps"})
    tokens = [
        settings.token_for(repo).get_secret_value() for settings in (one, both) for repo in ("acme/apart", "acme/x")
    ]
    assert tokens == ["hf_reads", "hf_reads", "hf_keeps", "hf_reads"]
    assert "hf_" not in repr(both)
    with pytest.raises(BadSettings, match="'production_token' in the environment") as caught:
        Settings.load(tmp_path, {"HF_TOKEN": "hf_reads", "HUBVER_PRODUCTION_TOKEN": "hf_two words"})
    assert "hf_" not in str(caught.value)


def test_channels_have_rules_of_their_own(tmp_path):
    toml = """
    gates = "gates"
    [channels.staging]
    gates = "gates/quick"
    [channels.canary]
    gated = false
    [channels.production]
    after = "staging"
    overrides = false
    verdict_days = 7
    """
    (tmp_path / "hubver.toml").write_text(toml, encoding="utf-8")
    settings = Settings.load(tmp_path, NOWHERE)
    assert (settings.rules.after, settings.rules.overrides, settings.rules.verdict_days) == ("staging", False, 7)
    staging = settings.on_channel("staging")
    assert (staging.channel, staging.gates_directory) == ("staging", tmp_path / "gates" / "quick")
    assert (staging.rules.gated, staging.rules.verdict_days) == (True, 30)
    assert not settings.on_channel("canary").rules.gated
    assert staging.on_channel(None) == staging.on_channel("production") == settings
    with pytest.raises(BadSettings, match="no channel 'blue'") as caught:
        settings.on_channel("blue")
    assert caught.value.expected == "one of production, staging, canary"
    assert "[channels.blue]" in caught.value.hint


def test_tasks_and_the_file_they_stand_in_are_kept_as_they_were_written(tmp_path):
    (tmp_path / "hubver.toml").write_text('[tasks.t]\nrows = "r.jsonl"\nanything = 3', encoding="utf-8")
    settings = Settings.load(tmp_path, NOWHERE)
    assert settings.tasks == {"t": {"rows": "r.jsonl", "anything": 3}}
    assert settings.source == tmp_path / "hubver.toml"


def test_a_setting_that_does_not_exist_is_answered_with_those_that_do(tmp_path):
    (tmp_path / "hubver.toml").write_text("task = 3", encoding="utf-8")
    with pytest.raises(
        BadSettings, match=r"'task'.*one of channels, ci, gates, production, record, remote_code, tasks"
    ):
        Settings.load(tmp_path, NOWHERE)


def test_a_run_that_is_reproduced_knows_it(tmp_path):
    assert not Settings.load(tmp_path, NOWHERE).reproducing
    assert Settings.load(tmp_path, {**NOWHERE, "HUBVER_REPRODUCING": "1"}).reproducing
