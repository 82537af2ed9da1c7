from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from ledgers import Book, write
from pydantic import SecretStr
from stock_git import Git

from hubver.errors import AlreadyExists, BadInput, HubFailed, HubverError, NotFound
from hubver.export import check, export
from hubver.hub.client import Hub
from hubver.hub.events import Release, State
from hubver.hub.transport.moves import LEDGER_REF, Move
from hubver.hub.transport.way import move
from hubver.localhub import LocalHub
from hubver.localhub.switches import Switches
from hubver.release import promote, rollback


@pytest.fixture
def git(tmp_path) -> Git:
    return Git(tmp_path)


def small_book() -> Book:
    book = Book()
    for number in range(1, 8):
        book.publish(number)
        book.promote(number)
    book.rollback()
    return book


def test_the_whole_trail_is_read_by_git_alone(repo, git, tmp_path, hubver):
    sha = repo.version("v1.0.0")
    repo.judge(sha)
    promote(f"{repo.repo_id}@v1.0.0", settings=repo.settings)
    assert "router-ledger.bundle: 2 events of acme/router" in hubver("export", "acme/router")
    file = tmp_path / "router-ledger.bundle"
    git("bundle", "verify", file, cwd=_empty(git, tmp_path))
    git("clone", "-q", file, "ledger")
    titles = git("log", "--format=%s", "HEAD", cwd=tmp_path / "ledger").splitlines()
    assert titles == repo.titles()
    git("checkout", "-q", "HEAD~", cwd=tmp_path / "ledger")
    assert (tmp_path / "ledger" / "gate-report.md").read_text() == "# evidence\n"
    assert json.loads((tmp_path / "ledger" / "event.json").read_bytes())["outcome"] == "pass"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    out = hubver("export", "--check", str(file), "acme/router")
    assert "2 events" in out
    assert "acme/router still holds all of them, and no others" in out


def _empty(git: Git, tmp_path) -> object:
    git("init", "-q", "empty")
    return tmp_path / "empty"


def test_what_git_bundles_is_checked_just_as_well(repo, git, tmp_path, local_hub):
    write(repo, small_book())
    address = f"{local_hub.url}/{repo.repo_id}".replace("://", f"://hubver:{local_hub.token}@")
    git("clone", "-q", "-b", "ledger", address, "clone")
    git("bundle", "create", "-q", "../ours.bundle", "ledger", cwd=tmp_path / "clone")
    found = check(tmp_path / "ours.bundle", repo.repo_id, settings=repo.settings)
    assert (found.ok, found.events, found.newer, found.notes) == (True, 22, 0, ())
    git("bundle", "create", "-q", "../part.bundle", "HEAD~3..ledger", cwd=tmp_path / "clone")
    with pytest.raises(BadInput, match="no whole export"):
        check(tmp_path / "part.bundle")
    git("bundle", "create", "-q", "../other.bundle", "HEAD", cwd=tmp_path / "clone")
    with pytest.raises(BadInput, match="holds no ledger"):
        check(tmp_path / "other.bundle")


def test_an_older_export_is_replaced_and_nothing_else_is(repo, tmp_path):
    file = tmp_path / "trail.bundle"
    book = small_book()
    write(repo, book)
    assert not export(repo.repo_id, file, settings=repo.settings).replaced
    old = file.read_bytes()
    later = Book(state=book.state, hours=book.hours)
    later.publish(9)
    shas = write(repo, later)
    found = check(file, repo.repo_id, settings=repo.settings)
    assert (found.ok, found.newer) == (True, 1)
    made = export(repo.repo_id, file, settings=repo.settings)
    assert (made.replaced, made.head, made.events) == (True, shas[-1], 23)
    # The Hub's ledger is cut back: what the file holds is not to be lost.
    move(repo.hub, repo.repo_id, [Move(LEDGER_REF, shas[-1], found.head)])
    kept = file.read_bytes()
    with pytest.raises(AlreadyExists, match="does not hold"):
        export(repo.repo_id, file, settings=repo.settings)
    assert file.read_bytes() == kept
    assert export(repo.repo_id, file, force=True, settings=repo.settings).head == found.head
    assert len(file.read_bytes()) == len(old)
    file.write_text("my thesis")
    with pytest.raises(AlreadyExists, match="no export of a ledger"):
        export(repo.repo_id, file, settings=repo.settings)
    assert file.read_text() == "my thesis"
    with pytest.raises(BadInput, match="cannot be written: No such file or directory"):
        export(repo.repo_id, tmp_path / "none" / "x", settings=repo.settings)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".trail")] == []


