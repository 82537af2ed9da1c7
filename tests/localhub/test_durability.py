"""What the Hub has acknowledged it keeps: under load, when it is killed at any moment, and on the disk itself."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import busy_clients
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session
from huggingface_hub.errors import HfHubHTTPError
from served import client, finish, start
from tools import needs

from hubver.localhub import LocalHub
from hubver.localhub.errors import HubError
from hubver.localhub.store import Store

REPO = "acme/router"
KILLS = int(os.environ.get("HUBVER_KILLS", "4"))
KINDS = ("commit", "commit", "large", "large", "pull", "pull", "push", "push")


def add(path, content=b"x"):
    return CommitOperationAdd(path, content)


class Clients:
    """Eight busy clients, and what they were acknowledged."""

    def __init__(self, folder, environment, **more):
        folder.mkdir()
        self.folder = folder
        token = Path(environment["HF_TOKEN_PATH"]).read_text()
        with (folder / "errors").open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, busy_clients.__file__, str(folder), *KINDS],
                env={**os.environ, **environment, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1", **more},
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:  # the test has failed, and they would go on
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def acknowledged(self):
        """What was acknowledged, by client; a line that is still being written is left out."""
        lines = [
            line for log in sorted(self.folder.glob("*.log")) for line in log.read_text().splitlines(keepends=True)
        ]
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def stop(self):
        (self.folder / "stop").touch()
        return self.process.wait(timeout=60)


class Repo:
    """A bare repo of a Hub that is not running, as stock git sees it."""

    def __init__(self, git, root, repo):
        self.git, self.folder = git, root / "models" / repo
        self.git_dir = self.folder / "repo.git"

    def check(self, acknowledged):
        """All is whole, and all that was acknowledged is there, once."""
        said = self.git.run("fsck", "--full", "--strict", "--no-dangling", cwd=self.git_dir)
        # What was being written when the Hub was killed is no object, and goes away when the folder is served again.
        remarks = [line for line in said.stderr.splitlines() if not re.fullmatch(r"bad sha1 file: .*\.lock", line)]
        assert (said.returncode, said.stdout, remarks) == (0, "", [])
        main = [line.split(" ", 1) for line in self("log", "--format=%H %s", "main")]
        commits, titles = {oid for oid, _ in main}, Counter(title for _, title in main)
        refs = dict(reversed(line.split(" ", 1)) for line in self("for-each-ref", "--format=%(objectname) %(refname)"))
        for told in acknowledged:
            if "main" in told:
                assert told["main"] in commits, told
                assert titles[told["title"]] == 1, told
            if "pull" in told:
                assert titles[f"{told['title']} (#{told['pull']})"] == 1, told
            if "tag" in told:
                assert refs[f"refs/tags/{told['tag']}"] == told["commit"], told
                assert told["commit"] in self("log", "--format=%H", told["branch"]), told

    def check_discussions(self):
        """Each pull request is merged if and only if its merge is in main, and its commits are those of its ref."""
        merged = {}
        for line in self("log", "--format=%H %s", "main"):
            if found := re.fullmatch(r"(\S+) .* \(#(\d+)\)", line):
                merged[int(found[2])] = found[1]
        for file in (self.folder / "discussions").glob("*.json"):
            pull = json.loads(file.read_bytes())
            assert (pull["status"], pull["merge_commit"]) == (
                ("merged", merged.pop(pull["num"])) if pull["num"] in merged else ("open", None)
            ), pull
            said = [event["data"]["oid"] for event in pull["events"] if event["type"] == "commit"]
            assert self("rev-parse", f"refs/pr/{pull['num']}") == said[-1:], pull
        assert merged == {}
        assert not list(self.folder.rglob("*.pending"))

    def __call__(self, *arguments):
        return self.git(*arguments, cwd=self.git_dir).splitlines()


def check_all(git, root, acknowledged):
    for repo in busy_clients.REPOS:
        Repo(git, root, repo).check([told for told in acknowledged if told["repo"] == repo])


def create_repos(environment):
    for repo in busy_clients.REPOS:
        client(environment).create_repo(repo)


def test_eight_writers_at_once_lose_nothing(tmp_path, git):
    root = tmp_path / "root"
    process, environment = start(root)
    create_repos(environment)
    with Clients(tmp_path / "clients", environment, BUSY_ROUNDS="4") as clients:
        ended = clients.process.wait(timeout=100)
    process.terminate()
    finish(process)
    assert ended == 0, (clients.folder / "errors").read_text()
    acknowledged = clients.acknowledged()
    assert len(acknowledged) == 4 * len(KINDS)
    check_all(git, root, acknowledged)
    # Nothing is there twice, and nothing that nobody has written.
    titles = [title for repo in busy_clients.REPOS for title in Repo(git, root, repo)("log", "--format=%s", "main")]
    written = [f"{told['title']} (#{told['pull']})" if "pull" in told else told["title"] for told in acknowledged]
    on_main = [title for title in written if not title.startswith("push")]
    assert Counter(titles) == Counter([*on_main, *["initial commit"] * len(busy_clients.REPOS)])


def wait_until_all_work(clients):
    """Until each client was acknowledged something."""
    while len(list(clients.folder.glob("*.log"))) < len(KINDS) or not all(
        log.stat().st_size for log in clients.folder.glob("*.log")
    ):
        assert clients.process.poll() is None
        time.sleep(0.01)


def wait_for_progress(clients, more):
    """Until so many more writes were acknowledged."""
    enough = len(clients.acknowledged()) + more
    while len(clients.acknowledged()) < enough:
        assert clients.process.poll() is None
        time.sleep(0.01)


def test_killed_at_any_moment_it_loses_nothing(tmp_path, git, record_property):
    root, dice = tmp_path / "root", random.Random(os.environ.get("HUBVER_SEED", "kill"))
    process, environment = start(root)
    port = int(environment["HF_ENDPOINT"].rpartition(":")[2])
    create_repos(environment)
    with Clients(tmp_path / "clients", environment) as clients:
        wait_until_all_work(clients)
        for _ in range(KILLS):
            wait_for_progress(clients, dice.randrange(1, 8))
            time.sleep(dice.uniform(0, 0.1))  # any moment is as good as another
            process.kill()
            finish(process)
            check_all(git, root, clients.acknowledged())
            process, _ = start(root, port)
        wait_for_progress(clients, 1)
        assert clients.stop() == 0
    acknowledged = clients.acknowledged()
    assert {told["title"].rstrip("0123456789-") for told in acknowledged} == set(KINDS)
    check_files(environment, acknowledged)
    process.terminate()
    finish(process)
    check_all(git, root, acknowledged)
    for repo in busy_clients.REPOS:
        Repo(git, root, repo).check_discussions()
    figures = f"{KILLS} kills, {len(acknowledged)} acknowledged writes, 0 lost"
    record_property("durability", figures)
    print(figures)


def check_files(environment, acknowledged):
    """The large files can be read, and are what was uploaded."""
    for told in acknowledged:
        if "file" in told:
            url = f"{environment['HF_ENDPOINT']}/{told['repo']}/resolve/main/{told['file']}"
            content = get_session().get(url, follow_redirects=True).content
            assert hashlib.sha256(content).hexdigest() == told["sha256"], told


DIE = """
import os, signal
from hubver.localhub.{room} import {module}
kept = {module}.{name}
def until_then(self, *arguments, **more):
    if {when}:
        os.kill(os.getpid(), signal.SIGKILL)
    return kept(self, *arguments, **more)
{module}.{name} = until_then
"""
BEFORE_THE_REF = {"room": "repos", "module": "refs", "name": "Refs.update"}
AFTER_THE_REF = {"room": "talk", "module": "discussions", "name": "Discussions.save"}


def die(moment, when):
    return DIE.format(**moment, when=when)


@pytest.fixture
def pull(tmp_path):
    """A folder with an open pull request."""
    with LocalHub(tmp_path / "root") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo(REPO)
        api.create_commit(REPO, [add("new")], commit_message="Better", create_pr=True)
    return tmp_path / "root"


@pytest.mark.parametrize(
    ("moment", "merged"), [(BEFORE_THE_REF, False), (AFTER_THE_REF, True)], ids=["before", "after"]
)
def test_merge_is_done_or_not_when_killed_in_it(pull, git, moment, merged):
    process, environment = start(pull, before=die(moment, "True"))
    with pytest.raises(Exception, match="disconnected"):
        client(environment).merge_pull_request(REPO, 1, comment="good")
    finish(process)
    with LocalHub(pull) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        details = api.get_discussion_details(REPO, 1)
        assert details.status == ("merged" if merged else "open")
        assert [event.content for event in details.events if event.type == "comment"][1:] == (
            ["good"] if merged else []
        )
        assert api.file_exists(REPO, "new") == merged
        if merged:
            assert details.merge_commit_oid == api.model_info(REPO).sha
        else:
            api.merge_pull_request(REPO, 1)
    Repo(git, pull, REPO).check_discussions()


@pytest.mark.parametrize(("moment", "told"), [(BEFORE_THE_REF, 1), (AFTER_THE_REF, 2)], ids=["before", "after"])
@pytest.mark.parametrize("by", ["git", "http"])
def test_pull_request_tells_of_its_commits_when_killed_in_one(pull, git, moment, told, by):
    process, environment = start(pull, before=die(moment, "True"))
    if by == "http":
        with pytest.raises(Exception, match="disconnected"):
            client(environment).create_commit(REPO, [add("more")], commit_message="More", revision="refs/pr/1")
    else:
        token = Path(environment["HF_TOKEN_PATH"]).read_text()
        git("clone", "-q", environment["HF_ENDPOINT"].replace("//", f"//dev:{token}@") + f"/{REPO}", "clone")
        git("fetch", "-q", "origin", "refs/pr/1", cwd=git.home / "clone")
        git("checkout", "-q", "FETCH_HEAD", cwd=git.home / "clone")
        git.commit(git.home / "clone", "more", b"x")
        assert git.run("push", "origin", "HEAD:refs/pr/1", cwd=git.home / "clone").returncode != 0
    finish(process)
    with LocalHub(pull) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        commits = [event.oid for event in api.get_discussion_details(REPO, 1).events if event.type == "commit"]
        assert len(commits) == told
        assert api.model_info(REPO, revision="refs/pr/1").sha == commits[-1]
    assert not list(pull.rglob("tmp_objdir-*"))


@pytest.mark.parametrize(("moment", "there"), [(BEFORE_THE_REF, 1), (AFTER_THE_REF, 2)], ids=["before", "after"])
def test_pull_request_is_opened_or_not_when_killed_in_it(pull, git, moment, there):
    process, environment = start(pull, before=die(moment, "True"))
    with pytest.raises(Exception, match="disconnected"):
        client(environment).create_pull_request(REPO, title="Idea")
    finish(process)
    with LocalHub(pull) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        assert len(list(api.get_repo_discussions(REPO))) == there
        assert len(api.list_repo_refs(REPO, include_pull_requests=True).pull_requests) == there
        assert api.create_discussion(REPO, title="Next").num == there + 1


def test_what_was_half_written_is_in_nobodys_way(pull):
    """A lock that a killed writer has left on an object would keep it from being written for ever."""
    oid = hashlib.sha1(b"blob 5\0hello").hexdigest()
    folder = pull / f"models/{REPO}/repo.git/objects/{oid[:2]}"
    folder.mkdir(exist_ok=True)
    (folder / f"{oid[2:]}.lock").touch()
    (folder.parent / "tmp_objdir-incoming-ab").mkdir()
    (folder.parent.parent / ".packed-refs.ab").touch()
    (pull / f"models/{REPO}/discussions/.1.json.ab").touch()
    with LocalHub(pull) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_commit(REPO, [add("greeting", b"hello")], commit_message="hello")
        assert len(list(api.get_repo_discussions(REPO))) == 1
    left = [file for file in pull.rglob("*") if file.suffix in {".lock", ".ab"} or "incoming" in file.name]
    assert left == []


STRACED = """
import sys
from pathlib import Path
from hubver.localhub.repos import trees
from hubver.localhub.repos.refs import MAIN, RefChange
from hubver.localhub.repos.repository import write_blob, write_commit
from hubver.localhub.store import Store
store = Store(Path(sys.argv[1]))
repo = store.create("model", "acme/router", private=False, author="acme")
with repo.lock, repo.objects() as objects:
    head = repo.resolve("main")
    tree = trees.edit(objects, None, {"a": (trees.FILE_MODE, write_blob(objects, b"hello"))})
    repo.move([RefChange(MAIN, head, write_commit(objects, tree, [head], "acme", "a"))], objects)
