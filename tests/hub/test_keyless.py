"""Jobs that hold no token: each gets one for exactly the repository that it writes to."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from oidc_issuer import GITHUB, Issuer, serving
from pydantic import SecretStr

from hubver.channel_settings import ChannelSettings
from hubver.cli.main import run
from hubver.errors import BadSettings, BadToken, HubFailed, HubUnreachable, NotFound
from hubver.gate.running import child
from hubver.hub import keyless, ledger, pulls
from hubver.hub.client import Hub
from hubver.hub.keyless import Keyless
from hubver.localhub import Answer, Drop, LocalHub, Publisher, Switches, Trust
from hubver.oidc_settings import OidcSettings
from hubver.publish import push
from hubver.release import promote
from hubver.settings import Settings

MODEL, THERE = "acme/router", "acme/router-production"
CLAIMS = {"repository": "acme/router-training", "branch": "main", "workflow": "publish.yml"}
WAYS = {"git": Switches(), "http": Switches(git_http=False)}
EXCHANGE = "/oauth/token"


@pytest.fixture(scope="module")
def issuer():
    with serving(Issuer()) as started:
        yield started


@pytest.fixture
def switches():
    return Switches()


@pytest.fixture
def local_hub(tmp_path, issuer, switches):
    trust = Trust([Publisher(MODEL, CLAIMS), Publisher(THERE, CLAIMS)], {GITHUB: issuer.jwks})
    with LocalHub(tmp_path / "hub", trust=trust, switches=switches) as hub:
        yield hub


@pytest.fixture
def environ(local_hub, issuer, monkeypatch, tmp_path):
    """The environment of a job on GitHub that is trusted with the model, and holds no token."""
    values = {**local_hub.environment(), **issuer.environment, "HF_OIDC_RESOURCE": MODEL, "GITHUB_ACTOR": "dev"}
    del values["HF_TOKEN"]
    monkeypatch.delenv("HF_TOKEN", raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    issuer.asked.clear()
    return values


def job(issuer, **changes):
    known = {
        "resource": MODEL,
        "request_url": issuer.environment["ACTIONS_ID_TOKEN_REQUEST_URL"],
        "request_token": issuer.secret,
    }
    return OidcSettings(**{**known, **changes})


def works(hub, token, repo_id=MODEL):
    """Whether a token may write to a repository."""
    try:
        Hub(hub.url, token).need_write(repo_id)
    except (BadToken, NotFound):
        return False
    return True


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("switches", WAYS.values(), ids=WAYS)
def test_a_release_and_its_way_back_need_no_token_that_is_kept(
    repo, local_hub, environ, issuer, output, capsys, switches
):
    repo.hub.api.update_repo_settings(MODEL, private=True)  # so that what is read needs one, too
    said, exchanges = "", 1
    if switches.git_http:
        pushed = subprocess.run(
            [sys.executable, "-m", "hubver", "push", "out", MODEL], capture_output=True, text=True, check=False
        )
        assert pushed.returncode == 0, pushed.stderr
        assert len(issuer.asked) == 1, "one exchange is enough for all that a process does"
        said, exchanges = pushed.stdout + pushed.stderr, 2
    else:
        repo.version("v1.0.0")
    assert run(["promote", f"{MODEL}@v1.0.0", "--override", "first"]) == 0, capsys.readouterr()
    repo.version("v1.1.0")
    for command in (
        ["promote", f"{MODEL}@v1.1.0", "--override", "second"],
        ["status", MODEL],
        ["rollback", MODEL, "--reason", "it was bad"],
        ["log", MODEL],
        ["doctor", MODEL],
        *([["verify", f"{MODEL}@v1.0.0"], ["export", MODEL]] if switches.git_http else []),
    ):
        assert run(command) == 0, capsys.readouterr()
    assert len(issuer.asked) == exchanges
    assert {asked["audience"][0] for asked in issuer.asked} == {local_hub.url}
    said += "".join(capsys.readouterr())
    assert "hf_jwt" not in said
    assert "eyJ" not in said  # the first letters of an id token
    events = [entry.event for entry in ledger.entries(repo.hub, MODEL, repo.refs())]
    assert [event.kind for event in events][:3] == ["rollback", "promote", "promote"]
    assert {event.actor for event in events} == {"dev"}
    assert repo.refs().branches["production"] == repo.refs().tags["v1.0.0"]
    assert not switches.git_http or repo.hub.api.list_repo_commits(MODEL, revision="v1.0.0")[0].authors == ["[OIDC]"]


def test_a_repository_of_production_s_own_gets_a_token_of_its_own(repo, local_hub, environ, issuer):
    repo.hub.create_repo(THERE, private=True)
    repo.version("v1.0.0")
    settings = Settings.load().model_copy(update={"channels": {"production": ChannelSettings(repo=THERE)}})
    done = promote(f"{MODEL}@v1.0.0", override="first", settings=settings)
    assert (done.repo_id, len(issuer.asked)) == (THERE, 2)
    here, there = (Hub.of(settings, repo_id).token for repo_id in (MODEL, THERE))
    assert [works(local_hub, here, MODEL), works(local_hub, here, THERE)] == [True, False]
    assert [works(local_hub, there, MODEL), works(local_hub, there, THERE)] == [False, True]
    assert repo.hub.refs(THERE).branches["production"]


def test_a_comment_of_such_a_job_is_kept_up_to_date(repo, environ):
    repo.commit("candidate", pull_request=True)
    hub = Hub.of(Settings.load(), MODEL)
    for text in ("first", "second"):
        pulls.upsert_comment(hub, MODEL, 1, "<!-- hubver:gate -->", text)
    assert [(one.author, one.text) for one in repo.hub.comments(MODEL, 1)[1:]] == [
        (keyless.ACCOUNT, "<!-- hubver:gate -->\nsecond")
    ]


def test_a_cut_push_of_such_a_job_is_finished_by_the_next_one_in_its_own_place(repo, environ, output, monkeypatch):
    class Killed(BaseException):
        pass

    def listen(line):
        if line.startswith("tagging"):
            raise Killed

    settings = Settings.load()
    monkeypatch.delenv("HF_OIDC_RESOURCE")  # in this process the Hub's own client would ask the real Hub
    with pytest.raises(Killed):
        push(output, MODEL, pr=True, settings=settings, progress=listen)
    ours = repo.refs().pulls[1]
    (opened,) = repo.hub.api.get_repo_discussions(MODEL)
    assert opened.author == keyless.ACCOUNT
    repo.hub.api.upload_file(
        path_or_fileobj=b"theirs", path_in_repo="NOTICE", repo_id=MODEL, commit_message=opened.title, create_pr=True
    )
    done = push(output, MODEL, pr=True, settings=settings)
    assert (done.sha, done.pull_request) == (ours, 1)


def test_who_acts_is_asked_where_no_ci_says_it(repo, environ, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTOR")
    repo.version("v1.0.0")
    promote(f"{MODEL}@v1.0.0", override="first", settings=Settings.load())
    (event,) = [entry.event for entry in ledger.entries(repo.hub, MODEL, repo.refs())]
    assert event.actor == keyless.ACCOUNT


def test_a_job_elsewhere_brings_its_id_token(repo, local_hub, issuer):
    brought = job(issuer, id_token=issuer.mint(local_hub.url), request_url=None, request_token=None)
    assert works(local_hub, Keyless(local_hub.url, MODEL, brought).token())


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"workflow_ref": "acme/router-training/.github/workflows/other.yml@refs/heads/main"}, "workflow=other.yml"),
        ({"ref": "refs/heads/side"}, "branch=side"),
        ({"ref": "refs/tags/v1"}, "ref=refs/tags/v1"),
        ({"repository": "mallory/router-training"}, "repository=mallory/router-training"),
        ({"aud": "https://huggingface.co"}, "aud=https://huggingface.co"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_job_that_is_not_trusted_is_told_what_it_claims(
    repo, local_hub, environ, issuer, capsys, monkeypatch, claims, found
):
    id_token = issuer.mint(local_hub.url, **claims)
    monkeypatch.setenv("HF_OIDC_ID_TOKEN", id_token)
    repo.version("v1.0.0")
    assert run(["promote", f"{MODEL}@v1.0.0", "--override", "first"]) == 2
    err = capsys.readouterr().err
    assert f"gives this job no token for {MODEL}: invalid_grant" in err
    assert "expected a trusted publisher of acme/router" in err
    assert found in err
    assert f"{local_hub.url}/acme/router/settings" in err
    assert "hubver init" in err
    assert id_token.split(".")[2] not in err
    assert "production" not in repo.refs().branches


def test_a_job_without_the_permission_is_told_so(repo, environ, capsys, monkeypatch):
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.delenv(name)
    assert run(["promote", f"{MODEL}@v1.0.0", "--override", "first"]) == 2
    assert "id-token: write" in capsys.readouterr().err


@pytest.mark.parametrize("fault", [Answer(503), Answer(500), Drop("before"), Drop("after")], ids=repr)
def test_a_lost_answer_is_asked_for_again(repo, local_hub, issuer, fault):
    local_hub.faults.add("POST", EXCHANGE, fault)
    assert works(local_hub, Keyless(local_hub.url, MODEL, job(issuer)).token())


@contextmanager
def answering(status, body):
    """A service for id tokens that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with running(Handler) as url:
        yield f"{url}/idtoken?api-version=2.0"


