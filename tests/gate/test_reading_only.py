"""A shard needs few rights, and leaves nothing behind on the Hub."""

from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from hubver.errors import BadToken, NotFound
from hubver.gate.hearing.shards import Part
from hubver.gate.judge import ask_part, judge
from hubver.hub.client import Hub

GATES = "def test_answers(candidate):\n    assert isinstance(candidate.generate(['hello'], max_new_tokens=2)[0], str)\n"


def with_token(project, token):
    return project.settings.model_copy(update={"token": None if token is None else SecretStr(token)})


def held(project):
    """All that a stranger could have changed."""
    hub = Hub(project.settings.endpoint, project.settings.token)
    repos = "acme/router", "acme/base"
    return [(hub.refs(repo), hub.pull_requests(repo, 0)) for repo in repos]


@pytest.mark.parametrize("private", [False, True], ids=["public, no token", "private, read-only token"])
def test_a_shard_needs_no_right_to_write_and_writes_nothing(project, local_hub, tmp_path, in_this_process, private):
    if private:
        for repo in ("acme/router", "acme/base"):
            project.api.update_repo_settings(repo, private=True)
    token = local_hub.add_user("ci", orgs=("acme",), write=False) if private else None
    project.write(GATES)
    before = held(project)
    file = ask_part(
        "acme/router@v1.1.0",
        Part(1, 1),
        gates=project.gates,
        out=tmp_path / "shard",
        settings=with_token(project, token),
    )
    assert json.loads(file.read_text())["repo_id"] == "acme/router"
    assert held(project) == before


def test_a_private_repository_is_not_there_for_whoever_has_no_token(project, tmp_path):
    project.api.update_repo_settings("acme/router", private=True)
    project.write(GATES)
    with pytest.raises(NotFound):
        ask_part("acme/router@v1.1.0", Part(1, 1), gates=project.gates, settings=with_token(project, None))


def test_judging_needs_a_token_before_anything_is_asked(project):
    project.write(GATES)
    with pytest.raises(BadToken, match="There is no token"):
        judge("acme/router@v1.1.0", gates=project.gates, settings=with_token(project, None))
