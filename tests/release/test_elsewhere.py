"""Production in a repository of its own, which the token that trains and judges cannot touch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from hashlib import sha256

import pytest
from pydantic import SecretStr

from hubver import copies
from hubver.channel_settings import ChannelSettings
from hubver.channels import status
from hubver.doctor import doctor
from hubver.errors import BadInput, BadToken, GateFailed, HubFailed, NotFound, NotGated
from hubver.gate.asking.contenders import Contender, find_production
from hubver.gate.judge import _baseline
from hubver.hub import ledger, pulls
from hubver.hub.contents import Upload
from hubver.hub.events import Promoted, Source
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import connect, move
from hubver.localhub import Delay, Drop
from hubver.pins import resolve
from hubver.publish import push
from hubver.release import promote, quarantine, rollback
from hubver.verification import verify

THERE = "acme/router-production"
# What the way in which refs move plays no part in is tried on one.
ON_ONE = pytest.mark.parametrize("local_hub", ["atomic git"], indirect=True)


@pytest.fixture
def apart(repo):
    """A repository of models, and one for production, which has nothing yet."""
    repo.hub.create_repo(THERE)
    rules = {"production": ChannelSettings(repo=THERE), "staging": ChannelSettings(gated=False)}
    repo.settings = repo.settings.model_copy(update={"channels": rules})
    return repo


def version(repo, tag: str) -> str:
    """A version with a small file of its own, a large one of its own, and a large one that never changes."""
    files = {
        "weights.txt": tag.encode(),
        "own.bin": b"\0" + tag.encode() * 9,
        "same.bin": b"\0" * 99,
        "a [1].txt": b"x",
    }
    uploads = [Upload(path, data, sha256(data).hexdigest()) for path, data in files.items()]
    sha, _ = repo.hub.commit(repo.repo_id, uploads, title=tag, description="", parent=repo.refs().main)
    move(repo.hub, repo.repo_id, [Move(f"refs/tags/{tag}", None, sha)])
    return sha


def judge(repo, sha: str, outcome: str = "pass") -> str:
    """The verdict that a gate would give, against what it would find."""
    source = copies.running(repo.settings, repo.repo_id)
    return repo.judge(sha, outcome, source.sha if source else None, channel="production")


def go(repo, revision: str, **how):
    return promote(f"{repo.repo_id}@{revision}", settings=repo.settings, **how)


def promotions(repo) -> list[Promoted]:
    entries = ledger.entries(repo.hub, THERE, repo.hub.refs(THERE))
    return [entry.event for entry in entries if isinstance(entry.event, Promoted)]


def copied(repo) -> list[str]:
    commits = repo.hub.commits(THERE, "main", limit=50)
    return [commit.title for commit in commits if "Hubver-Copy-Of" in commit.message]


def test_production_runs_copies_to_the_byte_and_its_ledger_says_of_what(apart):
    shas = [version(apart, tag) for tag in ("v1.0.0", "v1.1.0")]
    verdicts = []
    for tag, sha in zip(("v1.0.0", "v1.1.0"), shas, strict=True):
        verdicts.append(judge(apart, sha))
        done = go(apart, tag)
        assert (done.repo_id, done.source) == (THERE, Source(repo_id=apart.repo_id, sha=sha))
        assert apart.hub.files(THERE, done.release.sha) == apart.hub.files(apart.repo_id, sha)
    refs = apart.hub.refs(THERE)
    assert refs.branches["production"] == refs.tags["v1.1.0"] == refs.main != shas[1]
    assert refs.tags["rollback/1-v1.0.0"] == refs.tags["v1.0.0"]
    assert [event.verdict for event in promotions(apart)] == verdicts[::-1]
    assert "production" not in apart.refs().branches
    # As they are, without a word of the other repository: loading, checking, and going back.
    assert resolve(THERE, settings=apart.settings).version == "v1.1.0"
    for revision in ("", "@production"):
        with pytest.raises(NotFound, match=f"production lives in {THERE}, not in acme/router"):
            resolve(f"{apart.repo_id}{revision}", settings=apart.settings)
    assert f"production lives in {THERE}. " in str(status(apart.repo_id, settings=apart.settings).warnings)
    assert status(THERE, settings=apart.settings).warnings == ()
    assert rollback(THERE, settings=apart.settings).release.version == "v1.0.0"
    # Forward again is a promotion, against what is there now, and copies nothing.
    judge(apart, shas[1])
    assert go(apart, "v1.1.0").release.sha == refs.main
    assert go(apart, "v1.1.0").already
    for repo_id in (THERE, apart.repo_id):
        assert doctor(repo_id, settings=apart.settings).problems == ()
    assert copied(apart) == ["v1.1.0 of acme/router", "v1.0.0 of acme/router"]


@ON_ONE
def test_a_copy_of_a_run_holds_against_its_record(apart, output):
    published = push(output, apart.repo_id, settings=apart.settings)
    judge(apart, published.sha)
    go(apart, "v1.0.0")
    here, there = (verify(f"{repo}@v1.0.0", settings=apart.settings) for repo in (apart.repo_id, THERE))
    assert there.findings == here.findings
    move(apart.hub, THERE, [Move("refs/tags/v1.0.0", apart.hub.refs(THERE).tags["v1.0.0"], None)])
    found = verify(f"{THERE}@production", settings=apart.settings).findings
    assert [(one.subject, one.fact) for one in found if one not in here.findings] == [("tag v1.0.0", "it is gone")]


def refused(repo, revision: str, error, words: str, **how):
    before = (repo.refs(), repo.hub.refs(THERE))
    with pytest.raises(error, match=words) as caught:
        go(repo, revision, **how)
    assert (repo.refs(), repo.hub.refs(THERE)) == before
    return caught.value


@ON_ONE
def test_nothing_is_copied_that_may_not_go_there(apart):
    one = version(apart, "v1.0.0")
    refused(apart, "v1.0.0", NotGated, r"no verdict on v1\.0\.0")
    judge(apart, one, "fail")
    refused(apart, "v1.0.0", GateFailed, "is fail")
    judge(apart, one)
    go(apart, "v1.0.0")
    two = version(apart, "v1.1.0")
    apart.repo_id, mine = THERE, apart.repo_id
    refused(apart, "v1.0.0", BadInput, "takes copies of another repository only")
    apart.repo_id = mine
    apart.judge(two, baseline=None, channel="production")
    refused(apart, "v1.1.0", NotGated, r"judged against no production, but v1\.0\.0 is in production now")
    judge(apart, two)
    quarantine(f"{mine}@v1.1.0", settings=apart.settings)
    refused(apart, "v1.1.0", NotGated, "quarantined")
    quarantine(f"{mine}@v1.1.0", lift=True, settings=apart.settings)
    go(apart, "v1.1.0")
    rollback(THERE, quarantine=True, settings=apart.settings)
    judge(apart, two)
    refused(apart, "v1.1.0", NotGated, f"quarantined in {THERE}")
    with pytest.raises(BadInput, match=f"production lives in {THERE}, not in {mine}"):
        rollback(mine, settings=apart.settings)


@ON_ONE
def test_what_hubver_did_not_bring_there_is_no_baseline(apart):
    judge(apart, version(apart, "v1.0.0"))
    stranger = apart.hub.refs(THERE).main
    move(apart.hub, THERE, [Move("refs/heads/production", None, stranger)])
    refused(apart, "v1.0.0", NotGated, f"{stranger[:8]} in {THERE} is no copy that hubver made")
    with pytest.raises(NotGated, match="is no copy"):
        _baseline(apart.hub, apart.repo_id, apart.refs(), apart.settings)
    assert go(apart, "v1.0.0", override="we know what it was").previous.sha == stranger


@ON_ONE
def test_copies_of_another_repository_are_not_mixed_in(apart):
    judge(apart, version(apart, "v1.0.0"))
    go(apart, "v1.0.0")
    apart.repo_id = "acme/other"
    apart.hub.create_repo(apart.repo_id)
    version(apart, "v1.0.0")
    refused(apart, "v1.0.0", NotGated, "holds copies of acme/router, not of acme/other", override="no matter")


@ON_ONE
def test_a_repository_that_is_not_there_is_not_made_for_all_to_see(apart):
    judge(apart, version(apart, "v1.0.0"))
    apart.hub.api.delete_repo(THERE)
    with pytest.raises(NotFound, match=THERE) as caught:
        go(apart, "v1.0.0")
    assert caught.value.hint == f"Make it, and say who may see it: hf repo create {THERE} --private"


@ON_ONE
def test_the_gate_compares_with_what_the_copy_is_of(apart):
    one = version(apart, "v1.0.0")
    assert _baseline(apart.hub, apart.repo_id, apart.refs(), apart.settings) is None
    judge(apart, one)
    go(apart, "v1.0.0")
    found = _baseline(apart.hub, apart.repo_id, apart.refs(), apart.settings)
    assert (found.repo_id, found.sha, found.revision) == (apart.repo_id, one, "v1.0.0")
    assert find_production(apart.settings, Contender("candidate", pin=found), None).sha == one


def test_each_token_is_used_for_its_own(apart, local_hub):
    """The one that reads here may not write anywhere; the one that writes there may not even see this repository."""
    judge(apart, version(apart, "v1.0.0"))
    apart.hub.api.update_repo_settings(apart.repo_id, private=True)
    tokens = {
        "token": SecretStr(local_hub.add_user("reader", orgs=("acme",), write=False)),
        "production_token": SecretStr(local_hub.add_user("keeper", grants={THERE: "write"}, orgs=("acme",))),
    }
    for token in tokens.values():
        weak = apart.settings.model_copy(update={"token": token, "production_token": None})
        with pytest.raises((BadToken, NotFound)):
            promote(f"{apart.repo_id}@v1.0.0", settings=weak)
        assert apart.hub.refs(THERE).branches.keys() == {"main"}
    both = apart.settings.model_copy(update=tokens)
    assert promote(f"{apart.repo_id}@v1.0.0", settings=both).repo_id == THERE
    assert "keeper" in {event.actor for event in promotions(apart)}


@ON_ONE
def test_a_candidate_becomes_its_version_in_both_and_is_merged(apart):
    version(apart, "v0.9.0")
    sha = apart.commit("weights of v1.0.0-rc.1", pull_request=True)
    move(apart.hub, apart.repo_id, [Move("refs/tags/v1.0.0-rc.1", None, sha)])
    number = pulls.with_head(apart.refs(), sha)
    judge(apart, sha)
    done = go(apart, "v1.0.0-rc.1")
    assert (str(done.release), done.pull_request, done.merged, done.note) == ("v1.0.0", number, True, None)
    assert (apart.refs().tags["v1.0.0"], apart.hub.refs(THERE).tags["v1.0.0"]) == (sha, done.release.sha)
    assert go(apart, "v1.0.0").already


@ON_ONE
def test_a_forged_copy_is_not_taken_for_one(apart):
    sha = version(apart, "v1.0.0")
    judge(apart, sha)
    data = b"other weights"
    apart.hub.commit(
        THERE,
        [Upload("weights.txt", data, sha256(data).hexdigest())],
        title="v1.0.0 of acme/router",
        description=f"Hubver-Copy-Of: {apart.repo_id}@{sha}",
        parent=apart.hub.refs(THERE).main,
    )
    refused(apart, "v1.0.0", HubFailed, "does not hold the same files, so no channel moves to it")


@ON_ONE
def test_versions_with_the_same_files_share_a_copy(apart):
    for tag in ("v1.0.0", "v1.0.1"):
        sha = version(apart, "v1.0.0") if tag == "v1.0.0" else apart.refs().main
        if tag != "v1.0.0":
            move(apart.hub, apart.repo_id, [Move(f"refs/tags/{tag}", None, sha)])
        judge(apart, sha)
        go(apart, tag)
    assert copied(apart) == ["v1.0.0 of acme/router"]


@pytest.mark.parametrize("lost", ["the copy", "the line", "the answers"])
def test_cut_short_anywhere_the_same_promote_finishes_and_doubles_nothing(apart, local_hub, lost, tmp_path):
    judge(apart, version(apart, "v1.0.0"))
    git = not connect(apart.hub, THERE).name.startswith("HTTP")
    line = "*/git-receive-pack" if git else "*/commit/ledger"
    if lost == "the answers":
        for path in ("*/commit/main", line):
            local_hub.faults.add("POST", path, Drop("after"))
        assert go(apart, "v1.0.0").source is not None
    else:
        path = "*/commit/main" if lost == "the copy" else line
        local_hub.faults.add("POST", path, Delay(600), times=None)
        (tmp_path / "hubver.toml").write_text(f'[channels.production]\nrepo = "{THERE}"', encoding="utf-8")
        victim = subprocess.Popen(
            [sys.executable, "-m", "hubver", "promote", f"{apart.repo_id}@v1.0.0"],
            cwd=tmp_path,
            env={**os.environ, **local_hub.environment()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = "copying" if lost == "the copy" else "moving"
        assert any(until in said for said in victim.stderr)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        victim.stderr.close()
        local_hub.faults.clear()
        assert "production" not in apart.hub.refs(THERE).branches
        go(apart, "v1.0.0")
    assert go(apart, "v1.0.0").already
    assert copied(apart) == ["v1.0.0 of acme/router"]
    assert len(promotions(apart)) == 1
    assert apart.hub.refs(THERE).branches["production"] == promotions(apart)[0].release.sha
