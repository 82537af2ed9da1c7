"""`hubver show` and `hubver diff` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from adapters import factors, write
from huggingface_hub import HfApi
from road import python

from hubver.cli.main import run
from hubver.publish import push


@pytest.fixture
def cli(repo, local_hub, monkeypatch, tmp_path, capsys):
    """Two versions on the Hub, and a way to run commands; it returns the code, the output and the errors."""
    api = HfApi(endpoint=local_hub.url, token=local_hub.token)
    api.create_repo("acme/base")
    for name, seed, rank in (("a", 1, 4), ("b", 2, 8)):
        push(write(tmp_path / name, factors(seed, rank=rank)), repo.repo_id, settings=repo.settings)
    for name, value in local_hub.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "hf_" not in out + err, "a token was shown"
        return code, out, err

    return call


def test_a_difference_is_named(cli):
    code, out, _ = cli("diff", "acme/router@v1.0.0", "v1.1.0")
    assert code == 0
    assert "One factor changed: the adapter's shape. Not recorded by both runs: data, hyperparameters" in out
    assert "r 4 → 8" in out
    assert "After A, B is a minor version, v1.1.0: r 4 → 8" in out


def test_a_difference_as_json_has_a_stable_shape(cli):
    code, out, err = cli("diff", "acme/router@v1.0.0", "v1.1.0", "--weights", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert set(found) == {"a", "b", "summary", "factors", "changes", "next", "contradictions", "weights"}
    assert found["factors"]["changed"] == ["adapter"]
    assert set(found["changes"][0]) == {"group", "field", "old", "new", "sentence", "standing"}
    assert found["next"] == {"bump": "minor", "reason": "r 4 → 8", "version": "v1.1.0"}
    assert (found["weights"]["a"]["ranks"], found["weights"]["b"]["ranks"]) == ([4], [8])
    module = found["weights"]["modules"][0]
    assert set(module) == {"name", "target", "layer", "a", "b", "cosine"}
    assert len(module["b"]["measured"]["singular_values"]) == 8
    assert found["a"]["version"] == "v1.0.0"


def test_weights_are_shown_as_tables(cli):
    code, out, _ = cli("diff", "a", "acme/router@v1.1.0", "--weights")
    assert code == 0
    assert "Cosine between the two updates" in out
    assert "q_proj" in out


def test_the_page_is_written(cli, tmp_path):
    code, _, err = cli("diff", "a", "b", "--html", "page.html")
    assert code == 0
    assert "The page is in page.html" in err
    assert "<!doctype html>" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_record_is_shown_in_words_and_as_it_is_stored(cli, repo):
    code, out, _ = cli("show", "acme/router@v1.1.0")
    assert code == 0
    for text in ("acme/router@v1.1.0", "LoRA of rank 8, alpha 16, on q_proj, up_proj", "gaps"):
        assert text in out
    _, out, _ = cli("show", "acme/router@v1.1.0", "--json")
    assert json.loads(out) == json.loads(repo.hub.read(repo.repo_id, "v1.1.0", "hubver.json"))
    _, out, _ = cli("show", "acme/router@v1.1.0", "--json", "--weights")
    assert json.loads(out)["measured"]["ranks"] == [8]


BAD = {
    "no record": (("show", "acme/base@main"), "has no hubver.json"),
    "no such version": (("show", "acme/router@v9.9.9"), "no revision 'v9.9.9'"),
    "nothing in production": (("show", "acme/router"), "Nothing is in production"),
    "no such folder": (("diff", "./nowhere", "a"), "There is no folder ./nowhere."),
    "no name": (("diff", "a", "v1.0.0"), "does not name a repository"),
    "an empty folder": (("diff", "empty", "a"), ""),
}


@pytest.mark.parametrize(("arguments", "sentence"), BAD.values(), ids=BAD)
def test_what_cannot_be_shown_is_said(cli, tmp_path, arguments, sentence):
    (tmp_path / "empty").mkdir()
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err


@pytest.mark.parametrize("command", [["show", "acme/router@v1.1.0"], ["diff", "acme/router@v1.0.0", "v1.1.0"]], ids=str)
def test_words_need_nothing_heavy(cli, local_hub, command):
    code = (
        "import sys; from hubver.cli.main import run\n"
        f"assert run({command!r}) == 0\n"
        "print([name for name in ('torch', 'transformers', 'numpy', 'dulwich', 'jinja2') if name in sys.modules])"
    )
    done = python("-c", code, cwd=Path.cwd(), env=local_hub.environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
