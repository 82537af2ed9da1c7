"""A CI provider that mints id tokens, as GitHub Actions does, on a real port."""

from __future__ import annotations

import json
import threading
import time
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

GITHUB = "https://token.actions.githubusercontent.com"
_LIFETIME_S = 300


def new_key(algorithm="RS256"):
    """A private key for RS256 or ES256."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """Mints id tokens about one job.

    Args:
        url: what it calls itself in `iss`.
        repository: of the job, which runs on the branch `main`.
        workflow: file name of its workflow.
        algorithm: RS256 or ES256.
    """

    def __init__(self, url=GITHUB, repository="acme/router-training", workflow="publish.yml", algorithm="RS256"):
        self.url = url
        self.algorithm = algorithm
        self.key = new_key(algorithm)
        self.kid = uuid.uuid4().hex
        self.secret = uuid.uuid4().hex
        self.asked = []
        self.job = _github_job(repository, workflow)
        self.server = None

    @property
    def jwks(self):
        """The public key, as providers publish it."""
        kind = jwt.get_algorithm_by_name(self.algorithm)
        key = json.loads(kind.to_jwk(self.key.public_key()))
        return {"keys": [{**key, "kid": self.kid, "alg": self.algorithm, "use": "sig"}]}

    def mint(self, audience, **changes):
        """An id token for an audience; `changes` replace claims, and drop those that are None."""
        now = int(time.time())
        times = {"iat": now, "nbf": now - 600, "exp": now + _LIFETIME_S}
        claims = {"jti": str(uuid.uuid4()), "iss": self.url, "aud": audience, **times, **self.job, **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers={"kid": self.kid})

    @property
    def environment(self):
        """What a job with `id-token: write` finds in its environment."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{self.server.server_port}/idtoken?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.secret,
        }


def _github_job(repository, workflow, ref="refs/heads/main", sha="c9ed89cf4dacf01feb527c42a26e0a8920d14c61"):
    """The claims of https://docs.github.com/en/actions/reference/security/oidc, those of a push to a branch."""
    owner = repository.partition("/")[0]
    workflow_ref = f"{repository}/.github/workflows/{workflow}@{ref}"
    return {
        "sub": f"repo:{repository}:ref:{ref}",
        "repository": repository,
        "repository_id": "424242",
        "repository_owner": owner,
        "repository_owner_id": "2020",
        "repository_visibility": "public",
        "ref": ref,
        "ref_type": "branch",
        "ref_protected": "true",
        "base_ref": "",
        "head_ref": "",
        "sha": sha,
        "workflow": "Publish to Hugging Face",
        "workflow_ref": workflow_ref,
        "workflow_sha": sha,
        "job_workflow_ref": workflow_ref,
        "job_workflow_sha": sha,
        "event_name": "push",
        "actor": "dev",
        "actor_id": "1001",
        "run_id": "22259804324",
        "run_number": "42",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
    }


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        issuer, asked = self.server.issuer, urlsplit(self.path)
        if asked.path == "/.well-known/jwks":
            return self._answer(200, issuer.jwks)
        if asked.path != "/idtoken":
            return self._answer(404, {})
        if self.headers["Authorization"] != f"Bearer {issuer.secret}":
            return self._answer(401, {})
        query = parse_qs(asked.query)
        issuer.asked.append(query)
        token = issuer.mint(query.get("audience", ["https://github.com/acme"])[0])
        return self._answer(200, {"count": len(token), "value": token})

    def _answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def serving(issuer):
    """Let jobs ask the issuer for tokens while the block lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.issuer, issuer.server = issuer, server
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
