from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from secret_kinds import KEYED, SHAPED, forms

from hubver.record.secrets import Known, is_secret_name, redact, redact_argv, redact_value

ROOT = Path(__file__).parents[2]
AROUND = [
    "{}",
    "x = '{}'",
    "see {}, please",
    "+    login({})",
    "https://h/?t={}&u=1",
    '"print(\\"{}\\")\\n",',
    "key: {}\n",
]


def left_of(secret: str, text: str) -> list[bytes]:
    return [form for form in forms(secret) if form in text.encode()]


@pytest.mark.parametrize("kind", SHAPED)
def test_a_token_is_found_wherever_it_stands(kind):
    for around in AROUND:
        secret = SHAPED[kind]()
        text = redact(around.format(secret))
        assert not left_of(secret, text), around
        assert "[redacted]" in text, around


@pytest.mark.parametrize("kind", KEYED)
def test_a_secret_without_a_form_is_found_by_what_stands_around_it(kind):
    template, make = KEYED[kind]
    for around in ("{}", "+{}", "run: {}", "a first line\n{}\nand a last"):
        secret = make()
        text = around.format(template.format(secret))
        for said in (text, json.dumps(text), json.dumps(json.dumps(text))):
            assert not left_of(secret, redact(said)), said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password = 'hunter2!'", "password = '[redacted]'"),
        ('"api_key": "abcd1234"', '"api_key": "[redacted]"'),
        ("MY_SECRET=abcd1234 python x.py", "MY_SECRET=[redacted] python x.py"),
        ("+  db_password: hunter2", "+  db_password: [redacted]"),
        ("https://me:pass@h.example/x", "https://[redacted]@h.example/x"),
        ("postgres://u:p@db/x", "postgres://[redacted]@db/x"),
        ("https://u:p@ss@h.example/x", "https://[redacted]@h.example/x"),
        ("os.environ.get('MY_TOKEN', 'a1b2c3d4')", "os.environ.get('MY_TOKEN', '[redacted]')"),
        ("add_argument('--api-key', default='a1b2c3d4')", "add_argument('--api-key', default='[redacted]')"),
        ('password = """hunter2"""', 'password = """[redacted]"""'),
        ("password = 'never closed", "password = '[redacted]"),
        ("train.py --api-key a1b2c3d4e5 --lr 1", "train.py --api-key [redacted] --lr 1"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer [redacted]"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest",
            "[redacted]\nrest",
        ),
    ],
)
def test_a_value_beside_a_secret_name_is_hidden(text, expected):
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "eos_token = '<eos>'",
        "pad_token='[PAD]'",
        '"prefix_token": "▁<PRE>", "tool_call_token": "[TOOL_CALL]"',
        "max_tokens = 512, num_tokens=12",
        "tokenizer = AutoTokenizer.from_pretrained('gpt2')",
        "token = os.environ['HF_TOKEN']",
        "def login(token: str) -> None:",
        "token: SecretStr | None = None",
        "HF_TOKEN: ${{ secrets.HF_TOKEN }}",
        "HF_TOKEN=$TOKEN",
        "a commit 8f14e45fceea167a5a36dedd4bea2543 and hf_hub_download()",
        "git@github.com:org/project.git",
        "sk-learn and task-oriented",
        "EXPIRED_TOKEN = 'expired_token'",
        "    token: bool | str | None = None,",
        "        token: sent as a bearer token; anonymous if None.",
        "hf_text_config_with_a_long_name_and_more",
        "ssh://git@github.com/org/project.git",
        "https://user:{password}@host/ and https://$USER:$PASSWORD@host/",
        "basic authentication, a token classification, bearer tokens-of-any-kind",
        "api_key=api_key, token=self.hub_token, password=args.password_v2",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "run-20260102-030405-8f14e45f and mistralai/Mistral-7B-Instruct-v0.3",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


