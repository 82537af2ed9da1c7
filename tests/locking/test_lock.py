"""`lock`: what is pinned, what is refused, and what moves."""

from __future__ import annotations

import hashlib
import json

import pytest
from outputs import write_adapter
from starlette.responses import Response

from hubver.errors import BadInput, NotFound, Refused, Tampered
from hubver.hub.contents import git_blob
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.loading import load
from hubver.locking import verb
from hubver.pins import resolve
from hubver.publish import push
from hubver.release import quarantine, rollback


def test_what_is_in_production_is_pinned_to_the_byte(quiet):
    repo = quiet.repo
    done = quiet.lock("acme/router")
    assert (done.written, [change.before for change in done.changes]) == (True, [None])
    locked, refs = quiet.model(), repo.refs()
    assert (locked.revision, locked.version) == ("production", "v1.0.0")
    assert locked.sha == refs.branches["production"]
    assert locked.ledger == refs.branches["ledger"]
    stored = repo.hub.files("acme/router", locked.sha)
    assert locked.files.keys() == stored.keys()
    for path, file in locked.files.items():
        content = repo.hub.read("acme/router", locked.sha, path)
        assert file.size == len(content)
        assert file.blob == stored[path].blob
        if path not in ("README.md", ".gitattributes"):
            assert file.sha256 == hashlib.sha256(content).hexdigest(), path
    assert locked.record_sha256 == locked.files["hubver.json"].sha256
    base = locked.base
    assert (base.repo_id, base.sha) == ("acme/base", repo.hub.refs("acme/base").main)
    assert list(base.files) == ["config.json", "model.safetensors"]
    assert base.files["model.safetensors"].sha256 == hashlib.sha256(b"weights").hexdigest()
    assert base.files["config.json"].blob == git_blob(b'{"model_type": "llama"}')


def test_the_file_holds_no_address_and_no_token(quiet, quiet_hub):
    quiet.lock("acme/router")
    text = quiet.path.read_text()
    assert quiet_hub.url not in text
    assert "http" not in text
    assert "hf_" not in text


def test_locking_again_with_nothing_changed_does_not_touch_the_file(quiet):
    quiet.lock("acme/router")
    before, content = quiet.path.stat(), quiet.path.read_bytes()
    again = quiet.lock("acme/router@production")
    assert not again.written
    assert quiet.path.stat().st_mtime_ns == before.st_mtime_ns
    quiet.path.unlink()
    quiet.lock("acme/router")
    assert quiet.path.read_bytes() == content


def test_events_that_move_nothing_move_no_lock(application):
    """Another verdict grows the ledger; a lock that followed its head would change in every review."""
    application.lock("acme/router")
    before = application.path.read_bytes()
    application.repo.judge(application.model().sha)
    assert not application.lock("acme/router").written
    assert application.path.read_bytes() == before


def test_fields_of_a_newer_hubver_survive_until_the_commit_moves(application):
    application.lock("acme/router")
    value = json.loads(application.path.read_text())
    value["models"]["acme/router"]["origin"] = {"sealed": True}
    value["team"] = "routing"
    application.path.write_text(json.dumps(value))
    application.lock("acme/router@v1.0.0")
    there = json.loads(application.path.read_text())
    assert (there["team"], there["models"]["acme/router"]["origin"]) == ("routing", {"sealed": True})
    assert there["models"]["acme/router"]["revision"] == "v1.0.0"
    application.publish("v1.1.0", seed=1)
    application.lock("acme/router@v1.1.0")
    there = json.loads(application.path.read_text())
    assert (there["team"], "origin" in there["models"]["acme/router"]) == ("routing", False)


def test_without_a_revision_the_file_s_own_is_asked_for_again(application):
    application.lock("acme/router@v1.0.0")
    application.publish("v1.1.0", seed=1, production=True)
    application.lock("acme/router")
    assert application.model().version == "v1.0.0"


def test_several_models_stand_beside_each_other_and_one_can_go(quiet):
    done = quiet.lock("acme/other@v2.0.0", "acme/router")
    assert [change.repo_id for change in done.changes] == ["acme/other", "acme/router"]
    assert set(quiet.read().models) == {"acme/other", "acme/router"}
    gone = verb.unlock("acme/other", file=quiet.path)
    assert [(change.repo_id, change.after) for change in gone.changes] == [("acme/other", None)]
    assert set(quiet.read().models) == {"acme/router"}