def test_without_a_ledger_there_is_nothing_to_export(repo, tmp_path):
    with pytest.raises(NotFound, match="has no ledger yet"):
        export(repo.repo_id, tmp_path / "trail.bundle", settings=repo.settings)
    assert not (tmp_path / "trail.bundle").exists()


def test_a_history_that_was_rewritten_is_named_by_its_first_event(repo, tmp_path, hubver):
    file = tmp_path / "trail.bundle"
    book = small_book()
    shas = write(repo, book)
    export(repo.repo_id, file, settings=repo.settings)
    # Somebody writes the same ledger again, with one verdict turned round.
    (position,) = [at for at, entry in enumerate(book.entries) if entry.title.startswith("verdict pass for v1.4.0")]
    move(repo.hub, repo.repo_id, [Move(LEDGER_REF, shas[-1], None)])
    forged = Book(entries=list(book.entries))
    event = book.entries[position].event.model_copy(update={"outcome": "fail"})
    forged.entries[position] = replace(book.entries[position], event=event)
    write(repo, forged)
    found = check(file, repo.repo_id, settings=repo.settings)
    (finding,) = found.findings
    assert (finding.sha, found.newer) == (shas[position], None)
    assert finding.expected == "verdict pass for v1.4.0 (against v1.3.0)"
    assert finding.found.endswith("verdict fail for v1.4.0 (against v1.3.0)")
    assert check(file).ok
    told = hubver("export", "--check", str(file), "acme/router", "--json", code=1)
    assert told.endswith("comparing with the ledger of acme/router\n")
    # What the forger wrote does not hold together, either: v1.4.0 was promoted by a verdict that is no pass.
    (wrong,) = check(export(repo.repo_id, tmp_path / "forged", settings=repo.settings).file).findings
    assert "the verdict it goes by is not a pass" in wrong.fact


def test_states_that_do_not_follow_are_found_without_the_hub(repo, tmp_path):
    book = small_book()
    now = datetime(2026, 11, 5, tzinfo=timezone.utc)
    book.add(book.entries[0].event.model_copy(update={"at": now, "state": State()}))
    shas = write(repo, book)
    export(repo.repo_id, tmp_path / "trail.bundle", settings=repo.settings)
    found = check(tmp_path / "trail.bundle")
    (finding,) = found.findings
    assert (finding.sha, found.ok, found.repo_id) == (shas[-1], False, None)
    assert str(finding).startswith(f"event {shas[-1][:8]}: its state does not follow from the one before (expected")


def test_moves_by_other_means_are_notes(repo, tmp_path, hubver):
    shas = []
    for tag in ("v1.0.0", "v1.1.0"):
        shas.append(repo.version(tag))
        repo.judge(shas[-1])
        promote(f"{repo.repo_id}@{tag}", settings=repo.settings)
    other = repo.commit("strange")
    move(repo.hub, repo.repo_id, [Move("refs/heads/production", shas[1], other)])
    rollback(repo.repo_id, settings=repo.settings)
    export(repo.repo_id, tmp_path / "trail.bundle", settings=repo.settings)
    found = check(tmp_path / "trail.bundle")
    assert (found.ok, len(found.notes)) == (True, 1)
    assert Release(sha=other).sha[:8] in str(found.notes[0])