def test_redacting_twice_is_redacting_once():
    text = "password = 'hunter2!' https://me:pass@h/x " + SHAPED["GitHub"]()
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--token", "abc", "--lr", "1"], ("--token", "[redacted]", "--lr", "1")),
        (["--hub-token=abc"], ("--hub-token=[redacted]",)),
        (["WANDB_API_KEY=abc"], ("WANDB_API_KEY=[redacted]",)),
        (["--token", "--lr", "1"], ("--token", "--lr", "1")),
        (["--eos-token", "<eos>", "--max-tokens", "5"], ("--eos-token", "<eos>", "--max-tokens", "5")),
        (["--password", "-starts-with-dash"], ("--password", "[redacted]")),
    ],
)
def test_command_lines(argv, expected):
    assert redact_argv(argv) == expected


def test_mappings_are_redacted_by_name_and_by_shape_at_any_depth():
    value = {"hub_token": "abc", "eos_token": "<eos>", "deep": [{"api_key": "x1"}, SHAPED["Groq"]()], "n": 3}
    expected = {
        "hub_token": "[redacted]",
        "eos_token": "<eos>",
        "deep": [{"api_key": "[redacted]"}, "[redacted]"],
        "n": 3,
    }
    assert redact_value(value) == expected


@pytest.mark.parametrize("name", ["token", "--token", "HF_TOKEN", "hubToken", "client_secret", "aws.secret_access_key"])
def test_secret_names(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["eos_token", "--pad-token", "num_input_tokens_seen", "tokenizer", "monkey", "key"])
def test_other_names(name):
    assert not is_secret_name(name)


def test_lists_and_keys_are_redacted_too():
    key = SHAPED["Replicate"]()
    assert redact_value({"token": ["abc", "def"], key: 1}) == {"token": ["[redacted]", "[redacted]"], "[redacted]": 1}


def test_a_key_that_is_cut_short_ends_where_no_key_goes_on():
    key = SHAPED["RSA key"]()
    begin = key[: len(key) // 2]
    assert redact(f"{begin}\n@@ -1 +1 @@ <rest>") == "[redacted]@@ -1 +1 @@ <rest>"
    assert redact(f"{begin}\n{key}\n<rest>") == "[redacted][redacted]\n<rest>"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(lambda: (ROOT / "hubver" / "hub").rglob("*.py"), id="the client of the Hub"),
        pytest.param(lambda: (ROOT / "docs").rglob("*.md"), id="this project's guides"),
        pytest.param(lambda: _installed("trl").rglob("*.jinja"), id="chat templates"),
        pytest.param(lambda: _installed("trl").glob("trainer/[dgs]*_config.py"), id="training arguments"),
        pytest.param(lambda: _installed("peft").glob("tuners/lora/config.py"), id="adapter configurations"),
    ],
)
def test_ordinary_texts_come_through_unchanged(files):
    seen = [file for file in files() if redact(text := file.read_text(encoding="utf-8")) != text]
    assert not seen
    assert list(files())


def _installed(package: str) -> Path:
    return Path(importlib.util.find_spec(package).origin).parent


HOSTILE = [
    *("a", "a_", "a.", "key", "token ", "token_", "token=", 'token="', "token=\\", "--token ", 'get("token",'),
    *("-----BEGIN PRIVATE KEY-----", "hf_", "sk-a-", "eyJ-", "eyJaaaaaaaaa.", "://a", "a://b@", "?key=", "- ", "\n"),
    *("login(", "curl -u a ", "Bearer ", "N5", "0123456789:A", '\\"', "token: "),
]


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_no_text_takes_more_than_its_share_of_time(piece):
    text = piece * (30_000 // len(piece))
    # Were the time quadratic in the length, this would take minutes.
    assert len(redact(text)) < 10 * len(text)


def test_what_the_environment_says_is_secret_is_hidden_wherever_it_stands():
    value = 'so "quiet" & long'
    known = Known.of(
        {"TRACKER_PASSWORD": value, "HF_TOKEN_PATH": "/run/token", "API_KEY": "<key>", "PIN_SECRET": "1234"}
    )
    encoded = base64.b64encode(value.encode()).decode()
    for form in (value, json.dumps(value), quote(value, safe=""), encoded):
        hidden = redact(f"login failed for {form}!", known)
        assert "[redacted]" in hidden, form
        assert form.strip('"=') not in hidden
    text = "/run/token <key> 1234"
    assert redact(text, known) == text
    assert redact_value({"deep": [value]}, known) == {"deep": ["[redacted]"]}
    assert redact_argv(["--note", value], known) == ("--note", "[redacted]")