def test_update_follows_the_channel_and_says_what_moved(application):
    application.lock("acme/router")
    first, second = application.model().sha, application.publish("v1.1.0", seed=1, production=True)
    (change,) = application.lock(update=True).changes
    assert (change.before.sha, change.before.version) == (first, "v1.0.0")
    assert (change.after.sha, change.after.version, change.base_changed) == (second, "v1.1.0", False)
    rollback("acme/router", settings=application.repo.settings)
    (change,) = application.lock("acme/router", update=True).changes
    assert (change.after.sha, change.base_changed) == (first, False)


def test_update_says_that_the_base_changed(application):
    application.lock("acme/router@main")
    application.put("config.json", b'{"model_type": "llama", "layers": 2}', repo_id="acme/base")
    application.publish("v1.1.0", seed=1)
    (change,) = application.lock(update=True).changes
    assert change.base_changed
    assert change.base_after == f"acme/base@{application.repo.hub.refs('acme/base').main}"


def test_nothing_is_written_unless_every_model_can_be_locked(quiet):
    with pytest.raises(NotFound):
        quiet.lock("acme/router", "acme/nowhere")
    assert not quiet.path.exists()


@pytest.mark.parametrize(
    ("targets", "update", "said"),
    [
        ((), False, "No model was named"),
        (("acme/router", "acme/router@v1.0.0"), False, "named twice"),
        (("router",), False, "does not name a repository"),
        (("acme/router@",), False, "does not name a revision"),
        (("acme/router@v1.0.0",), True, "names a revision"),
        (("acme/other",), True, "does not lock acme/other"),
        (("acme/router@v9.0.0",), False, "no revision 'v9.0.0'"),
        (("acme/base@main",), False, "not published by hubver"),
    ],
)
def test_what_cannot_be_meant_is_refused(quiet, targets, update, said):
    quiet.lock("acme/router")
    before = quiet.path.read_bytes()
    with pytest.raises(BadInput, match=said):
        quiet.lock(*targets, update=update)
    assert quiet.path.read_bytes() == before


def test_there_must_be_a_file_to_update_and_to_remove_from(quiet):
    with pytest.raises(NotFound, match="There is no lock file"):
        quiet.lock(update=True)
    with pytest.raises(NotFound, match="There is no lock file"):
        verb.unlock("acme/router", file=quiet.path)
    quiet.lock("acme/router")
    with pytest.raises(BadInput, match="No model was named"):
        verb.unlock(file=quiet.path)
    with pytest.raises(BadInput, match="does not lock acme/other"):
        verb.unlock("acme/other", file=quiet.path)


def other_weights(application):
    weights = application.repo.hub.read("acme/router", "main", "adapter_model.safetensors")
    application.put("adapter_model.safetensors", weights[:-1] + b"\7", tag="v1.0.0")


def another_tokenizer(application):
    application.put("tokenizer.json", b'{"version": "2.0"}', tag="v1.0.0")


def no_tokenizer(application):
    api = application.repo.hub.api
    application.move_tag("v1.0.0", api.delete_file(path_in_repo="tokenizer.json", repo_id="acme/router").oid)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (other_weights, "adapter_model.safetensors: the Hub and the record disagree"),
        (another_tokenizer, "tokenizer.json: the Hub and the record disagree"),
        (no_tokenizer, "tokenizer.json: the record names it, and the Hub lacks it"),
    ],
)
def test_what_the_record_does_not_say_is_not_locked(application, spoil, named):
    spoil(application)
    with pytest.raises(Tampered, match=named):
        application.lock("acme/router@v1.0.0")
    assert not application.path.exists()


