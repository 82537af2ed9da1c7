"""The table `[ci]`, and what GitHub's environment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubver.ci_settings import GithubSettings
from hubver.errors import BadSettings
from hubver.settings import Settings

NOWHERE = {"HF_TOKEN_PATH": "/nonexistent"}
JOB = {
    **NOWHERE,
    "GITHUB_ACTIONS": "true",
    "GITHUB_API_URL": "https://github.example.org/api/v3/",
    "GITHUB_SERVER_URL": "https://github.example.org",
    "GITHUB_REPOSITORY": "acme/router.training_2",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_RUN_ID": "7",
    "GITHUB_EVENT_NAME": "schedule",
    "GITHUB_EVENT_PATH": "/runner/event.json",
    "GITHUB_OUTPUT": "/runner/output",
    "GITHUB_STEP_SUMMARY": "/runner/summary",
    "GITHUB_TOKEN": "ghs_job",
}


def test_what_a_job_is_told(tmp_path):
    settings = Settings.load(tmp_path, JOB)
    github = settings.github
    assert github.token.get_secret_value() == "ghs_job"
    assert github.model_copy(update={"token": None}) == GithubSettings(
        api_url="https://github.example.org/api/v3",
        server_url="https://github.example.org",
        repository="acme/router.training_2",
        sha="a" * 40,
        event_name="schedule",
        event_path=Path("/runner/event.json"),
        output=Path("/runner/output"),
        step_summary=Path("/runner/summary"),
        actions=True,
    )
    assert settings.run_url == "https://github.example.org/acme/router.training_2/actions/runs/7"
    assert "ghs_job" not in f"{settings!r}{settings}{settings.model_dump()}"


def test_outside_of_a_job_there_is_nothing(tmp_path):
    assert Settings.load(tmp_path, NOWHERE).github == GithubSettings()
    # GitHub leaves some variables empty where they have no meaning.
    assert Settings.load(tmp_path, {**NOWHERE, **dict.fromkeys(JOB, "")}).github == GithubSettings()


def test_a_token_for_dispatching_goes_before_the_jobs_own(tmp_path):
    settings = Settings.load(tmp_path, {**JOB, "HUBVER_GITHUB_TOKEN": " github_pat_own\n"})
    assert settings.github.token.get_secret_value() == "github_pat_own"


@pytest.mark.parametrize(
    ("variable", "value", "field"),
    [
        ("GITHUB_API_URL", "file:///etc", "api_url"),
        ("GITHUB_API_URL", "https://user:secret@github.example.org", "api_url"),
        ("GITHUB_API_URL", "api.github.com", "api_url"),
        ("GITHUB_SERVER_URL", "javascript:alert(1)", "server_url"),
        ("GITHUB_REPOSITORY", "no-owner", "repository"),
        ("GITHUB_REPOSITORY", "acme/../secrets", "repository"),
        ("GITHUB_REPOSITORY", "acme/..", "repository"),
        ("GITHUB_SHA", "A" * 40, "sha"),
        ("GITHUB_SHA", "main", "sha"),
        ("GITHUB_TOKEN", "ghs_two\nlines", "token"),
        ("HUBVER_GITHUB_TOKEN", "ghp_a b", "token"),
    ],
)
def test_an_environment_that_cannot_be_used(tmp_path, variable, value, field):
    with pytest.raises(BadSettings, match=rf"'github\.{field}' in the environment") as caught:
        Settings.load(tmp_path, {**JOB, variable: value})
    assert not any(secret in str(caught.value) for secret in ("ghs_", "ghp_", "secret"))


@pytest.mark.parametrize("name", ["acme/router.training_2", "a-b/c", "octo_acme/router", "acme/.github", "acme/..."])
def test_whom_to_dispatch_to(tmp_path, name):
    (tmp_path / "hubver.toml").write_text(f'[ci]\ngithub = "{name}"\n', encoding="utf-8")
    assert Settings.load(tmp_path, NOWHERE).ci.github == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ci = 3", "'ci' in .*hubver.toml"),
        ("[ci]\ngitlab = 'acme/router'", r"'ci.gitlab' in .*hubver.toml.*one of github"),
        ("[github]\ntoken = 'ghp_x'", "no setting of hubver"),
        *(
            (f"[ci]\ngithub = {name!r}", "'ci.github' in .*no repository on GitHub such as OWNER/REPO")
            for name in ("acme", "acme/router/more", "acme/..", "-acme/router", "acme/a b", "https://github.com/a/b")
        ),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path, text, words):
    (tmp_path / "hubver.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadSettings, match=words):
        Settings.load(tmp_path, NOWHERE)
