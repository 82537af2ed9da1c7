"""What was published and is as it was; and each way in which it is not, found."""

from __future__ import annotations

import json

import pytest
from dulwich.objects import Blob, Tree
from outputs import write_adapter
from raw_push import ZERO, push_with_dulwich

from hubver.errors import BadInput, NotFound
from hubver.hub import ledger
from hubver.hub.events import Published, Release, State
from hubver.hub.transport.git import commit_of
from hubver.hub.transport.moves import Line
from hubver.publish import push
from hubver.release import promote
from hubver.verification import verify


@pytest.fixture
def run(repo, output):
    """A published run: the repository, with `run.verify` and `run.commit`."""
    return Run(repo, push(output, repo.repo_id, settings=repo.settings))


class Run:
    def __init__(self, repo, published):
        self.repo, self.published = repo, published
        self.api = repo.hub.api

    def verify(self, revision="v1.0.0", **kwargs):
        return verify(f"{self.repo.repo_id}@{revision}", settings=self.repo.settings, **kwargs)

    def put(self, path: str, content: bytes) -> str:
        return self.api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=self.repo.repo_id).oid

    def read(self, path: str, revision="main") -> bytes:
        return self.repo.hub.read(self.repo.repo_id, revision, path)

    def move_tag(self, sha: str, tag="v1.0.0") -> None:
        self.api.delete_tag(self.repo.repo_id, tag=tag)
        self.api.create_tag(self.repo.repo_id, tag=tag, revision=sha)

    def edit_record(self, change) -> None:
        record = json.loads(self.read("hubver.json"))
        change(record)
        body = (json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
        self.move_tag(self.put("hubver.json", body))


@pytest.mark.parametrize("how", [{}, {"download": True}], ids=["the Hub's word", "download"])
@pytest.mark.parametrize("revision", ["v1.0.0", "main", "sha"])
def test_what_was_published_is_as_it_was(run, how, revision):
    report = run.verify(run.published.sha if revision == "sha" else revision, **how)
    assert (report.findings, report.passed, report.files, report.version) == ((), True, 4, "v1.0.0")
    assert report.sha == run.published.sha


def test_a_later_version_is_as_it_was_after_all_that_happens_to_a_repository(run, tmp_path):
    repo = run.repo
    run.put("LICENSE", b"Apache-2.0")
    for seed in (1, 2):
        push(
            write_adapter(tmp_path / str(seed), seed=seed), repo.repo_id, settings=repo.settings, version=f"v1.{seed}.0"
        )
    for version in ("v1.0.0", "v1.1.0"):
        repo.judge(repo.refs().tags[version])
        promote(f"{repo.repo_id}@{version}", settings=repo.settings)
    for revision in ("v1.0.0", "v1.1.0", "v1.2.0", "production"):
        assert run.verify(revision).findings == ()
    assert any("LICENSE" in note for note in run.verify("v1.2.0").notes)


def test_a_candidate_in_a_pull_request_is_as_it_was(run, tmp_path):
    repo = run.repo
    done = push(write_adapter(tmp_path / "b", seed=1), repo.repo_id, settings=repo.settings, pr=True)
    assert run.verify(done.tag).findings == ()
    repo.judge(done.sha)
    promote(f"{repo.repo_id}@{done.tag}", settings=repo.settings)
    for revision in (done.tag, done.tag.split("-")[0], "production"):
        assert run.verify(revision).findings == ()


def another_tokenizer(run):
    run.move_tag(run.put("tokenizer.json", b'{"version": "2.0"}'))


def other_weights(run):
    weights = run.read("adapter_model.safetensors")
    run.move_tag(run.put("adapter_model.safetensors", weights[:-1] + b"\7"))


def no_weights(run):
    run.move_tag(
        run.api.delete_file(path_in_repo="adapter_model.safetensors", repo_id=run.repo.repo_id).oid,
    )


def code_beside_it(run):
    run.move_tag(run.put("modeling_router.py", b"import os"))


def a_pickle_beside_it(run):
    run.move_tag(run.put("pytorch_model.bin", b"\x80\x04."))


def no_card(run):
    run.move_tag(run.api.delete_file(path_in_repo="README.md", repo_id=run.repo.repo_id).oid)


def no_record(run):
    run.move_tag(run.api.delete_file(path_in_repo="hubver.json", repo_id=run.repo.repo_id).oid)


def broken_record(run):
    run.move_tag(run.put("hubver.json", b"{"))


def record_in_another_form(run):
    run.move_tag(run.put("hubver.json", run.read("hubver.json").replace(b"\n", b" ")))


def record_of_fewer_files(run):
    run.edit_record(lambda record: record["files"].pop(1))


def record_of_another_digest(run):
    run.edit_record(lambda record: record["files"][1].update(sha256="0" * 64))


def record_of_another_size(run):
    run.edit_record(lambda record: record["files"][1].update(size=1))


def record_of_another_run(run):
    run.edit_record(lambda record: record.update(run_id="another"))


def record_of_another_version(run):
    run.edit_record(lambda record: record.update(version="v9.0.0"))


def base_not_pinned(run):
    config = json.loads(run.read("adapter_config.json"))
    run.move_tag(run.put("adapter_config.json", json.dumps({**config, "revision": "main"}).encode()))


def another_base(run):
    config = json.loads(run.read("adapter_config.json"))
    run.move_tag(run.put("adapter_config.json", json.dumps({**config, "base_model_name_or_path": "eve/base"}).encode()))


def broken_config(run):
    run.move_tag(run.put("adapter_config.json", b"["))


def the_tag_alone(run):
    run.move_tag(run.put("LICENSE", b"Apache-2.0"))


def no_ledger(run):
    run.api.delete_branch(run.repo.repo_id, branch="ledger")


TAMPERED = [
    (another_tokenizer, "tokenizer.json", "it is not the file of the record"),
    (other_weights, "adapter_model.safetensors", "it is not the file of the record"),
    (no_weights, "adapter_model.safetensors", "it is missing"),
    (code_beside_it, "modeling_router.py", "no record names it, and a model may load it"),
    (a_pickle_beside_it, "pytorch_model.bin", "no record names it, and a model may load it"),
    (no_card, "card", "the commit has none"),
    (no_record, "record", "the commit has none"),
    (broken_record, "record", "it cannot be read"),
    (record_in_another_form, "record", "its bytes are not as hubver writes them"),
    (record_of_fewer_files, "adapter_model.safetensors", "no record names it, and a model may load it"),
    (record_of_another_digest, "adapter_model.safetensors", "it is not the file of the record"),
    (record_of_another_size, "adapter_model.safetensors", "it is not as long as the record says"),
    (record_of_another_run, "tag v1.0.0", "it is not where it was published"),
    (record_of_another_version, "record", "it names another version than the tag"),
    (base_not_pinned, "adapter_config.json", "its base is not pinned to the commit of the record"),
    (another_base, "adapter_config.json", "it names another base than the record"),
    (broken_config, "adapter_config.json", "it cannot be read"),
    (the_tag_alone, "tag v1.0.0", "it is not where it was published"),
    (no_ledger, "ledger", "nothing in it published v1.0.0"),
]


@pytest.mark.parametrize(("tamper", "subject", "fact"), TAMPERED, ids=[case[0].__name__ for case in TAMPERED])
def test_what_was_tampered_with_is_found(run, tamper, subject, fact):
    tamper(run)
    report = run.verify()
    assert not report.passed
    assert (subject, fact) in {(finding.subject, finding.fact) for finding in report.findings}
    assert all(finding.expected and finding.found and "\n" not in str(finding) for finding in report.findings)
    if tamper not in {no_ledger, record_of_another_version}:
        assert ("tag v1.0.0", "it is not where it was published") in {
            (one.subject, one.fact) for one in report.findings
        }


def test_a_tag_that_moved_is_found_from_the_commit_that_it_left_too(run):
    the_tag_alone(run)
    (finding,) = run.verify(run.published.sha).findings
    assert (finding.subject, finding.fact, finding.expected) == ("tag v1.0.0", "it has moved", run.published.sha)


def test_a_tag_that_is_gone_is_found_from_the_commit(run):
    run.api.delete_tag(run.repo.repo_id, tag="v1.0.0")
    (finding,) = run.verify("main").findings
    assert (finding.subject, finding.fact) == ("tag v1.0.0", "it is gone")


def test_a_second_publish_event_does_not_make_another_commit_the_version(run):
    other_weights(run)
    sha = run.repo.refs().main
    event = newest(run)
    ledger.append(
        run.repo.hub,
        run.repo.repo_id,
        lambda _refs, state: event.model_copy(update={"release": Release(sha=sha, version="v1.0.0"), "state": state}),
    )
    assert "it is not where it was published" in {finding.fact for finding in run.verify().findings}


def newest(run) -> Published:
    refs = run.repo.refs()
    return next(iter(ledger.entries(run.repo.hub, run.repo.repo_id, refs))).event


def test_an_event_that_goes_on_from_nowhere_is_found(run):
    last = newest(run)
    made_up = State().promoted("production", Release(sha=run.published.sha), None, last.at)
    event = last.model_copy(update={"state": made_up, "release": Release(sha="1" * 40, version="v7.0.0")})
    ledger.append(run.repo.hub, run.repo.repo_id, lambda _refs, _state: event)
    (finding,) = run.verify().findings
    assert (finding.subject, "its state does not follow from the one before" in finding.fact) == ("ledger", True)


def test_an_event_file_that_says_something_else_is_found(run, local_hub):
    *_, commit = commit_of(Line(newest(run), None))
    no_ledger(run)
    blob, tree = Blob.from_string(b"{}"), Tree()
    tree.add(b"event.json", 0o100644, blob.id)
    commit.tree = tree.id
    moved = {b"refs/heads/ledger": (ZERO, commit.id)}
    push_with_dulwich(local_hub, run.repo.repo_id, moved, atomic=True, objects=(blob, tree, commit))
    (finding,) = run.verify().findings
    assert finding.fact == "event.json is not what its commit's message says"


@pytest.fixture
def copy(run, tmp_path):
    folder = tmp_path / "copy"
    run.api.snapshot_download(run.repo.repo_id, revision="v1.0.0", local_dir=folder)
    return folder


def test_a_folder_that_holds_the_files_is_read_in_their_place(run, copy):
    report = run.verify(folder=copy)
    assert report.findings == ()
    assert report.read >= (copy / "adapter_model.safetensors").stat().st_size


def test_a_folder_that_was_tampered_with_is_found_out(run, copy):
    weights = copy / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\7")
    (copy / "tokenizer.json").unlink()
    (copy / "sub").mkdir()
    (copy / "sub" / "evil.py").write_text("import os", encoding="utf-8")
    assert {(finding.subject, finding.fact) for finding in run.verify(folder=copy).findings} == {
        ("adapter_model.safetensors", "it is not the file of the record"),
        ("tokenizer.json", "it is missing"),
        ("sub/evil.py", "no record names it, and a model may load it"),
    }


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"revision": "v9.9.9"}, NotFound, "v9.9.9"),
        ({"require_signature": True}, BadInput, "nobody's is trusted"),
        ({"folder": "missing"}, BadInput, "is not a folder"),
    ],
    ids=["no revision", "nobody is trusted", "no folder"],
)
def test_what_cannot_be_verified_is_said(run, tmp_path, how, error, words):
    if "folder" in how:
        how = {"folder": tmp_path / "missing"}
    with pytest.raises(error, match=words):
        run.verify(**how)