class Served:
    """An effect that answers with other bytes than the commit's, as a cache on the way might."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def apply(self, _app, scope, receive, send) -> None:
        await Response(self.content)(scope, receive, send)


def test_bytes_that_are_the_record_s_and_not_the_commit_s_are_not_locked(application, hub):
    content = application.repo.hub.read("acme/router", "main", "tokenizer.json")
    another_tokenizer(application)
    hub.faults.clear()
    hub.faults.add("GET", "/acme/router/resolve/*/tokenizer.json", Served(content), times=None)
    with pytest.raises(Tampered, match="bytes that are not those of the commit"):
        application.lock("acme/router@v1.0.0")


def test_a_lock_that_was_edited_is_not_refreshed_but_named(quiet):
    quiet.lock("acme/router")
    edited = quiet.path.read_text().replace(quiet.model().files["adapter_model.safetensors"].blob, "a" * 40)
    quiet.path.write_text(edited)
    with pytest.raises(Tampered, match=r"adapter_model\.safetensors: it is not the file"):
        quiet.lock("acme/router")
    verb.unlock("acme/router", file=quiet.path)
    quiet.lock("acme/router")
    assert quiet.faults() == []


@pytest.mark.parametrize("revision", ["v1.0.0", "production"])
def test_a_version_that_was_moved_is_not_taken_for_news(application, revision):
    application.lock(f"acme/router@{revision}")
    before = application.path.read_bytes()
    application.put("LICENSE", b"mine", tag="v1.0.0")
    for again in ({"update": True}, {}):
        with pytest.raises(Tampered, match=r"tag v1\.0\.0: it has moved"):
            application.lock("acme/router", **again)
    assert application.path.read_bytes() == before


def test_a_rewritten_ledger_lets_no_lock_move_on(application):
    repo = application.repo
    application.lock("acme/router")
    application.publish("v1.1.0", seed=1)
    repo.hub.api.delete_branch("acme/router", branch="ledger")
    repo.judge(repo.refs().branches["production"])
    with pytest.raises(Tampered, match="ledger: it was rewritten") as refused:
        application.lock("acme/router@v1.1.0")
    assert "hubver lock --remove acme/router" in refused.value.hint
    assert application.model().version == "v1.0.0"


def test_what_is_quarantined_is_not_locked(application):
    quarantine("acme/router@v1.0.0", reason="answers in verse", settings=application.repo.settings)
    with pytest.raises(Refused, match="is quarantined, so it is not locked"):
        application.lock("acme/router")
    assert not application.path.exists()


def test_a_base_that_has_nothing_but_pickles_is_neither_locked_nor_loaded(application, tmp_path):
    repo = application.repo
    repo.hub.create_repo("acme/pickled")
    for path in ("config.json", "pytorch_model.bin"):
        application.put(path, b"{}", repo_id="acme/pickled")
    push(write_adapter(tmp_path / "out", base="acme/pickled"), "acme/sorter", settings=repo.settings)
    said = r"The base model acme/pickled at \w{8} has no weights in safetensors, and hubver loads no pickles"
    with pytest.raises(NotFound, match=said) as refused:
        application.lock("acme/sorter@main")
    assert (refused.value.found, refused.value.exit_code) == ("pytorch_model.bin", 2)
    assert not application.path.exists()
    with pytest.raises(NotFound, match=said):
        load("acme/sorter", "main", settings=repo.settings)


def test_a_lock_resolves_without_asking_the_hub(application):
    application.lock("acme/router@main")
    locked = application.model()
    application.publish("v1.1.0", seed=1)
    application.counted.requests.clear()
    pin = resolve("acme/router", lock=application.path)
    assert application.counted.requests == []
    assert pin == resolve(lock=application.path)
    assert (pin.sha, pin.version, pin.base_id, pin.base_revision) == (
        locked.sha,
        "v1.0.0",
        "acme/base",
        locked.base.sha,
    )
    assert pin.is_adapter
    with pytest.raises(BadInput, match="names a revision"):
        resolve("acme/router@v1.0.0", lock=application.path)
    with pytest.raises(BadInput, match="Nothing was named"):
        resolve()


def test_a_candidate_that_became_final_is_called_so_when_it_is_locked_again(application):
    repo = application.repo
    application.lock("acme/router@main")
    sha = application.model().sha
    move(repo.hub, "acme/router", [Move("refs/tags/v2.0.0", None, sha)])
    application.lock("acme/router")
    assert (application.model().sha, application.model().version) == (sha, "v2.0.0")
    assert application.faults() == []


def test_the_requests_of_a_lock_are_counted(quiet):
    quiet.counted.requests.clear()
    quiet.lock("acme/router")
    small = [path for path in quiet.counted.requests if "/resolve/" in path]
    # refs, ledger, files, files of the base; and the adapter's configuration, the record and what the record names.
    assert len(quiet.counted.requests) - len(small) == 4, quiet.counted.requests
    quiet.counted.requests.clear()
    quiet.lock("acme/router")
    assert len(quiet.counted.requests) == 5, quiet.counted.requests
