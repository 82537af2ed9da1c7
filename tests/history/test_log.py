from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from hashlib import sha256

import pytest
from ledgers import Book, write

from hubver.hub.contents import Upload
from hubver.hub.events import Pruned

RUN = "https://github.com/acme/router/actions/runs/123456789012"
REASON = "the old one leaks personal data and nobody can wait for the gate to finish today"


@pytest.fixture
def busy(repo) -> list[str]:
    """A ledger with an event of every kind but a signature; its commits, oldest first."""
    book = Book()
    book.publish(1)
    book.promote(1, override=REASON, in_steps=True, run_url=RUN)
    book.promote(2)
    book.judge(3, "fail")
    book.rollback(reason="too slow")
    book.quarantine(2)
    book.adopt(7)
    refs = {f"refs/tags/rollback/{number}-v1.{number}.0": "0" * 40 for number in range(4)}
    book.add(Pruned(**book.told(), refs=refs))
    book.promote(9, "staging")
    return write(repo, book)


def test_piped_each_event_is_one_line_with_all_that_belongs_to_it(busy, hubver):
    lines = hubver("log", "acme/router").splitlines()
    assert [line.split()[-1] for line in lines] == [sha[:8] for sha in reversed(busy)]
    assert [line[0] for line in lines] == [*"▲?✂◆■▼?▲?▲?•"]
    (forced,) = [line for line in lines if "override" in line]
    assert forced.endswith(
        f"  acme  promote v1.1.0 → production (first release, override): {REASON}; in steps; {RUN}  {busy[2][:8]}"
    )
    assert any("prune 4 refs; refs/tags/rollback/0-v1.0.0, " in line for line in lines)
    assert any("(was v1.1.0); way back: rollback/2-v1.1.0  " in line for line in lines)


FILTERS = [
    (("--channel", "staging"), ["promote v1.9.0 → staging (first release)"]),
    (("--kind", "quarantine", "--kind", "prune"), ["prune 4 refs", "quarantine v1.2.0"]),
    (("--kind", "promote", "--channel", "production", "-n", "1"), ["promote v1.2.0 → production (was v1.1.0)"]),
    (("--since", "2026-11-02T00:00Z"), ["promote v1.9.0 → staging (first release)"]),
    (("--since", "2026-11-02T00:00Z", "--kind", "verdict"), []),
    (("--channel", "canary"), []),
]


def test_what_is_asked_for_is_told(busy, hubver):
    for filters, titles in FILTERS:
        told = json.loads(hubver("log", "acme/router", "--json", *filters))
        assert [entry["title"] for entry in told] == titles, filters
        if not titles:
            assert "Nothing of the kind has happened in acme/router" in hubver("log", "acme/router", *filters)


def test_json_is_whole_and_wrong_words_are_refused(busy, hubver):
    told = json.loads(hubver("log", "acme/router", "--json", "-n", "12"))
    assert [entry["sha"] for entry in told] == busy[::-1]
    assert set(told[0]) == {"sha", "title", "event"}
    assert told[0]["event"]["state"]["channels"]["staging"]["release"]["version"] == "v1.9.0"
    assert "'dance'" in hubver("log", "acme/router", "--kind", "dance", code=2)
    assert "is no date" in hubver("log", "acme/router", "--since", "dawn", code=2)


def test_what_a_newer_hubver_wrote_is_told_as_such(repo, hubver):
    event = b'{"format": "hubver.event/9", "kind": "promote"}'
    upload = Upload("event.json", event, sha256(event).hexdigest())
    book = Book()
    book.publish(1)
    write(repo, book)
    head = repo.refs().branches["ledger"]
    repo.hub.commit(repo.repo_id, [upload], title="promote x", description=event.decode(), parent=head, branch="ledger")
    assert "promote x (by a newer hubver)" in hubver("log", "acme/router").splitlines()[0]


@pytest.mark.parametrize("width", [60, 100])
def test_in_a_terminal_nothing_is_wider_than_it(busy, local_hub, width):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = {**os.environ, **local_hub.environment(), "TERM": "xterm", "COLUMNS": str(width)}
    with subprocess.Popen(
        [sys.executable, "-m", "hubver", "log", "acme/router"], stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        said = b""
        while piece := _read(ours):
            said += piece
    os.close(ours)
    assert process.returncode == 0, said.decode()
    lines = re.sub(r"\x1b\[[0-9;]*m", "", said.decode()).splitlines()
    assert max(len(line) for line in lines) <= width
    folded = " ".join(line.strip() for line in lines)
    assert f"promote v1.1.0 → production (first release, override): {REASON} by acme [{busy[2][:8]}] in steps" in folded


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # what Linux says once the other end is closed
        return b""
