"""Secrets of every kind that a training run meets, made up anew, so that no scanner takes this file for a leak."""

from __future__ import annotations

import base64
import json
import random
import string
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

_HEX = "0123456789abcdef"
_LETTERS = string.ascii_letters
_WORD = string.ascii_letters + string.digits
_BASE64 = _WORD + "+/"
_URL = _WORD + "-_"
_random = random.Random(20_240)


def _of(alphabet: str, length: int) -> str:
    return "".join(_random.choice(alphabet) for _ in range(length))


def _jwt() -> str:
    head, body = ('{"alg":"HS256","typ":"JWT"}', f'{{"sub":"{_of(_HEX, 12)}","iat":1700000000}}')
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (head, body)]
    return ".".join([*encoded, _of(_URL, 43)])


def _pem(kind: str) -> str:
    lines = "\n".join(_of(_BASE64, 64) for _ in range(4))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


# Kind → how one is made, after what its service publishes of its form. The secret has this form wherever it stands.
SHAPED: dict[str, Callable[[], str]] = {
    "Hugging Face": lambda: "hf" + "_" + _of(_LETTERS, 34),
    "Hugging Face, url-safe": lambda: "hf" + "_aB3" + _of(_URL, 32),
    "Hugging Face organisation": lambda: "api" + "_org_" + _of(_LETTERS, 34),
    "Hugging Face OAuth": lambda: "hf" + "_oauth_" + _jwt(),
    "OpenAI, legacy": lambda: "sk" + "-" + _of(_WORD, 20) + "T3Blbk" + "FJ" + _of(_WORD, 20),
    "OpenAI, project": lambda: "sk" + "-proj-" + _of(_URL, 74) + "T3Blbk" + "FJ" + _of(_URL, 74),
    "OpenAI, service account": lambda: "sk" + "-svcacct-" + _of(_URL, 58) + "T3Blbk" + "FJ" + _of(_URL, 58),
    "Anthropic": lambda: "sk" + "-ant-api03-" + _of(_URL, 93) + "AA",
    "OpenRouter": lambda: "sk" + "-or-v1-" + _of(_HEX, 64),
    "DeepSeek": lambda: "sk" + "-" + _of(_HEX, 32),
    "Replicate": lambda: "r8" + "_" + _of(_WORD, 37),
    "Groq": lambda: "gsk" + "_" + _of(_WORD, 52),
    "xAI": lambda: "xai" + "-" + _of(_WORD, 80),
    "Perplexity": lambda: "pplx" + "-" + _of(_WORD, 48),
    "NVIDIA": lambda: "nvapi" + "-" + _of(_URL, 64),
    "Pinecone": lambda: "pcsk" + "_" + _of(_WORD, 6) + "_" + _of(_WORD, 63),
    "LangSmith": lambda: "lsv2" + "_pt_" + _of(_HEX, 32) + "_" + _of(_HEX, 10),
    "RunPod": lambda: "rpa" + "_" + _of(string.ascii_uppercase + string.digits, 42),
    "Weights & Biases, new": lambda: "wandb" + "_v1_" + _of(_WORD, 77),
    "AWS key id": lambda: "AK" + "IA" + _of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
    "AWS temporary key id": lambda: "AS" + "IA" + _of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
    "AWS Bedrock": lambda: "AB" + "SK" + _of(_BASE64, 128),
    "Google API": lambda: "AI" + "za" + _of(_URL, 35),
    "Google OAuth access": lambda: "ya" + "29." + _of(_URL, 68),
    "Google OAuth client": lambda: "GOC" + "SPX-" + _of(_URL, 28),
    "Azure AD client": lambda: _of(_WORD, 3) + "8Q" + "~" + _of(_WORD + "~._-", 34),
    "GitHub": lambda: "gh" + "p_" + _of(_WORD, 36),
    "GitHub app": lambda: "gh" + "s_" + _of(_WORD, 36),
    "GitHub, fine-grained": lambda: "github" + "_pat_" + _of(_WORD, 22) + "_" + _of(_WORD, 59),
    "GitLab": lambda: "gl" + "pat-" + _of(_URL, 20),
    "GitLab runner": lambda: "gl" + "rt-" + _of(_URL, 20),
    "GitLab CI job": lambda: "gl" + "cbt-64_" + _of(_URL, 20),
    "Bitbucket": lambda: "AT" + "BB" + _of(_WORD, 32),
    "Atlassian": lambda: "ATA" + "TT3" + _of(_URL, 186),
    "npm": lambda: "np" + "m_" + _of(_WORD, 36),
    "PyPI": lambda: "py" + "pi-AgEIcHlwaS5vcmc" + _of(_URL, 120),
    "RubyGems": lambda: "ruby" + "gems_" + _of(_HEX, 48),
    "Docker Hub": lambda: "dckr" + "_pat_" + _of(_URL, 27),
    "Slack bot": lambda: "xo" + "xb-" + _of("123456789", 12) + "-" + _of("123456789", 12) + "-" + _of(_WORD, 24),
    "Slack app": lambda: "xa" + "pp-1-A" + _of("ABCDEF123", 10) + "-" + _of("123456789", 12) + "-" + _of(_HEX, 64),
    "Slack webhook": lambda: (
        "https://hooks." + "slack.com/services/T" + _of("ABC123", 9) + "/B" + _of("ABC123", 9) + "/" + _of(_WORD, 24)
    ),
    "Discord bot": lambda: "MT" + _of(_WORD, 22) + "5." + _of(_WORD, 6) + "." + _of(_URL, 38),
    "Discord webhook": lambda: "https://" + "discord.com/api/webhooks/" + _of("123456789", 18) + "/" + _of(_URL, 68),
    "Telegram bot": lambda: _of("123456789", 10) + ":A" + "A" + _of(_URL, 33),
    "Twilio": lambda: "S" + "K" + _of(_HEX, 32),
    "SendGrid": lambda: "S" + "G." + _of(_URL, 22) + "." + _of(_URL, 43),
    "Mailgun": lambda: "key" + "-" + _of(_HEX, 32),
    "Mailchimp": lambda: _of(_HEX, 32) + "-us" + "12",
    "Stripe": lambda: "sk" + "_live_" + _of(_WORD, 24),
    "Stripe, restricted": lambda: "rk" + "_test_" + _of(_WORD, 60),
    "Square": lambda: "sq0" + "csp-" + _of(_URL, 43),
    "Shopify": lambda: "shp" + "at_" + _of(_HEX, 32),
    "DigitalOcean": lambda: "dop" + "_v1_" + _of(_HEX, 64),
    "Databricks": lambda: "da" + "pi" + _of(_HEX, 32),
    "Heroku": lambda: "HR" + "KU-AA" + _of(_URL, 58),
    "Vault": lambda: "hv" + "s." + _of(_URL, 95),
    "Terraform Cloud": lambda: _of(_WORD, 14) + ".atlas" + "v1." + _of(_URL, 67),
    "Pulumi": lambda: "pul" + "-" + _of(_HEX, 40),
    "Grafana": lambda: "gl" + "sa_" + _of(_WORD, 32) + "_" + _of(_HEX, 8),
    "New Relic": lambda: "NR" + "AK-" + _of(string.ascii_uppercase + string.digits, 27),
    "Sentry": lambda: "sn" + "tryu_" + _of(_HEX, 64),
    "Notion": lambda: "nt" + "n_" + _of("123456789", 11) + _of(_WORD, 35),
    "Linear": lambda: "lin" + "_api_" + _of(_WORD, 40),
    "Airtable": lambda: "pa" + "t" + _of(_WORD, 14) + "." + _of(_HEX, 64),
    "Supabase": lambda: "sb" + "p_" + _of(_HEX, 40),
    "Prefect": lambda: "pn" + "u_" + _of(_WORD, 36),
    "Doppler": lambda: "dp" + ".pt." + _of(_WORD, 43),
    "1Password": lambda: "ops" + "_eyJ" + _of(_BASE64, 260),
    "Alibaba": lambda: "LT" + "AI" + _of(_WORD, 20),
    "age": lambda: "AGE-" + "SECRET-KEY-1" + _of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "JSON Web Token": _jwt,
    "RSA key": lambda: _pem("RSA "),
    "PKCS8 key": lambda: _pem(""),
    "OpenSSH key": lambda: _pem("OPENSSH "),
}