@contextmanager
def running(handler):
    """The address of a server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, b"{}"), (404, b"<html>"), (200, b"[]"), (200, b"{}"), (200, b'{"value": 7}'), (200, b'{"value": ""}')],
    ids=str,
)
def test_github_s_service_that_fails_is_no_verdict_on_the_job(local_hub, issuer, status, body):
    with answering(status, body) as url, pytest.raises(HubFailed, match="GitHub gave this job no id token") as caught:
        Keyless(local_hub.url, MODEL, job(issuer, request_url=url)).token()
    assert issuer.secret not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize("status", [302, 307, 308])
def test_what_proves_who_a_job_is_goes_where_it_was_addressed_and_no_further(local_hub, issuer, status):
    went = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            went.append((self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0))))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  # http.server looks for this name

        def log_message(self, *_):
            pass

    with running(Handler) as url:
        with pytest.raises(HubFailed, match="failed to exchange") as caught:
            Keyless(url, MODEL, job(issuer)).token()
        with pytest.raises(HubFailed, match="GitHub gave this job no id token"):
            Keyless(local_hub.url, MODEL, job(issuer, request_url=f"{url}/idtoken")).token()
    assert [path.partition("?")[0] for path, _body in went] == [EXCHANGE, "/idtoken"]
    assert caught.value.found == f"status {status}"


def test_a_hub_that_fails_or_is_none_is_said_to(local_hub, issuer):
    local_hub.faults.add("POST", EXCHANGE, Answer(429), times=None)
    with pytest.raises(HubFailed, match="failed to exchange"):
        Keyless(local_hub.url, MODEL, job(issuer)).token()
    with answering(200, b"{}") as url, pytest.raises(HubFailed):
        Keyless(url.partition("/idtoken")[0], MODEL, job(issuer)).token()
    nowhere = job(issuer, request_url="http://127.0.0.1:9/idtoken")
    with pytest.raises(HubUnreachable, match="GitHub's service for id tokens did not answer"):
        Keyless(local_hub.url, MODEL, nowhere).token()


def test_a_token_is_renewed_after_half_its_life_and_used_to_its_end_where_it_cannot_be(repo, local_hub, issuer):
    clock = Clock()
    source = Keyless(local_hub.url, MODEL, job(issuer), clock=clock)
    hub = Hub(local_hub.url, source)
    issuer.asked.clear()
    first = hub.token
    clock.now += 1799
    assert hub.token == first
    clock.now += 2
    second = hub.token
    assert second != first
    assert hub.api.token == second.get_secret_value()
    local_hub.faults.add("POST", EXCHANGE, Answer(403), times=None)
    clock.now += 1900
    for _ in range(3):  # it is asked for again after a minute only
        assert hub.token == second
    assert len(issuer.asked) == 3
    clock.now += 1800
    with pytest.raises(BadToken):
        _ = hub.token
    local_hub.faults.clear()
    assert works(local_hub, hub.token)


def test_many_threads_ask_once(repo, local_hub, issuer):
    source, found = Keyless(local_hub.url, MODEL, job(issuer)), []
    issuer.asked.clear()
    threads = [threading.Thread(target=lambda: found.append(source.token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(issuer.asked) == 1


OIDC = OidcSettings(resource=MODEL)
KEPT, PRODUCTION = SecretStr("hf_kept"), SecretStr("hf_production")


@pytest.mark.parametrize(
    ("settings", "repo_id", "resource", "kept"),
    [
        ({"token": KEPT}, MODEL, None, KEPT),
        ({"oidc": OIDC}, MODEL, MODEL, None),
        ({"oidc": OIDC, "token": KEPT}, MODEL, MODEL, KEPT),  # as huggingface_hub has it
        ({"oidc": OIDC, "token": KEPT}, "acme/base", None, KEPT),
        ({"oidc": OIDC}, "acme/base", None, None),
        ({"oidc": OIDC, "token": KEPT}, None, None, KEPT),
        ({"oidc": OIDC}, THERE, THERE, None),
        ({"oidc": OIDC, "token": KEPT}, THERE, THERE, KEPT),
        ({"oidc": OIDC, "production_token": PRODUCTION}, THERE, None, PRODUCTION),
        ({"oidc": OidcSettings(resource=THERE), "production_token": PRODUCTION}, THERE, THERE, PRODUCTION),
        ({"oidc": OidcSettings(resource="dev")}, "acme/gated", "dev", None),
        ({"oidc": OidcSettings(resource="dev"), "token": KEPT}, "acme/gated", None, KEPT),
    ],
    ids=str,
)
def test_which_token_a_repository_gets(settings, repo_id, resource, kept):
    settings = Settings(channels={"production": ChannelSettings(repo=THERE)}, **settings)
    source = keyless.source(settings, repo_id)
    assert (source.resource if source else None) == resource
    assert settings.token_for(repo_id) == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_OIDC_RESOURCE", "no repository"),
        ("HF_OIDC_RESOURCE", "a/b/c"),
        ("HF_OIDC_RESOURCE", "../x"),
        ("HF_OIDC_ID_TOKEN", "secret secret"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "secret"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret\nsecret"),
    ],
)
def test_what_cannot_be_used_is_refused_and_not_shown(tmp_path, name, value):
    with pytest.raises(BadSettings, match="environment") as caught:
        Settings.load(tmp_path, {"HF_OIDC_RESOURCE": MODEL, name: value})
    assert "secret" not in str(caught.value)


def test_without_a_resource_nothing_is_exchanged(tmp_path):
    assert Settings.load(tmp_path, {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:9"}).oidc is None
    settings = Settings.load(tmp_path, {"HF_OIDC_RESOURCE": MODEL, "HF_OIDC_ID_TOKEN": "eyJ.hidden.x"})
    assert "hidden" not in f"{settings!r}{settings.model_dump_json()}"


def test_other_ci_systems_say_who_acts(tmp_path):
    settings = Settings.load(
        tmp_path, {"GITLAB_USER_LOGIN": "dev", "CI_PIPELINE_URL": "https://gitlab.com/acme/-/pipelines/7"}
    )
    assert (settings.actor, settings.run_url) == ("dev", "https://gitlab.com/acme/-/pipelines/7")


SHOWN = "import json, os, sys\nprint('hubver: ' + json.dumps(dict(os.environ)))"


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_gates_get_what_they_need_to_read_and_nothing_to_write_with(repo, environ, monkeypatch, private):
    repo.hub.api.update_repo_settings(MODEL, private=private)
    for name in ("HUBVER_PRODUCTION_TOKEN", "HUBVER_SIGN_PASSWORD", "GITHUB_TOKEN", "HUBVER_GITHUB_TOKEN"):
        monkeypatch.setenv(name, "hf_secret")
    lines = []
    code, _ = child.run([sys.executable, "-c", SHOWN], Settings.load(), lines.append, None)
    seen = json.loads(lines[0])
    assert code == 0
    # What it was given is taken out of what it says.
    assert seen.get("HF_TOKEN") == ("[token]" if private else None)
    assert "hf_secret" not in seen.values()
    assert not {name for name in seen if name.startswith(("ACTIONS_ID_TOKEN", "HF_OIDC"))}


def test_gates_get_a_token_that_is_kept_for_reading_and_no_other(repo, environ, issuer):
    settings = Settings.load().model_copy(update={"token": SecretStr("hf_readonly")})
    lines = []
    code = f"{SHOWN}; print('hubver: ' + str(len(os.environ['HF_TOKEN'])))"
    child.run([sys.executable, "-c", code], settings, lines.append, None)
    assert lines[1] == str(len("hf_readonly"))
    assert issuer.asked == []
