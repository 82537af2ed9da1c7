"""Whose commit becomes a version, where anybody may open a pull request with a title and files like those of a run."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hubver.errors import HubFailed
from hubver.publish import push

EVIL = "modeling_evil.py"


class Killed(BaseException):
    """As a signal would: nothing in between catches it."""


@pytest.fixture
def publish(repo):
    return lambda folder, **kwargs: push(folder, repo.repo_id, settings=repo.settings, **kwargs)


def cut(publish, folder) -> None:
    """Push as a candidate, and be killed between the commit and its tag."""

    def listen(line: str) -> None:
        if line.startswith("tagging"):
            raise Killed

    with pytest.raises(Killed):
        publish(folder, pr=True, progress=listen)


def write(repo, path: str, data: bytes, **where) -> None:
    repo.hub.api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=repo.repo_id, **where)


def copied(repo, local_hub, sha: str, more: dict[str, bytes]) -> int:
    """A pull request of a stranger's with the title and all files of a run, and more; its number."""
    files = {path: repo.hub.read(repo.repo_id, sha, path) for path in repo.hub.files(repo.repo_id, sha)} | more
    stranger = HfApi(endpoint=local_hub.url, token=local_hub.add_user("mallory"))
    (ours,) = (one for one in repo.hub.api.get_repo_discussions(repo.repo_id) if one.is_pull_request)
    sent = stranger.create_commit(
        repo.repo_id,
        [CommitOperationAdd(path, data) for path, data in files.items()],
        commit_message=ours.title,
        create_pr=True,
    )
    return sent.pr_num


def test_a_stranger_s_copy_of_a_cut_push_is_not_taken_for_it(repo, local_hub, output, publish):
    cut(publish, output)
    ours = repo.refs().pulls[1]
    assert copied(repo, local_hub, ours, {EVIL: b"evil = True\n"}) == 2
    done = publish(output, pr=True)
    assert (done.sha, done.pull_request) == (ours, 1)
    assert repo.refs().tags == {"v1.0.0-rc.1": ours}


def test_a_run_whose_only_pull_request_is_a_stranger_s_is_published(repo, local_hub, output, publish):
    cut(publish, output)
    stranger_s = copied(repo, local_hub, repo.refs().pulls[1], {})
    repo.hub.api.change_discussion_status(repo.repo_id, 1, "closed")
    done = publish(output, pr=True)
    assert done.pull_request not in {1, stranger_s}
    assert repo.refs().tags == {"v1.0.0-rc.1": done.sha}


def test_a_file_that_came_into_the_pull_request_of_a_cut_push_is_refused_merged_or_not(repo, output, publish):
    cut(publish, output)
    write(repo, EVIL, b"evil = True\n", revision="refs/pr/1")
    with pytest.raises(HubFailed, match=rf"is not of this run.*found {EVIL}") as caught:
        publish(output, pr=True)
    assert "close pull request #1" in caught.value.hint
    repo.hub.api.merge_pull_request(repo.repo_id, 1)
    with pytest.raises(HubFailed, match=f"found {EVIL}"):
        publish(output, pr=True)
    assert repo.refs().tags == {}


def test_what_people_keep_on_main_stays_beside_a_run_and_is_not_changed_by_it(repo, output, publish):
    write(repo, "modeling.py", b"ours = 1\n")
    cut(publish, output)
    write(repo, "NOTICE", b"`main` goes on meanwhile")
    write(repo, "modeling.py", b"evil = True\n", revision="refs/pr/1")
    with pytest.raises(HubFailed, match=r"found modeling\.py"):
        publish(output, pr=True)
    write(repo, "modeling.py", b"ours = 1\n", revision="refs/pr/1")
    done = publish(output, pr=True)
    assert repo.refs().tags == {"v1.0.0-rc.1": done.sha}
    assert "modeling.py" in repo.hub.files(repo.repo_id, done.sha)