with store.lfs.upload("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824") as upload:
    upload.write(b"hello")
    upload.finish(5)
print(len(list(repo.git_dir.glob("objects/??/*"))))
"""


def test_writes_reach_the_disk_before_what_refers_to_them(tmp_path):
    """As the system is asked: bytes, then the name, then the folders that are new, and only then the ref."""
    needs("strace")
    log = tmp_path / "log"
    traced = ["strace", "-f", "-y", "-e", "trace=fsync,rename,mkdir", "-o", str(log)]
    done = subprocess.run(
        [*traced, sys.executable, "-c", STRACED, str(tmp_path / "root")], capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr:
        pytest.skip("processes may not be traced here")
    assert done.returncode == 0, done.stderr
    calls = [call for call in map(parse_call, log.read_text().splitlines()) if call and "root/" in call[1]]
    moved_refs = [n for n, (name, path, *_) in enumerate(calls) if name == "rename" and path.endswith("packed-refs")]
    objects = [n for n, (name, path, *_) in enumerate(calls) if name == "rename" and "/objects/" in path]
    assert len(objects) == int(done.stdout) == 6
    assert len(moved_refs) == 2
    for n, (name, path, *old) in enumerate(calls):
        if name == "rename" and "/tmp/" not in path:
            # What is renamed was synced before, and the folder it is now in afterwards, before any ref moves.
            later = [moved for moved in moved_refs if moved > n] or [len(calls)]
            assert any(call[:2] == ("fsync", str(Path(path).parent)) for call in calls[n : later[0]]), path
            assert any(call == ("fsync", old[0]) for call in calls[:n]), old
        if name == "mkdir" and "/tmp/" not in path:
            assert any(call[:2] == ("fsync", str(Path(path).parent)) for call in calls[n:]), path


def parse_call(line):
    """Name and path of a call that went well: of `fsync` the file's, of `rename` the new one and the old."""
    if found := re.search(r"fsync\(\d+<(.*)>\)\s+= 0", line):
        return "fsync", found[1]
    if found := re.search(r'rename\("(.*)", "(.*)"\)\s+= 0', line):
        return "rename", found[2], found[1]
    if found := re.search(r'mkdir\("(.*)", \d+\)\s+= 0', line):
        return "mkdir", found[1]
    return None


