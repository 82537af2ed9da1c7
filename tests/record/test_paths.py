from __future__ import annotations

from pathlib import Path

import pytest

from hubver.record.place.paths import portable

HERE = Path("/srv/jobs/alice/run 7")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("/srv/jobs/alice/run 7/data/a.jsonl", "data/a.jsonl", id="below the working directory"),
        pytest.param("/srv/jobs/alice/run 7", ".", id="the working directory"),
        pytest.param("--data=/srv/jobs/alice/run 7/a b.jsonl", "--data=a b.jsonl", id="of an option, with spaces"),
        pytest.param("/home/bob/base/model", "~/base/model", id="below the home directory"),
        pytest.param("/mnt/nfs-17/alice/x.jsonl", "[elsewhere]/x.jsonl", id="elsewhere"),
        pytest.param("/srv/jobs/alice/run 77/a", "[elsewhere]/a", id="a name that begins alike"),
        pytest.param("{'train': '/mnt/alice/x.jsonl'}", "{'train': '[elsewhere]/x.jsonl'}", id="in a mapping"),
        pytest.param(
            "no file '/mnt/alice/x', nor /mnt/b/y.", "no file '[elsewhere]/x', nor [elsewhere]/y.", id="prose"
        ),
        pytest.param("file:///mnt/alice/x", "file://[elsewhere]/x", id="a file's address"),
        pytest.param("https://example.org/a/b", "https://example.org/a/b", id="an address"),
        pytest.param("hf://datasets/a/b@main/x", "hf://datasets/a/b@main/x", id="an address of the Hub"),
        pytest.param("acme/base", "acme/base", id="an id of the Hub"),
        pytest.param("../data/x.jsonl", "../data/x.jsonl", id="relative"),
        pytest.param("/", "/", id="no place"),
        pytest.param("s/a/b", "s/a/b", id="a pattern"),
        pytest.param("\udcff", "?", id="bytes that are no text"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_paths_of_the_machine_are_taken_out_of_text(text, shown, monkeypatch):
    monkeypatch.setenv("HOME", "/home/bob")
    assert portable(text, HERE) == shown


def test_a_process_in_the_root_keeps_its_paths_apart(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    assert portable("/mnt/alice/x", Path("/")) == "[elsewhere]/x"