def test_every_byte_that_is_changed_or_lost_is_found(repo, tmp_path):
    book = Book()
    book.promote(1)
    write(repo, book)
    file, bad = tmp_path / "trail.bundle", tmp_path / "bad.bundle"
    export(repo.repo_id, file, settings=repo.settings)
    whole = file.read_bytes()
    assert check(file).ok
    begin = whole.index(b"PACK")
    for position in range(0, len(whole), 7):
        bad.write_bytes(whole[:position] + bytes([whole[position] ^ 0x21]) + whole[position + 1 :])
        if position >= begin:
            assert not check(bad).ok, position
        else:
            _refused_or_found(bad)
    for length in range(0, len(whole), 29):
        bad.write_bytes(whole[:length])
        _refused_or_found(bad)
    bad.write_bytes(whole[:begin].replace(whole[begin - 60 : begin - 20], b"0" * 40) + whole[begin:])
    _refused_or_found(bad)


def _refused_or_found(file) -> None:
    with suppress(BadInput):
        assert not check(file).ok


def test_another_head_in_the_header_is_found(repo, tmp_path):
    shas = write(repo, small_book())
    file = tmp_path / "trail.bundle"
    export(repo.repo_id, file, settings=repo.settings)
    file.write_bytes(file.read_bytes().replace(shas[-1].encode(), b"e" * 40))
    (finding,) = check(file).findings
    assert "the object eeeeeeee is missing" in str(finding)


def test_what_arrives_cut_short_leaves_no_file(repo, tmp_path, monkeypatch):
    write(repo, small_book())
    from hubver.export import writing

    real = writing.fetch

    def short(hub, repo_id, branch, write):
        left = 900

        def some(piece: bytes) -> int:
            nonlocal left
            write(piece[:left])
            left = max(0, left - len(piece))
            return len(piece)

        return real(hub, repo_id, branch, some)

    monkeypatch.setattr(writing, "fetch", short)
    with pytest.raises(HubFailed, match="no whole ledger"):
        export(repo.repo_id, tmp_path / "trail.bundle", settings=repo.settings)
    assert not [path for path in tmp_path.iterdir() if "trail" in path.name]


def test_wrong_use_is_said(hubver, tmp_path):
    assert "ORG/NAME" in hubver("export", code=2)
    assert "--check takes one file" in hubver("export", "acme/router", "x", "--check", "y", code=2)
    assert "cannot be read" in hubver("export", "--check", "none.bundle", code=2)
    assert "no export of a ledger" in hubver("export", "--check", _text(tmp_path), code=2)
    assert re.search("does not exist", hubver("export", "acme/missing", code=2))


def _text(tmp_path) -> str:
    (tmp_path / "text").write_text("hello")
    return str(tmp_path / "text")


def test_a_public_trail_needs_no_token_and_git_is_needed(repo, tmp_path):
    write(repo, small_book())
    anyone = repo.settings.model_copy(update={"token": None})
    assert export(repo.repo_id, tmp_path / "trail.bundle", settings=anyone).events == 22
    found = check(tmp_path / "trail.bundle", repo.repo_id, settings=anyone)
    assert (found.ok, found.newer) == (True, 0)
    with LocalHub(tmp_path / "no-git", switches=Switches(git_http=False)) as hub:
        settings = repo.settings.model_copy(update={"endpoint": hub.url, "token": SecretStr(hub.token)})
        other = replace(repo, hub=Hub.of(settings), settings=settings)
        other.hub.create_repo(repo.repo_id)
        other.judge(other.version("v1.0.0"))
        with pytest.raises(HubverError, match="by git"):
            export(repo.repo_id, tmp_path / "other.bundle", settings=settings)
    assert not (tmp_path / "other.bundle").exists()
    with LocalHub(
        tmp_path / "no-git"
    ) as hub:  # what was written over HTTP is exported all the same, where there is git
        settings = settings.model_copy(update={"endpoint": hub.url})
        assert export(repo.repo_id, tmp_path / "other.bundle", settings=settings).events == 1
        found = check(tmp_path / "other.bundle", repo.repo_id, settings=settings)
    assert (found.findings, found.events, found.newer) == ((), 1, 0)
