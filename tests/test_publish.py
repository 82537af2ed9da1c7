from __future__ import annotations

import json
import threading

import pytest
from outputs import write_adapter

from hubver.errors import AlreadyExists, BadInput, BadToken, HubUnreachable, HubverError, Unsafe
from hubver.hub.transport.moves import Move
from hubver.hub.transport.way import move
from hubver.loading import load, snippet
from hubver.pins import resolve
from hubver.publish import push
from hubver.record.schema import RunRecord


@pytest.fixture
def publish(repo):
    return lambda folder, **kwargs: push(folder, repo.repo_id, settings=repo.settings, **kwargs)


def record(repo, revision: str) -> RunRecord:
    return RunRecord.from_bytes(repo.hub.read(repo.repo_id, revision, "hubver.json"))


def test_one_run_is_one_commit_and_one_tag(repo, output, publish):
    before = len(repo.hub.commits(repo.repo_id, "main", limit=100))
    done = publish(output, message="first try")
    refs = repo.refs()
    assert done.version == "v1.0.0"
    assert refs.tags == {"v1.0.0": done.sha}
    assert refs.branches["main"] == done.sha
    assert len(repo.hub.commits(repo.repo_id, "main", limit=100)) == before + 1
    assert set(repo.hub.files(repo.repo_id, done.sha)) == {
        ".gitattributes",
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "hubver.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert [left.path for left in done.left_out] == ["training_args.bin"]
    assert repo.titles() == ["publish v1.0.0"]


def test_a_repository_is_made_where_there_is_none(repo, output):
    done = push(output, "acme/new", settings=repo.settings)
    assert repo.hub.resolve("acme/new", "v1.0.0") == done.sha


def test_the_pin_names_the_commit_of_the_base(repo, output, publish):
    done = publish(output)
    config = json.loads(repo.hub.read(repo.repo_id, done.sha, "adapter_config.json"))
    assert config["base_model_name_or_path"] == "acme/base"
    assert config["revision"] == repo.hub.resolve("acme/base", "main")
    assert config["target_modules"] == ["q_proj", "v_proj"]


def test_the_record_describes_the_bytes_that_the_hub_stores(repo, output, publish):
    done = publish(output)
    stored = repo.hub.files(repo.repo_id, done.sha)
    entries = {entry.path: entry for entry in record(repo, done.sha).files}
    assert entries.keys() == stored.keys() - {".gitattributes", "README.md", "hubver.json"}
    weights = entries["adapter_model.safetensors"]
    assert weights.sha256 == stored["adapter_model.safetensors"].sha256
    assert all(entry.size == stored[path].size for path, entry in entries.items())


def test_pushing_again_changes_nothing(repo, output, publish):
    first = publish(output)
    refs = repo.refs()
    again = publish(output)
    assert (again.already, again.sha, again.version) == (True, first.sha, "v1.0.0")
    assert repo.refs() == refs


def test_the_next_run_is_the_next_version(repo, output, publish, tmp_path):
    publish(output)
    assert publish(write_adapter(tmp_path / "b", seed=1)).version == "v1.1.0"
    assert publish(write_adapter(tmp_path / "c", seed=2), bump="patch").version == "v1.1.1"
    assert publish(write_adapter(tmp_path / "d", seed=3), bump="major").version == "v2.0.0"
    assert publish(write_adapter(tmp_path / "e", seed=4), version="3.0.0").version == "v3.0.0"


def test_a_version_that_is_taken_is_refused(repo, output, publish, tmp_path):
    publish(output)
    refs = repo.refs()
    with pytest.raises(AlreadyExists, match=r"v1\.0\.0 is in acme/router already"):
        publish(write_adapter(tmp_path / "b", seed=1), version="v1.0.0")
    assert repo.refs() == refs


def test_what_the_last_version_published_and_this_one_has_not_is_gone_and_what_people_added_stays(
    repo, output, publish, tmp_path
):
    (output / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    publish(output)
    repo.hub.api.upload_file(path_or_fileobj=b"Apache", path_in_repo="LICENSE", repo_id=repo.repo_id)
    done = publish(write_adapter(tmp_path / "b", seed=1))
    files = repo.hub.files(repo.repo_id, done.sha)
    assert "chat_template.jinja" not in files
    assert "LICENSE" in files


def test_the_card_keeps_what_people_wrote(repo, output, publish, tmp_path):
    publish(output)
    card = repo.hub.read(repo.repo_id, "main", "README.md").decode()
    assert "---\n" in card
    repo.hub.api.upload_file(
        path_or_fileobj=card.replace("---\n", "---\nlicense: mit\n", 1).encode(),
        path_in_repo="README.md",
        repo_id=repo.repo_id,
    )
    done = publish(write_adapter(tmp_path / "b", seed=1))
    assert "license: mit" in repo.hub.read(repo.repo_id, done.sha, "README.md").decode()


def test_a_candidate_waits_in_a_pull_request(repo, output, publish, tmp_path):
    publish(output)
    main = repo.refs().branches["main"]
    folder = write_adapter(tmp_path / "b", seed=1)
    done = publish(folder, pr=True)
    refs = repo.refs()
    assert done.version == "v1.1.0-rc.1"
    assert refs.branches["main"] == main
    assert refs.tags[done.version] == done.sha == refs.pulls[done.pull_request]
    assert publish(folder, pr=True).already
    other = publish(write_adapter(tmp_path / "c", seed=2), pr=True)
    assert (other.version, other.pull_request) == ("v1.1.0-rc.2", done.pull_request + 1)


def test_a_run_whose_pull_request_was_merged_is_not_published_again(repo, output, publish):
    done = publish(output, pr=True)
    repo.hub.api.merge_pull_request(repo.repo_id, done.pull_request)
    again = publish(output)
    assert (again.already, again.sha, again.version) == (True, done.sha, "v1.0.0-rc.1")


def test_two_pushes_of_different_runs_at_once(repo, output, publish, tmp_path):
    folders = [write_adapter(tmp_path / str(seed), seed=seed) for seed in (1, 2, 3)]
    start, outcomes = threading.Barrier(3), []

    def run(folder) -> None:
        start.wait()
        outcomes.append(publish(folder))

    threads = [threading.Thread(target=run, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refs = repo.refs()
    assert sorted(done.version for done in outcomes) == ["v1.0.0", "v1.1.0", "v1.2.0"]
    assert refs.tags == {done.version: done.sha for done in outcomes}
    assert sorted(repo.titles()) == ["publish v1.0.0", "publish v1.1.0", "publish v1.2.0"]


def test_the_same_folder_twice_at_once_is_one_version(repo, output, publish):
    start, outcomes = threading.Barrier(2), []

    def run() -> None:
        start.wait()
        outcomes.append(publish(output))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert repo.refs().tags == {"v1.0.0": outcomes[0].sha}
    assert {done.sha for done in outcomes} == {outcomes[0].sha}


def missing(folder):
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def no_adapter(folder):
    (folder / "adapter_model.safetensors").unlink()


def broken_config(folder):
    (folder / "adapter_config.json").write_text('{"r": 8,', encoding="utf-8")


def truncated_weights(folder):
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])


def pickled_weights(folder):
    import pickle

    (folder / "adapter_model.safetensors").unlink()
    (folder / "adapter_model.bin").write_bytes(pickle.dumps({}))


def broken_run_file(folder):
    (folder / "hubver-run.json").write_text("not json", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (missing, BadInput, "is not a folder"),
        (no_adapter, BadInput, "adapter"),
        (broken_config, BadInput, "adapter_config.json"),
        (truncated_weights, BadInput, "adapter_model.safetensors"),
        (pickled_weights, Unsafe, "pickle"),
        (broken_run_file, BadInput, "hubver-run.json"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_bad_folder_is_refused_and_nothing_is_sent(repo, output, publish, spoil, error, words):
    refs = repo.refs()
    spoil(output)
    with pytest.raises(error, match=rf"(?i){words}") as caught:
        publish(output)
    assert caught.value.exit_code == 2
    assert repo.refs() == refs


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"token": None}, BadToken),
        ({"token": "hf_wrong"}, BadToken),
        ({"endpoint": "http://127.0.0.1:9"}, HubUnreachable),
    ],
)
def test_a_hub_that_cannot_be_written_to(repo, output, changed, error):
    settings = type(repo.settings).model_validate({**repo.settings.model_dump(), **changed})
    with pytest.raises(error) as caught:
        push(output, repo.repo_id, settings=settings)
    assert "hf_wrong" not in str(caught.value)


