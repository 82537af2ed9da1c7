from __future__ import annotations

import pytest

from hubver.errors import BadSettings
from hubver.settings import DEFAULT_ENDPOINT, Settings

NOWHERE = {"HF_HOME": "/nonexistent"}


def test_without_a_file_and_an_environment(tmp_path):
    settings = Settings.load(tmp_path, NOWHERE)
    assert settings == Settings(root=tmp_path)
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


def test_the_environment_goes_before_the_file(tmp_path):
    (tmp_path / "hubver.toml").write_text('endpoint = "https://hub.example.org"', encoding="utf-8")
    assert Settings.load(tmp_path, NOWHERE).endpoint == "https://hub.example.org"
    assert Settings.load(tmp_path, {**NOWHERE, "HF_ENDPOINT": "http://127.0.0.1:1/"}).endpoint == "http://127.0.0.1:1"


def test_the_token_comes_from_the_environment_or_the_login(tmp_path):
    (tmp_path / "token").write_text("hf_stored\n", encoding="utf-8")
    stored = {"HF_HOME": str(tmp_path)}
    assert Settings.load(tmp_path, stored).token.get_secret_value() == "hf_stored"
    assert Settings.load(tmp_path, {**stored, "HF_TOKEN": " hf_own "}).token.get_secret_value() == "hf_own"
    path = {"HF_TOKEN": "", "HF_TOKEN_PATH": str(tmp_path / "token")}
    assert Settings.load(tmp_path, path).token.get_secret_value() == "hf_stored"


def test_a_token_is_never_shown(tmp_path):
    settings = Settings.load(tmp_path, {"HF_TOKEN": "hf_secret"})
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
        ('production = "two words"', "'production'"),
        ("gates = 3", "'gates'"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, words):
    (tmp_path / "hubver.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadSettings, match=words) as caught:
        Settings.load(tmp_path, NOWHERE)
    assert "hf_x" not in str(caught.value)
    assert caught.value.exit_code == 2
