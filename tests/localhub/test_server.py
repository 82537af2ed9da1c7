from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session
from served import client, finish, start

from hubver.errors import BadInput, HubFailed
from hubver.localhub import LocalHub, User

pytest_plugins = ["pytester"]


def test_hub_without_a_root_leaves_nothing(tmp_path):
    with LocalHub() as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo("acme/router")
        root = hub.root
        assert root.exists()
    assert not root.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(tuple(hub.url.removeprefix("http://").split(":")), timeout=5).close()


def test_hub_listens_on_loopback_only():
    with LocalHub() as hub:
        assert hub.url.startswith("http://127.0.0.1:")


def test_users_are_those_given(tmp_path):
    users = {"hf_ann": User("ann", ("lab",)), "hf_bob": User("bob", role="read")}
    with LocalHub(tmp_path, users=users) as hub:
        assert (hub.user, hub.token) == ("ann", "hf_ann")
        api = HfApi(endpoint=hub.url)
        assert api.create_repo("lab/x", token="hf_ann").repo_id == "lab/x"
        assert api.whoami(token="hf_bob")["name"] == "bob"
    with LocalHub(tmp_path) as hub:
        assert hub.token == "hf_ann"


def test_hubs_run_side_by_side():
    with LocalHub() as one, LocalHub() as two:
        HfApi(endpoint=one.url, token=one.token).create_repo("acme/router")
        assert one.token != two.token
        assert not HfApi(endpoint=two.url, token=two.token).repo_exists("acme/router")


def test_root_is_served_once_at_a_time(tmp_path):
    with LocalHub(tmp_path):
        with pytest.raises(BadInput, match="Another Hub") as refused, LocalHub(tmp_path):
            pass
        assert refused.value.hint
    with LocalHub(tmp_path):
        pass


def test_port_in_use_is_told(tmp_path):
    with LocalHub() as hub:
        port = int(hub.url.rpartition(":")[2])
        with pytest.raises(HubFailed, match=f"port {port}"), LocalHub(tmp_path, port=port):
            pass
    with LocalHub(tmp_path, port=port) as again:
        assert again.url.endswith(f":{port}")


def test_root_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be used"), LocalHub(tmp_path / "file"):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_stops_cleanly_and_starts_where_it_was(tmp_path, number):
    process, environment = start(tmp_path)
    token = Path(environment["HF_TOKEN_PATH"]).read_text()
    assert environment["HF_TOKEN"] == ""
    client(environment).create_repo("acme/router")
    process.send_signal(number)
    assert finish(process) == ("", "")
    assert process.returncode == 0
    process, again = start(tmp_path)
    assert Path(again["HF_TOKEN_PATH"]).read_text() == token
    assert client(again).repo_exists("acme/router")
    process.terminate()
    finish(process)


COMMITTER = """
import sys
from huggingface_hub import CommitOperationAdd, HfApi
for n in range(1000):
    files = [CommitOperationAdd(f"f{n}", b"x" * n), CommitOperationAdd("w.bin", n.to_bytes(4, "big"))]
    print(HfApi().create_commit("acme/router", files, commit_message=str(n)).oid, flush=True)
"""


def test_killed_server_keeps_what_it_acknowledged(tmp_path, git):
    process, environment = start(tmp_path / "root")
    client(environment).create_repo("acme/router")
    committer = subprocess.Popen(
        [sys.executable, "-c", COMMITTER],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.DEVNULL,
    )
    acknowledged = [committer.stdout.readline().strip() for _ in range(8)]
    process.kill()
    finish(process)
    committer.kill()  # it would go on trying to reach the server
    rest, _ = committer.communicate(timeout=60)
    acknowledged += rest.split()
    git("fsck", "--strict", cwd=tmp_path / "root/models/acme/router/repo.git")
    process, environment = start(tmp_path / "root")
    api = client(environment)
    history = [c.commit_id for c in api.list_repo_commits("acme/router")][::-1][1:]
    assert history[: len(acknowledged)] == acknowledged
    assert len(history) <= len(acknowledged) + 1
    api.create_commit("acme/router", [CommitOperationAdd("after", b"")], commit_message="after")
    process.terminate()
    finish(process)


def test_every_answer_has_an_id_of_its_own(hub):
    ids = {get_session().get(f"{hub.url}/api/models").headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3


def test_fixture_serves_other_projects(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        import sys
        heavy = {"starlette", "uvicorn", "dulwich", "huggingface_hub"} & set(sys.modules)

        def test_it(local_hub):
            assert not heavy
            from huggingface_hub import HfApi
            HfApi(endpoint=local_hub.url, token=local_hub.token).create_repo("acme/x")
        """
    )
    result = pytester.runpytest_subprocess("-p", "hubver.localhub.fixture", "-W", "error")
    result.assert_outcomes(passed=1)