def hold_until_it_waits(store, change):
    """What a request is told that waits for a repo's lock while `change` is done with the repo."""
    repo, waiting = store.get("model", REPO), store.get("model", REPO)
    told, started = [], threading.Event()

    def wait():
        started.set()
        try:
            with waiting.lock:
                told.append(None)
        except HubError as error:
            told.append((error.status, error.code))

    thread = threading.Thread(target=wait)
    with repo.lock:
        thread.start()
        started.wait()
        change(repo)
    thread.join()
    return told[0]


def test_who_waits_for_a_repo_that_goes_is_told(tmp_path):
    store = Store(tmp_path)
    store.create("model", REPO, private=False, author="acme")
    assert hold_until_it_waits(store, lambda repo: None) is None
    assert hold_until_it_waits(store, lambda repo: store.move(repo, "acme/newer")) == (409, None)
    store.create("model", REPO, private=False, author="acme")

    def replace(repo):
        store.delete(repo)
        time.sleep(0.002)  # repos are told apart by the millisecond of their creation
        store.create("model", REPO, private=False, author="acme")

    assert hold_until_it_waits(store, replace) == (404, "RepoNotFound")
    assert hold_until_it_waits(store, store.delete) == (404, "RepoNotFound")


def test_repos_that_come_and_go_break_no_request(tmp_path):
    seen, stopped = Counter(), threading.Event()
    with LocalHub(tmp_path) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)

        def status_of(call, **arguments):
            try:
                call(REPO, **arguments)
            except HfHubHTTPError as error:
                return error.response.status_code
            return 200

        def use(number):
            while not stopped.is_set():
                made = {"operations": [add(f"{number}", os.urandom(8).hex().encode())], "commit_message": "x"}
                seen[status_of(api.create_commit, **made)] += 1
                seen[status_of(api.model_info)] += 1
                seen[status_of(api.create_discussion, title="x")] += 1
                seen[status_of(api.list_repo_commits)] += 1

        threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(15):
                api.create_repo(REPO)
                api.create_commit(REPO, [add("a")], commit_message="a")
                api.move_repo(REPO, "acme/other")
                api.delete_repo("acme/other")
        finally:
            stopped.set()
            for thread in threads:
                thread.join()
    assert seen[200]
    assert set(seen) <= {200, 404, 409, 412}, seen
