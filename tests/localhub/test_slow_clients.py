"""Clients that dribble, stall or vanish: nobody else waits for them, and neither does the end."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from urllib.parse import urlsplit

import pytest
from huggingface_hub import HfApi

from hubver.localhub import Delay, LocalHub

REPO = "acme/router"
PATIENT_S = 0.5


@pytest.fixture
def hub(tmp_path):
    with LocalHub(tmp_path / "hub", patience_s=PATIENT_S) as running:
        yield running


def connect(hub, request=b"", *, buffer=None):
    where = urlsplit(hub.url)
    client = socket.socket()
    if buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.connect((where.hostname, where.port))
    client.settimeout(20)
    client.sendall(request)
    return client


def half_a_commit(hub):
    head = f"POST /api/models/{REPO}/commit/main HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\n"
    return f'{head}Content-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n{{"key"'.encode()


def is_closed(client):
    """Wait until the other side closes; what it sends first does not matter."""
    with contextlib.suppress(ConnectionResetError):
        while client.recv(2**20):
            pass
    return True


def small_commit(api, name):
    return api.upload_file(path_or_fileobj=b"x", path_in_repo=name, repo_id=REPO)


@pytest.mark.parametrize(
    "request_of",
    [lambda _: b"", lambda _: b"GET /api/models HTTP/1.1\r\nHost: x\r\nX-A: ", half_a_commit],
    ids=["nothing", "half-a-header", "half-a-body"],
)
def test_a_silent_client_is_hung_up_on_and_nothing_is_written(hub, api, repo, request_of):
    head = api.model_info(REPO).sha
    with connect(hub, request_of(hub)) as client:
        assert is_closed(client)
    assert api.model_info(REPO).sha == head


def test_a_client_that_takes_nothing_is_hung_up_on(hub, api, repo):
    api.upload_file(path_or_fileobj=os.urandom(16 * 2**20), path_in_repo="big.bin", repo_id=REPO)
    with connect(hub, f"GET /{REPO}/resolve/main/big.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode(), buffer=4096) as client:
        client.recv(100)
        time.sleep(4 * PATIENT_S)  # the silence that is tested
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(2**20):
                received += len(piece)
        assert received < 16 * 2**20


def test_a_client_that_dribbles_is_waited_for(hub, api, repo):
    with connect(hub, b"GET /api/models HTTP/1.1\r\nHost: x\r\nX-A: ") as client:
        for _ in range(6):
            time.sleep(PATIENT_S / 2)  # slow, but never silent for as long as the Hub has patience
            client.sendall(b"a")
        client.sendall(b"\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_others_do_not_wait_for_slow_clients(tmp_path):
    with LocalHub(tmp_path / "hub") as hub, contextlib.ExitStack() as clients:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo(REPO)
        api.upload_file(path_or_fileobj=os.urandom(16 * 2**20), path_in_repo="big.bin", repo_id=REPO)
        download = f"GET /{REPO}/resolve/main/big.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        for request in (half_a_commit(hub), download) * 100:
            clients.enter_context(connect(hub, request, buffer=4096))
        small_commit(api, "beside.txt")
        assert api.file_exists(REPO, "beside.txt")


def test_the_end_waits_for_no_client_and_says_nothing(tmp_path, capfd):
    hub = LocalHub(tmp_path / "hub")
    with contextlib.ExitStack() as clients:
        with hub:
            HfApi(endpoint=hub.url, token=hub.token).create_repo(REPO)
            waiting = [clients.enter_context(connect(hub, half_a_commit(hub))) for _ in range(20)]
        assert all(is_closed(client) for client in waiting)
    assert capfd.readouterr().err == ""


def test_the_end_waits_for_no_request_that_was_told_to_wait(tmp_path, capfd):
    hub = LocalHub(tmp_path / "hub")
    hub.faults.add("GET", "/api/models", Delay(3600))
    with contextlib.ExitStack() as clients:
        with hub:
            asking = b"GET /api/models HTTP/1.1\r\nHost: a\r\n\r\n"
            client = clients.enter_context(connect(hub, asking))
            while hub.faults.pending:
                time.sleep(0.01)
        assert is_closed(client)
    assert capfd.readouterr().err == ""
