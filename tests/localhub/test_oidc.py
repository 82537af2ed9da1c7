"""Trusted publishers: jobs that publish without a token of their own, by the client's own road and by raw requests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from huggingface_hub import CommitOperationAdd, HfApi, get_session
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from oidc_issuer import GITHUB, Issuer, serving

from hubver.errors import BadInput
from hubver.localhub import LocalHub, Publisher, Switches, Trust

REPO = "acme/router"
CLAIMS = {"repository": "acme/router-training", "branch": "main", "workflow": "publish.yml"}
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
ORIGIN = f"{GITHUB} repo:acme/router-training:ref:refs/heads/main"


class Clock:
    """The time, and as much later as wanted."""

    def __init__(self):
        self.ahead = 0

    def __call__(self):
        return time.time() + self.ahead


@pytest.fixture(scope="module")
def issuer():
    with serving(Issuer()) as running:
        yield running


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="module")
def trust(issuer):
    publishers = [
        Publisher(REPO, CLAIMS),
        Publisher("datasets/acme/tickets", {"repository": "acme/router-training", "environment": "release"}),
        Publisher("acme", {"repository": "acme/router-training"}),
    ]
    return Trust(publishers, {GITHUB: issuer.jwks})


@pytest.fixture
def hub(tmp_path, trust, clock):
    with LocalHub(tmp_path / "hub", trust=trust, clock=clock) as running:
        HfApi(endpoint=running.url, token=running.token).create_repo(REPO)
        yield running


@pytest.fixture(scope="module")
def strict(trust, tmp_path_factory):
    """A Hub for requests that it refuses."""
    with LocalHub(tmp_path_factory.mktemp("strict"), trust=trust) as running:
        HfApi(endpoint=running.url, token=running.token).create_repo(REPO)
        yield running


def ask(hub, **changes):
    asked = {"grant_type": GRANT, "subject_token_type": ID_TOKEN, "resource": REPO, **changes}
    return get_session().post(f"{hub.url}/oauth/token", json=asked)


def exchange(hub, issuer, resource=REPO, **claims):
    answer = ask(hub, subject_token=issuer.mint(hub.url, **claims), resource=resource)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def refusal(answer):
    assert answer.status_code == 400, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]
    assert set(answer.json()) == {"error", "error_description"}
    return answer.json()["error"]


def status_of(call, *arguments, **keywords):
    with pytest.raises(HfHubHTTPError) as refused:
        call(*arguments, **keywords)
    return refused.value.response.status_code


def commit(api, repo=REPO, path="a", **more):
    return api.create_commit(repo, [CommitOperationAdd(path, b"x")], commit_message="Change", **more)


def run_client(hub, tmp_path, *arguments, **environment):
    """The `hf` command of a job, which has neither a token nor a home with one."""
    known = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1", "HF_ENDPOINT": hub.url}
    return subprocess.run(
        [sys.executable, "-m", "huggingface_hub.cli.hf", *arguments],
        env={**known, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_job_on_github_publishes_without_a_token(hub, api, issuer, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/README.md").write_text("# Router\n")
    (tmp_path / "model/weights.bin").write_bytes(bytes(1000))
    environment = {**issuer.environment, "HF_OIDC_RESOURCE": REPO}
    done = run_client(hub, tmp_path, "upload", REPO, str(tmp_path / "model"), ".", **environment)
    assert done.returncode == 0, done.stderr
    newest = api.list_repo_commits(REPO)[0]
    assert newest.authors == ["[OIDC]"]
    assert {f.path for f in api.list_repo_tree(REPO)} == {".gitattributes", "README.md", "weights.bin"}
    assert issuer.asked[-1]["audience"] == [hub.url]
    kept = b"".join(f.read_bytes() for f in hub.root.rglob("*") if f.is_file() and ".git" not in str(f))
    assert b"hf_jwt_" not in kept


def test_job_elsewhere_brings_its_id_token(hub, issuer, tmp_path):
    environment = {"HF_OIDC_RESOURCE": REPO, "HF_OIDC_ID_TOKEN": issuer.mint(hub.url)}
    tokens = {run_client(hub, tmp_path, "auth", "token", **environment).stdout.strip() for _ in range(2)}
    assert len(tokens) == 2  # each run exchanges the same id token anew
    for token in tokens:
        assert token.startswith("hf_jwt_")
        commit(HfApi(endpoint=hub.url, token=token))


def test_refused_job_is_told_why(hub, issuer, tmp_path):
    environment = {"HF_OIDC_RESOURCE": REPO, "HF_OIDC_ID_TOKEN": issuer.mint("https://huggingface.co")}
    done = run_client(hub, tmp_path, "auth", "token", **environment)
    assert done.returncode != 0
    assert "invalid_grant" in done.stderr
    assert "Request ID" in done.stderr
    assert environment["HF_OIDC_ID_TOKEN"] not in done.stderr


def test_answer_is_that_of_the_documentation(hub, issuer):
    id_token = issuer.mint(hub.url)
    form = {"grant_type": GRANT, "subject_token_type": ID_TOKEN, "resource": REPO, "subject_token": id_token}
    answer = ask(hub, subject_token=id_token)
    by_form = get_session().post(
        f"{hub.url}/oauth/token",
        content=urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.headers["cache-control"] == "no-store"
    for known in (answer.json(), by_form.json()):
        assert known.pop("access_token").startswith("hf_jwt_")
        assert known == {
            "token_type": "bearer",
            "expires_in": 3600,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        }


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token": ["a"]}, "invalid_request"),
        ({"subject_token": "x" * 70_000}, "invalid_request"),
        ({"resource": None}, "invalid_request"),
        ({"resource": "a/b/c"}, "invalid_request"),
        ({"resource": "models/acme/router"}, "invalid_request"),
        ({"resource": "../acme"}, "invalid_request"),
        ({"resource": "acme/missing"}, "invalid_grant"),
        ({"resource": "spaces/acme/router"}, "invalid_grant"),
        ({"resource": "datasets/acme/router"}, "invalid_grant"),
        ({"resource": "nobody"}, "invalid_grant"),
        ({"subject_token": "no.jwt"}, "invalid_grant"),
        ({"subject_token": "a.b.c"}, "invalid_grant"),
    ],
)
def test_bad_requests_are_refused_as_oauth_does(strict, issuer, changes, error):
    asked = {"subject_token": issuer.mint(strict.url), **changes}
    assert refusal(ask(strict, **asked)) == error


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b'{"resource":"a","resource":"b"}', b"[" * 60_000])
def test_bodies_that_are_no_request_are_refused(strict, body):
    assert refusal(get_session().post(f"{strict.url}/oauth/token", content=body)) == "invalid_request"


NOW = int(time.time())


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://huggingface.co"},
        {"aud": None},
        {"aud": ["https://a", "https://b"]},
        {"iss": "https://token.actions.githubusercontent.com/"},
        {"iss": "https://evil.example.org"},
        {"iss": None},
        {"sub": None},
        {"exp": NOW - 1},
        {"exp": None},
        {"exp": "never"},
        {"exp": True},
        {"iat": NOW + 1000},
        {"iat": None},
        {"nbf": NOW + 1000},
        {"repository": "acme/router-training-fork"},
        {"repository": "Acme/router-training"},
        {"repository": None},
        {"repository": ["acme/router-training"]},
        {"ref": "refs/tags/main"},
        {"ref": "refs/heads/main2"},
        {"ref": None},
        {"workflow_ref": "acme/router-training/.github/workflows/other.yml@refs/heads/main"},
        {"workflow_ref": None, "workflow": "publish.yml"},
        {"ref": "refs/heads/other", "branch": "main"},
    ],
    # By the clock at which the tests were collected; names must be the same in every process.
    ids=lambda claims: str({name: value - NOW if type(value) is int else value for name, value in claims.items()}),
)
def test_id_token_that_does_not_fit_is_refused(strict, issuer, claims):
    assert refusal(ask(strict, subject_token=issuer.mint(strict.url, **claims))) == "invalid_grant"


def unsigned(header, claims, sign=lambda _: b""):
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = base64.urlsafe_b64encode(sign(b".".join(parts))).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_forged_signatures_are_refused(strict, issuer):
    good = issuer.mint(strict.url)
    claims, kid = claims_of(good), issuer.kid
    public = issuer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    stranger = Issuer()
    stranger.kid = kid
    mallory = issuer.jwks["keys"][0] | {"n": stranger.jwks["keys"][0]["n"]}
    forged = {
        "unsigned": unsigned({"alg": "none", "kid": kid}, claims),
        "signature dropped": good.rpartition(".")[0] + ".",
        "HMAC with the public key": unsigned(
            {"alg": "HS256", "kid": kid}, claims, lambda text: hmac.digest(public, text, hashlib.sha256)
        ),
        "HMAC with the modulus": unsigned(
            {"alg": "HS256", "kid": kid},
            claims,
            lambda text: hmac.digest(issuer.jwks["keys"][0]["n"].encode(), text, hashlib.sha256),
        ),
        "another key": stranger.mint(strict.url),
        "another key under its own name": Issuer().mint(strict.url),
        "a key in the header": unsigned({"alg": "RS256", "kid": kid, "jwk": mallory}, claims, lambda _: b"x" * 256),
        "an unknown critical header": unsigned({"alg": "RS256", "kid": kid, "crit": ["b64"], "b64": False}, claims),
        "other claims": ".".join(
            [good.split(".")[0], issuer.mint(strict.url, sub="other").split(".")[1], good.split(".")[2]]
        ),
        "no header": "e30." + ".".join(good.split(".")[1:]),
    }
    answers = {name: refusal(ask(strict, subject_token=token)) for name, token in forged.items()}
    assert answers == dict.fromkeys(forged, "invalid_grant")
    assert ask(strict, subject_token=good).status_code == 200


def test_issuers_do_not_speak_for_each_other(tmp_path):
    ours = Issuer("https://gitlab.example.org", algorithm="ES256")
    theirs = Issuer("https://other.example.org", algorithm="ES256")
    trust = Trust(
        [Publisher(REPO, {"project_path": "acme/router"}, issuer=ours.url)],
        {ours.url: ours.jwks, theirs.url: theirs.jwks},
    )
    with LocalHub(tmp_path, trust=trust) as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo(REPO)
        fitting = {"project_path": "acme/router"}
        assert ask(hub, subject_token=ours.mint(hub.url, **fitting)).status_code == 200
        assert refusal(ask(hub, subject_token=theirs.mint(hub.url, **fitting))) == "invalid_grant"
        assert refusal(ask(hub, subject_token=theirs.mint(hub.url, iss=ours.url, **fitting))) == "invalid_grant"
        # Branch and workflow are read out of GitHub's claims only: elsewhere a claim is what it says.
        assert refusal(ask(hub, subject_token=ours.mint(hub.url, project_path="acme/other"))) == "invalid_grant"


def test_token_is_for_one_repo(hub, api, issuer):
    api.create_repo("acme/other")
    api.create_repo("acme/secret", private=True)
    api.create_repo("acme/router", repo_type="dataset")
    api.create_discussion("acme/other", title="Hello")
    job = HfApi(endpoint=hub.url, token=exchange(hub, issuer))
    commit(job)
    job.create_tag(REPO, tag="v1")
    job.auth_check(REPO, write=True)
    assert job.model_info("acme/other").id == "acme/other"
    refused = {
        "commit": status_of(commit, job, "acme/other"),
        "commit to a data set of the same name": status_of(commit, job, REPO, repo_type="dataset"),
        "propose": status_of(commit, job, "acme/other", create_pr=True),
        "comment": status_of(job.comment_discussion, "acme/other", 1, "me too"),
        "create": status_of(job.create_repo, "acme/new"),
        "create its own": status_of(job.create_repo, "new"),
        "move": status_of(job.move_repo, REPO, "acme/newer"),
        "webhooks": status_of(job.list_webhooks),
    }
    assert refused == dict.fromkeys(refused, 403)
    with pytest.raises(RepositoryNotFoundError):
        job.model_info("acme/secret")


def test_token_ends_after_an_hour(hub, issuer, clock, git):
    token = exchange(hub, issuer)
    job = HfApi(endpoint=hub.url, token=token)
    clock.ahead = 3590
    commit(job)
    clock.ahead = 3600
    assert status_of(job.whoami) == 401
    assert status_of(commit, job, path="b") == 401
    git("init", "-q", "work")
    git.commit(git.home / "work", "a", b"a")
    address = hub.url.replace("//", f"//job:{token}@") + f"/{REPO}"
    refused = git.run("push", address, "HEAD:refs/heads/late", cwd=git.home / "work")
    assert "Authentication failed" in refused.stderr
    assert commit(HfApi(endpoint=hub.url, token=exchange(hub, issuer, exp=NOW + 5000)), path="b").oid


def test_token_ends_with_the_server(tmp_path, hub, issuer, trust):
    token = exchange(hub, issuer)
    hub.__exit__(None, None, None)
    with LocalHub(tmp_path / "hub", trust=trust) as again:
        assert status_of(HfApi(endpoint=again.url, token=token).whoami) == 401


def test_job_is_named_wherever_it_acts(hub, api, issuer, git, tmp_path):
    token = exchange(hub, issuer)
    job = HfApi(endpoint=hub.url, token=token)
    me = job.whoami()
    assert (me["name"], me["auth"]["accessToken"]["displayName"]) == ("[OIDC]", ORIGIN)
    scope = me["auth"]["accessToken"]["fineGrained"]["scoped"]
    assert [(s["entity"]["type"], s["entity"]["name"]) for s in scope] == [("model", REPO)]
    oid = commit(job).oid
    assert api.list_repo_commits(REPO)[0].authors == ["[OIDC]"]
    number = commit(job, path="b", create_pr=True).pr_num
    job.comment_discussion(REPO, number, "see the run")
    git("clone", "-q", hub.url.replace("//", f"//job:{token}@") + f"/{REPO}", "clone")
    git("fetch", "-q", "origin", f"refs/pr/{number}", cwd=git.home / "clone")
    git("checkout", "-q", "FETCH_HEAD", cwd=git.home / "clone")
    git.commit(git.home / "clone", "c", b"c")
    git("push", "-q", "origin", f"HEAD:refs/pr/{number}", cwd=git.home / "clone")
    details = api.get_discussion_details(REPO, number)
    assert {details.author, *(event.author for event in details.events)} == {"[OIDC]"}
    assert len([event for event in details.events if event.type == "commit"]) == 2
    git("fsck", "--strict", cwd=hub.root / f"models/{REPO}/repo.git")
    assert git("show", "-s", "--format=%an", oid, cwd=hub.root / f"models/{REPO}/repo.git") == "[OIDC]"


def test_git_pushes_with_the_token(hub, api, issuer, git):
    token = exchange(hub, issuer)
    api.create_repo("acme/other")
    address = hub.url.replace("//", f"//job:{token}@")
    git("clone", "-q", f"{address}/{REPO}", "clone")
    pushed = git.commit(git.home / "clone", "a", b"a")
    git("push", "-q", "--atomic", "origin", "main", "HEAD:refs/tags/v1", cwd=git.home / "clone")
    assert api.model_info(REPO, revision="v1").sha == api.model_info(REPO).sha == pushed
    assert git.run("push", f"{address}/acme/other", "HEAD:x", cwd=git.home / "clone").returncode != 0


def test_user_token_reads_gated_repos_and_nothing_more(hub, api, issuer, tmp_path):
    boss = HfApi(endpoint=hub.url, token=hub.add_user("boss"))
    for owner, name in ((boss, "boss/open"), (boss, "boss/closed"), (api, "acme/mine")):
        owner.create_repo(name)
        commit(owner, name)
        owner.update_repo_settings(name, gated="manual")
    boss.grant_access("boss/open", "acme")
    api.create_repo("acme/secret", private=True)
    token = exchange(hub, issuer, resource="acme")
    assert token.startswith("hf_oauth_")
    reader = HfApi(endpoint=hub.url, token=token)
    assert reader.whoami()["name"] == "acme"
    for name in ("boss/open", "acme/mine"):
        assert reader.hf_hub_download(name, "a", local_dir=tmp_path / name)
    with pytest.raises(GatedRepoError):
        reader.hf_hub_download("boss/closed", "a", local_dir=tmp_path / "closed")
    with pytest.raises(RepositoryNotFoundError):
        reader.model_info("acme/secret")
    assert "acme/secret" not in {model.id for model in reader.list_models()}
    refused = [
        status_of(commit, reader),
        status_of(reader.create_discussion, REPO, title="Hello"),
        status_of(reader.create_repo, "acme/new"),
        status_of(reader.list_webhooks),
    ]
    assert refused == [403] * 4


def test_publisher_follows_its_repo(hub, api, issuer):
    api.move_repo(REPO, "acme/newer")
    for name in (REPO, "acme/newer"):
        assert commit(HfApi(endpoint=hub.url, token=exchange(hub, issuer, resource=name)), "acme/newer", path=name).oid


def test_one_fitting_publisher_is_enough(hub, api, issuer):
    api.create_repo("acme/tickets", repo_type="dataset")
    job = HfApi(endpoint=hub.url, token=exchange(hub, issuer, resource="datasets/acme/tickets", environment="release"))
    commit(job, "acme/tickets", repo_type="dataset")
    other = issuer.mint(hub.url, environment="staging")
    assert refusal(ask(hub, subject_token=other, resource="datasets/acme/tickets")) == "invalid_grant"


def test_id_tokens_may_be_good_for_one_exchange(tmp_path, trust, issuer):
    with LocalHub(tmp_path, trust=trust, switches=Switches(id_token_once=True)) as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo(REPO)
        id_token = issuer.mint(hub.url)
        assert refusal(ask(hub, subject_token=id_token, resource="acme/missing")) == "invalid_grant"
        assert ask(hub, subject_token=id_token).status_code == 200
        assert refusal(ask(hub, subject_token=id_token)) == "invalid_grant"
        assert ask(hub, subject_token=issuer.mint(hub.url)).status_code == 200


def test_hub_without_publishers_trusts_nobody(tmp_path, issuer):
    with LocalHub(tmp_path) as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo(REPO)
        assert refusal(ask(hub, subject_token=issuer.mint(hub.url))) == "invalid_grant"


@pytest.mark.parametrize("claims", [{}, {"repository": ""}, {"repository": None}, {"run": 7}])
def test_publisher_without_claims_is_refused(claims):
    with pytest.raises(BadInput, match="needs claims"):
        Publisher(REPO, claims)


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": []},
        {"keys": "none"},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [{**Issuer().jwks["keys"][0], "use": "enc"}]},
        {"keys": [{**Issuer().jwks["keys"][0], "alg": "RS512"}]},
    ],
)
def test_issuer_without_a_usable_key_is_refused(tmp_path, jwks):
    with pytest.raises(BadInput, match="no key"), LocalHub(tmp_path, trust=Trust((), {GITHUB: jwks})):
        pass


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"publishers": [], "issuers": []}', '{"publishers": [{"resource": "a/b"}], "issuers": {}}'],
)
def test_file_of_publishers_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "publishers.json").write_text(content)
    with pytest.raises(BadInput, match="does not list trusted publishers") as refused:
        Trust.read(tmp_path / "publishers.json")
    assert refused.value.hint


def test_served_hub_takes_publishers_from_a_file(tmp_path, issuer):
    publisher = {"resource": REPO, "claims": CLAIMS}
    file = tmp_path / "publishers.json"
    file.write_text(json.dumps({"publishers": [publisher], "issuers": {GITHUB: issuer.jwks}}))
    assert Trust.read(file) == Trust([Publisher(REPO, CLAIMS)], {GITHUB: issuer.jwks})
    command = [sys.executable, "-m", "hubver", "hub", "serve", "--root", str(tmp_path / "hub"), "--port", "0"]
    with subprocess.Popen(
        [*command, "--publishers", str(file)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        lines = dict(process.stdout.readline().strip().removeprefix("export ").split("=", 1) for _ in range(3))
        url, token_file = lines["HF_ENDPOINT"], lines["HF_TOKEN_PATH"]
        HfApi(endpoint=url, token=Path(token_file).read_text()).create_repo(REPO)
        asked = {"grant_type": GRANT, "subject_token_type": ID_TOKEN, "resource": REPO}
        answer = get_session().post(f"{url}/oauth/token", json={**asked, "subject_token": issuer.mint(url)})
        process.terminate()
    assert answer.status_code == 200
