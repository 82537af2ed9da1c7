from __future__ import annotations

import pytest

from hubver.record.secrets import is_secret_name, redact, redact_argv, redact_value

# Put together here, so that no scanner takes this file for a leak.
SECRETS = {
    "hugging face": "hf_" + "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA",
    "hugging face organisation": "api_org_" + "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA",
    "github": "ghp_" + "a1B2" * 9,
    "github, fine": "github_pat_" + "11ABCDEFG0" * 5,
    "gitlab": "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "openai": "sk-" + "proj-a1B2c3D4e5F6g7H8",
    "stripe": "sk_live_" + "a1B2c3D4e5F6g7H8",
    "slack": "xoxb-" + "123456789012-abcdefABCDEF",
    "google": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "pypi": "pypi-" + "AgEIcHlwaS5vcmcCJGE1",
    "npm": "npm_" + "a1B2c3D4" * 5,
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("around", ["{}", "x = '{}'", "see {}, please", "+    login({})", "https://h/?t={}&u=1"])
def test_a_token_is_found_wherever_it_stands(secret, around):
    text = redact(around.format(secret))
    assert secret not in text
    assert "[redacted]" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password = 'hunter2!'", "password = '[redacted]'"),
        ('"api_key": "abcd1234"', '"api_key": "[redacted]"'),
        ("MY_SECRET=abcd1234 python x.py", "MY_SECRET=[redacted] python x.py"),
        ("+  db_password: hunter2", "+  db_password: [redacted]"),
        ("https://me:pass@h.example/x", "https://[redacted]@h.example/x"),
        ("postgres://u:p@db/x", "postgres://[redacted]@db/x"),
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
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


def test_redacting_twice_is_redacting_once():
    text = "password = 'hunter2!' https://me:pass@h/x " + SECRETS["github"]
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
    value = {"hub_token": "abc", "eos_token": "<eos>", "deep": [{"api_key": "x1"}, SECRETS["openai"]], "n": 3}
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