def test_a_broken_record_on_main_does_not_stop_all_pushes_for_ever(repo, output, publish):
    repo.hub.api.upload_file(path_or_fileobj=b"{", path_in_repo="hubver.json", repo_id=repo.repo_id)
    told = []
    done = publish(output, progress=told.append)
    assert record(repo, done.sha).version == "v1.0.0"
    assert any("hubver.json on main is not valid JSON" in line for line in told)


def test_what_is_said_after_a_run_was_published_is_too_late_and_called_so(repo, output, publish, tmp_path):
    assert publish(output).hints == ()
    (tmp_path / "rows.jsonl").write_text("{}\n", encoding="utf-8")
    again = publish(output, data=[tmp_path / "rows.jsonl"])
    assert again.already
    assert again.hints == ("v1.0.0 was published without knowing data, and versions never change.",)
    assert "data" in {gap.field for gap in again.gaps}


def test_what_would_make_the_record_fuller_is_said(repo, output, publish, tmp_path):
    (output / "hubver-run.json").unlink(missing_ok=True)
    config = json.loads((output / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = str(tmp_path / "base")
    (output / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    (hint,) = publish(output).hints
    assert "--base org/name" in hint
    assert str(tmp_path) not in repo.hub.read(repo.repo_id, "v1.0.0", "hubver.json").decode()


def test_an_adapter_that_names_no_base_is_pinned_as_one(repo, output, publish):
    config = json.loads((output / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = None
    (output / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    publish(output)
    pinned = resolve(f"{repo.repo_id}@v1.0.0", settings=repo.settings)
    assert (pinned.is_adapter, pinned.base_id) == (True, None)
    for use in (lambda: snippet(pinned), lambda: load(repo.repo_id, "v1.0.0", settings=repo.settings)):
        with pytest.raises(BadInput, match="does not name its base model"):
            use()


class Killed(BaseException):
    """As a signal would: nothing in between catches it."""


def killed_at(step: str):
    """A listener to the steps of a push, which ends it at one of them."""

    def listen(line: str) -> None:
        if line.startswith(step):
            raise Killed

    return listen


def test_a_file_that_changes_while_it_is_published_never_becomes_a_version(repo, output, publish):
    def change(line: str) -> None:
        if line.startswith("sending"):
            (output / "tokenizer_config.json").write_text('{"tokenizer_class": "Other"}', encoding="utf-8")

    with pytest.raises(HubverError, match=r"tokenizer_config\.json in the commit .* is not the file that was hashed"):
        publish(output, progress=change)
    assert repo.refs().tags == {}


def test_what_an_earlier_push_sent_is_compared_too_before_it_becomes_a_version(repo, output, publish):
    kept = (output / "tokenizer_config.json").read_bytes()

    def change_and_die(line: str) -> None:
        if line.startswith("sending"):
            (output / "tokenizer_config.json").write_text('{"tokenizer_class": "Other"}', encoding="utf-8")

    with pytest.raises(HubverError):
        publish(output, progress=change_and_die)
    (output / "tokenizer_config.json").write_bytes(kept)
    with pytest.raises(HubverError, match="is not the file that was hashed"):
        publish(output)
    assert repo.refs().tags == {}


@pytest.mark.parametrize("pr", [False, True], ids=["main", "pull request"])
def test_a_killed_push_whose_version_another_run_got_is_published_anew(repo, output, publish, tmp_path, pr):
    other = write_adapter(tmp_path / "b", seed=1)
    with pytest.raises(Killed):
        publish(output, pr=pr, progress=killed_at("tagging"))
    if pr:
        theirs = publish(other, pr=True)
    else:
        move(repo.hub, repo.repo_id, [Move("refs/tags/v1.0.0", None, repo.commit("another's"))])
    done = publish(output, pr=pr)
    assert (done.version, done.already) == ("v1.0.0-rc.2" if pr else "v1.1.0", False)
    assert record(repo, done.tag).version == done.version
    assert publish(output, pr=pr).already
    if pr:
        still_open = {one.num for one in repo.hub.api.get_repo_discussions(repo.repo_id, discussion_status="open")}
        assert still_open == {theirs.pull_request, done.pull_request}


def test_a_killed_push_whose_pull_request_was_merged_is_finished_where_it_is(repo, output, publish):
    with pytest.raises(Killed):
        publish(output, pr=True, progress=killed_at("tagging"))
    repo.hub.api.merge_pull_request(repo.repo_id, 1)
    done = publish(output, pr=True)
    refs = repo.refs()
    assert (done.version, done.sha, len(refs.pulls)) == ("v1.0.0-rc.1", refs.main, 1)


def test_a_run_is_not_taken_for_its_own_checkpoint(repo, output, publish, tmp_path):
    first = publish(write_adapter(tmp_path / "other", seed=7))
    draft = json.loads(repo.hub.read(repo.repo_id, first.sha, "hubver.json"))
    (output / "hubver-run.json").write_text(json.dumps({**draft, "run_id": "run-1", "files": []}), encoding="utf-8")
    checkpoint = write_adapter(output / "checkpoint-5", seed=1)
    with pytest.raises(Killed):
        publish(checkpoint, pr=True, progress=killed_at("tagging"))
    assert publish(output, pr=True).pull_request == 2


def test_a_message_is_one_line_without_secrets(repo, output, publish):
    done = publish(output, message="with hf_aTokenThatMustNeverTravel0123456789\nand more")
    (commit, _initial) = repo.hub.commits(repo.repo_id, "main", limit=10)
    assert commit.title == "v1.0.0: with [redacted] and more"
    assert record(repo, done.sha).message == "with [redacted] and more"


def test_what_changed_decides_the_version(repo, publish, output, tmp_path):
    assert publish(output).proposal is None
    second = publish(write_adapter(tmp_path / "seeded", seed=1))
    assert (second.version, second.proposal.bump) == ("v1.1.0", "minor")
    folder = write_adapter(tmp_path / "retokenized", seed=2)
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "Unigram"}}', encoding="utf-8")
    third = publish(folder)
    assert (third.version, third.proposal.bump, third.proposal.reason) == (
        "v2.0.0",
        "major",
        "tokenizer.json: other content",
    )
    chosen = publish(write_adapter(tmp_path / "chosen", seed=3), bump="patch")
    assert (chosen.version, chosen.proposal) == ("v2.0.1", None)


def test_weights_that_change_while_they_are_sent_are_named(repo, output, publish):
    def change(line: str) -> None:
        if line.startswith("sending"):
            weights = output / "adapter_model.safetensors"
            weights.write_bytes(weights.read_bytes()[:-1] + b"\7")

    with pytest.raises(BadInput, match=r"adapter_model\.safetensors changed while it was published"):
        publish(output, progress=change)
    assert repo.refs().tags == {}


def test_weights_that_change_once_they_are_sent_get_no_tag(repo, output, publish):
    def change(line: str) -> None:
        if line.startswith("sent "):
            weights = output / "adapter_model.safetensors"
            weights.write_bytes(weights.read_bytes()[:-1] + b"\7")

    with pytest.raises(BadInput, match=r"adapter_model\.safetensors changed while it was published"):
        publish(output, progress=change)
    assert repo.refs().tags == {}