# Secrets that look like any other text: only what stands around them tells. `{}` is where the secret goes.
KEYED: dict[str, tuple[str, Callable[[], str]]] = {
    "Weights & Biases": ("WANDB_API_KEY={}", lambda: _of(_HEX, 40)),
    "Cohere": ("CO_API_KEY={}", lambda: _of(_WORD, 40)),
    "Mistral": ("MISTRAL_API_KEY={}", lambda: _of(_WORD, 32)),
    "Together": ("TOGETHER_API_KEY={}", lambda: _of(_HEX, 64)),
    "AWS secret key": ("AWS_SECRET_ACCESS_KEY={}", lambda: _of(_BASE64, 40)),
    "AWS session": ("AWS_SESSION_TOKEN={}", lambda: "FwoG" + _of(_BASE64, 200)),
    "Azure storage key": (
        "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={};EndpointSuffix=core.windows.net",
        lambda: _of(_BASE64, 86) + "==",
    ),
    "Azure SAS": (
        "https://acme.blob.core.windows.net/data/train.jsonl?sv=2022-11-02&sp=r&sig={}",
        lambda: quote(_of(_BASE64, 43) + "=", safe=""),
    ),
    "AWS signed address": (
        "https://acme.s3.amazonaws.com/train.jsonl?X-Amz-Date=20240101T000000Z&X-Amz-Signature={}",
        lambda: _of(_HEX, 64),
    ),
    "password in a URL": ("https://reader:{}@git.acme.example/data.git", lambda: "p4ss" + _of(_WORD, 10)),
    "token as a URL's user": ("https://{}@git.acme.example/data.git", lambda: _of(_WORD, 24)),
    "database URL": ("postgresql+psycopg://trainer:{}@db.acme.example:5432/runs", lambda: "Pg" + _of(_WORD, 14)),
    "Redis URL": ("redis://:{}@cache.acme.example:6379/0", lambda: "Rd" + _of(_WORD, 14)),
    "bearer": ("Authorization: Bearer {}", lambda: _of(_WORD, 40)),
    "basic": (
        "Authorization: Basic {}",
        lambda: base64.b64encode(f"trainer:{_of(_WORD, 16)}".encode()).decode(),
    ),
    "query": ("https://api.acme.example/v1?user=me&api_key={}&n=1", lambda: _of(_WORD, 32)),
    "a password": ('password = "{}"', lambda: "correct-horse" + _of(_WORD, 8)),
    "a key in camel case": ('"apiKey": "{}"', lambda: _of(_WORD, 32)),
    "a login": ('wandb.login(key="{}")', lambda: _of(_HEX, 40)),
    "curl": ("curl -u trainer:{} https://api.acme.example", lambda: "Cu" + _of(_WORD, 14)),
    "netrc": ("machine api.wandb.ai login user password {}", lambda: _of(_HEX, 40)),
}


def forms(secret: str) -> list[bytes]:
    """How a secret may stand in bytes: plain, escaped as JSON or as a URL does, and in base64 whatever comes before."""
    found = {secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3], quote(secret, safe="")}
    raw = secret.encode()
    for shift in range(3):
        # The first and the last group of three also hold what stands beside, so only those between are the secret's.
        found.add(base64.b64encode(b"\0" * shift + raw).decode()[4 if shift else 0 :].rstrip("=")[:-3])
    # A key of several lines is given away by any of them.
    found.update(line for line in secret.splitlines() if len(line) >= 40 and "PRIVATE KEY" not in line)
    return sorted(text.encode() for text in found)
