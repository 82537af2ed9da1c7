"""`hubver init` in a user's project: what it writes, what it leaves alone, what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib
import yaml
from scaffolds import COMMIT, PIN, checkout, git, tickets

from hubver.ci.scaffold.project import Project
from hubver.settings import Settings

EVERYTHING = [
    "hubver.toml",
    "gates/test_quality.py",
    "smoke/test_smoke.py",
    ".github/dependabot.yml",
    ".github/workflows/hubver.yml",
]
FLOW = f"hubver/hubver/.github/workflows/flow.yml@{COMMIT}"


def workflow(project) -> dict:
    return yaml.safe_load((project.root / ".github/workflows/hubver.yml").read_text())


def test_one_answer_sets_a_project_up(users_project):
    done = users_project.done("--model", "acme/router")
    assert [(file["path"], file["state"], file["written"]) for file in done["files"]] == [
        (path, "new", True) for path in EVERYTHING
    ]
    assert sorted(users_project.files()) == sorted(EVERYTHING)
    jobs = workflow(users_project)["jobs"]
    assert jobs["release"]["uses"] == FLOW
    assert jobs["release"]["with"] == {"model": "acme/router", "revision": "${{ inputs.revision }}"}
    assert jobs["gates"]["with"] == {"model": "acme/router"}
    assert Settings.load(users_project.root, {}).ci.github == "acme/router-training"


def test_each_job_may_do_what_it_has_to_and_no_more(users_project):
    users_project.done("--model", "acme/router")
    written = workflow(users_project)
    assert written["permissions"] == {}
    assert written["jobs"]["release"]["permissions"] == {
        "contents": "read",
        "deployments": "write",
        "id-token": "write",
        "statuses": "write",
    }
    assert written["jobs"]["gates"]["permissions"] == {"contents": "read"}
    assert written["jobs"]["release"]["if"] == "${{ github.event_name != 'pull_request' }}"
    assert written["jobs"]["gates"]["if"] == "${{ github.event_name == 'pull_request' }}"
    assert list(written["jobs"]["gates"]["secrets"]) == ["HF_READ_TOKEN"]


def test_what_is_called_takes_what_is_given_and_needs_no_more_rights(users_project, rows):
    """The workflows of this very checkout, as the file that is written calls them."""
    users_project.done("--model", "acme/router", "--shards", "4", "--channel", "canary")
    called = Path(__file__).parents[3] / ".github" / "workflows"
    for job, name in (("release", "flow.yml"), ("gates", "gates.yml")):
        caller, callee = workflow(users_project)["jobs"][job], yaml.safe_load((called / name).read_text())
        takes = callee[True]["workflow_call"]  # YAML 1.1 reads `on` as true
        assert set(caller["with"]) <= set(takes["inputs"])
        assert {name for name, given in takes["inputs"].items() if given.get("required")} <= set(caller["with"])
        assert set(caller["secrets"]) <= set(takes["secrets"])
        wanted = [needed["permissions"].items() for needed in callee["jobs"].values()]
        lacking = {
            right
            for needed in wanted
            for right, kind in needed
            if kind not in (caller["permissions"].get(right), "none")
        }
        assert lacking == set()


def test_a_second_time_nothing_changes_and_nothing_need_be_said_again(users_project, rows, monkeypatch):
    users_project.done("--model", "acme/router", "--shards", "3", "--examples", str(rows(*tickets())))
    before = users_project.files()
    stamps = {path: (users_project.root / path).stat().st_mtime_ns for path in before}
    code, said = users_project.init()
    assert code == 0
    assert "Nothing was to be written." in said
    assert users_project.files() == before
    assert {path: (users_project.root / path).stat().st_mtime_ns for path in before} == stamps
    assert "≠" not in said


@pytest.mark.parametrize("ci", ["github", "gitlab", "shell"])
def test_what_was_chosen_is_remembered(users_project, rows, ci):
    asked = ["--model", "acme/router", "--ci", ci, "--shards", "3", "--channel", "canary"]
    users_project.done(*asked, "--examples", str(rows(*tickets())))
    again = users_project.done()
    assert again["model"] == "acme/router"
    assert {file["state"] for file in again["files"]} == {"same"}


def test_what_differs_is_shown_and_left_alone_until_it_is_named(users_project):
    users_project.done("--model", "acme/router")
    gates = users_project.root / "gates" / "test_quality.py"
    gates.write_text("mine\n")
    code, said = users_project.init()
    assert code == 0
    assert "≠ gates/test_quality.py" in said
    assert "\n-mine\n" in said
    assert "--force gates/test_quality.py" in said
    assert gates.read_text() == "mine\n"
    users_project.done("--force", "gates/test_quality.py")
    assert "gate.alive" in gates.read_text()


def test_only_what_is_named_is_replaced(users_project):
    users_project.done("--model", "acme/router")
    for path in ("gates/test_quality.py", "smoke/test_smoke.py"):
        (users_project.root / path).write_text("mine\n")
    users_project.done("--force", "gates/test_quality.py")
    assert (users_project.root / "smoke/test_smoke.py").read_text() == "mine\n"


def test_a_file_that_would_not_be_written_cannot_be_forced(users_project):
    code, said = users_project.init("--model", "acme/router", "--force", "train.py")
    assert code == 2
    assert "expected one of hubver.toml, gates/test_quality.py" in said
    assert users_project.files() == {}


def test_a_dry_run_writes_nothing(users_project):
    done = users_project.done("--model", "acme/router", "--dry-run")
    assert [(file["state"], file["written"]) for file in done["files"]] == [("new", False)] * len(EVERYTHING)
    assert users_project.files() == {}


def test_another_pin_is_a_difference_that_is_shown(users_project):
    users_project.done("--model", "acme/router")
    code, said = users_project.init("--pin", f"hubver/hubver@{'f' * 40}")
    assert code == 0
    assert f"+    uses: hubver/hubver/.github/workflows/flow.yml@{'f' * 40}" in said
    assert workflow(users_project)["jobs"]["release"]["uses"] == FLOW


def test_settings_that_people_wrote_stay_and_get_what_they_lack(users_project):
    own = '# ours\nproduction = "live"\ngates = "checks"\n'
    (users_project.root / "hubver.toml").write_text(own)
    done = users_project.done("--model", "acme/router")
    assert [file["path"] for file in done["files"] if file["state"] == "differs"] == ["hubver.toml"]
    assert (users_project.root / "checks" / "test_quality.py").exists()
    assert (users_project.root / "hubver.toml").read_text() == own
    users_project.done("--force", "hubver.toml")
    written = (users_project.root / "hubver.toml").read_text()
    assert written == own + '\n[ci]\ngithub = "acme/router-training"\n'
    assert "goes to live" in (users_project.root / "checks" / "test_quality.py").read_text()
    assert "checks/**" in workflow(users_project)[True]["pull_request"]["paths"]


def test_settings_in_a_pyproject_stay_there(users_project):
    (users_project.root / "pyproject.toml").write_text('[tool.hubver]\nproduction = "live"\n')
    code, said = users_project.init("--model", "acme/router")
    assert code == 0
    assert "hubver.toml" not in users_project.files()
    assert "pyproject.toml does not say whose workflow" in said
    assert "pyproject.toml" in workflow(users_project)[True]["pull_request"]["paths"]


def test_a_channel_gets_a_table_and_an_environment(users_project):
    users_project.done("--model", "acme/router", "--channel", "canary")
    assert Settings.load(users_project.root, {}).on_channel("canary").channel == "canary"
    assert workflow(users_project)["jobs"]["release"]["with"] == {
        "model": "acme/router",
        "revision": "${{ inputs.revision }}",
        "channel": "canary",
        "environment": "canary",
    }


def test_a_channel_in_a_repository_of_its_own_has_a_token_of_its_own(users_project):
    (users_project.root / "hubver.toml").write_text('[channels.production]\nrepo = "acme/router-live"\n')
    users_project.done("--model", "acme/router")
    secrets = workflow(users_project)["jobs"]["release"]["secrets"]
    assert secrets["HUBVER_PRODUCTION_TOKEN"] == "${{ secrets.HUBVER_PRODUCTION_TOKEN }}"
    assert list(workflow(users_project)["jobs"]["gates"]["secrets"]) == ["HF_READ_TOKEN"]


def test_dependabot_s_own_settings_stay_and_get_an_entry_when_asked(users_project):
    file = users_project.root / ".github" / "dependabot.yml"
    file.parent.mkdir()
    own = "version: 2\nupdates:\n- package-ecosystem: pip # ours\n  directory: /\n  schedule: {interval: daily}\n"
    file.write_text(own)
    users_project.done("--model", "acme/router")
    assert file.read_text() == own
    users_project.done("--force", ".github/dependabot.yml")
    assert file.read_text().startswith(own)
    assert [entry["package-ecosystem"] for entry in yaml.safe_load(file.read_text())["updates"]] == [
        "pip",
        "github-actions",
    ]
    assert {each["state"] for each in users_project.done()["files"]} == {"same"}


@pytest.mark.parametrize("content", ["updates: nothing", "{", "- a", "updates:\n- directory: /\n"])
def test_dependabot_s_settings_that_cannot_be_read_are_left_alone(users_project, content):
    file = users_project.root / ".github" / "dependabot.yml"
    file.parent.mkdir()
    file.write_text(content)
    assert ".github/dependabot.yml" not in [
        each["path"] for each in users_project.done("--model", "acme/router")["files"]
    ]
    assert file.read_text() == content


def test_gates_that_are_there_are_gates_enough(users_project):
    (users_project.root / "gates").mkdir()
    (users_project.root / "gates" / "test_ours.py").write_text("def test_ours(gate): ...\n")
    code, said = users_project.init("--model", "acme/router")
    assert code == 0
    assert "gates/test_quality.py is not needed: test_ours.py is there." in said
    assert "gates/test_quality.py" not in users_project.files()


def test_in_a_folder_of_the_checkout_it_is_the_checkout_s_root_that_gets_them(users_project, monkeypatch):
    (users_project.root / "src").mkdir()
    monkeypatch.chdir(users_project.root / "src")
    users_project.done("--model", "acme/router")
    assert sorted(users_project.files()) == sorted(EVERYTHING)


def test_without_git_it_is_this_folder(tmp_path, monkeypatch, users_project):
    folder = tmp_path / "plain"
    folder.mkdir()
    monkeypatch.chdir(folder)
    done = users_project.done("--model", "acme/router")
    assert done["root"] == str(folder)
    assert (folder / "gates" / "test_quality.py").exists()
    assert done["clicks"][0]["fields"]["repository"] == "OWNER/REPO"
    assert done["commands"][0].startswith("git init && git add ")


def test_what_to_click_and_what_to_run_next(users_project):
    done = users_project.done("--model", "acme/router")
    hub, environment, secret = done["clicks"]
    assert hub["page"] == "https://huggingface.co/acme/router/settings"
    assert hub["fields"] == {"repository": "acme/router-training", "workflow": "hubver.yml", "branch": "main"}
    assert [click["needed"] for click in done["clicks"]] == [True, False, False]
    assert environment["page"] == "https://github.com/acme/router-training/settings/environments"
    assert secret["page"] == "https://github.com/acme/router-training/settings/secrets/actions"
    git(users_project.root, "config", "user.email", "a@example.org")
    git(users_project.root, "config", "user.name", "A")
    subprocess.run(done["commands"][0].removesuffix(" && git push"), shell=True, check=True, cwd=users_project.root)
    assert git(users_project.root, "status", "--porcelain") == ""
    assert done["commands"][1] == "hubver push OUTPUT_DIR acme/router --pr"
    assert users_project.done()["commands"] == ["hubver push OUTPUT_DIR acme/router --pr"]


REMOTES = {
    "https://github.com/acme/router-training": ("acme/router-training", "github.com", "acme/router-training"),
    "https://github.com/acme/router-training.git": ("acme/router-training", "github.com", "acme/router-training"),
    "https://someone:token@github.com/acme/training/": ("acme/training", "github.com", "acme/training"),
    "ssh://git@github.com/acme/training.git": ("acme/training", "github.com", "acme/training"),
    "git@gitlab.com:group/sub/training.git": (None, "gitlab.com", "group/sub/training"),
    "https://gitlab.example.org:8443/group/training": (None, "gitlab.example.org", "group/training"),
    "https://github.com.example.org/acme/training": (None, "github.com.example.org", "acme/training"),
    "/srv/training.git": (None, None, None),
    "git@github.com:acme/$(touch${IFS}x).git": (None, "github.com", "acme/$(touch${IFS}x)"),
}


@pytest.mark.parametrize("remote", REMOTES)
def test_remotes_are_understood(tmp_path, remote):
    root = checkout(tmp_path / "project")
    git(root, "remote", "set-url", "origin", remote)
    project = Project.at(root)
    assert (project.github, project.host, project.path) == REMOTES[remote]
    assert project.ci == ("gitlab" if "gitlab" in remote else "github")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "router"],
        ["--model", "acme/router@v1.0.0"],
        ["--model", 'acme/x"\n  evil: true'],
        ["--model", "acme/${{ github.token }}"],
        ["--model", "acme/router; rm -rf ."],
        ["--model", ""],
        ["--model", "acme/router", "--channel", "main"],
        ["--model", "acme/router", "--channel", 'x"]\n[evil'],
        ["--model", "acme/router", "--shards", "0"],
        ["--model", "acme/router", "--shards", "257"],
        ["--model", "acme/router", "--pin", "hubver/hubver@main"],
        ["--model", "acme/router", "--pin", f"hubver/hubver@{COMMIT}\n"],
        ["--model", "acme/router", "--pin", f"../..@{COMMIT}"],
        ["--model", "acme/router", "--pin", COMMIT],
        ["--model", "acme/router", "--examples", "nowhere.jsonl"],
    ],
    ids=lambda arguments: repr(arguments[-2:])[:40],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(users_project, arguments):
    code, said = users_project.init(*arguments)
    assert code == 2, said
    assert "Traceback" not in said
    assert users_project.files() == {}


def test_without_anybody_to_ask_the_model_must_be_named(users_project, monkeypatch):
    code, said = users_project.init()
    assert code == 2
    assert "--model ORG/NAME" in said


def test_a_terminal_is_asked_for_the_model_and_for_nothing_else(tmp_path):
    import pty

    root = checkout(tmp_path / "project")
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "hubver", "init", "--pin", PIN], cwd=root, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    seen = b""
    while b"ORG/NAME" not in seen:
        seen += os.read(master, 1000)
    os.write(master, b"acme/router\n")
    try:
        while chunk := os.read(master, 1000):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    assert child.wait() == 0, seen
    assert "acme/router" in (root / ".github/workflows/hubver.yml").read_text()


def test_a_link_out_of_the_project_is_not_followed(users_project, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (users_project.root / ".github").symlink_to(outside)
    code, said = users_project.init("--model", "acme/router")
    assert code == 2
    assert ".github is a link out of the project." in said
    assert list(outside.iterdir()) == []
    assert [path for path in users_project.files() if "github" not in path] == []


def test_a_link_in_the_place_of_a_file_is_not_written_through(users_project, tmp_path):
    (users_project.root / "hubver.toml").symlink_to(tmp_path / "elsewhere.toml")
    code, said = users_project.init("--model", "acme/router")
    assert code == 2
    assert "link" in said
    assert not (tmp_path / "elsewhere.toml").exists()
    assert users_project.files() == {}


def test_gates_outside_of_the_project_are_refused(users_project):
    (users_project.root / "hubver.toml").write_text('gates = "../gates"\n')
    code, said = users_project.init("--model", "acme/router")
    assert code == 2
    assert "gates" in said
    assert list(users_project.files()) == ["hubver.toml"]


@pytest.mark.parametrize("taken", ["gates", ".github/workflows/hubver.yml/x", "gates/test_quality.py/x"])
def test_something_else_in_a_file_s_place_is_said(users_project, taken):
    path = users_project.root / taken
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")
    code, said = users_project.init("--model", "acme/router")
    assert code == 2, said
    assert "Traceback" not in said
    assert list(users_project.files()) == [taken]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_said(users_project):
    users_project.root.chmod(0o500)
    try:
        code, said = users_project.init("--model", "acme/router")
    finally:
        users_project.root.chmod(0o700)
    assert code == 2
    assert "is read-only" in said


def test_a_file_system_that_takes_no_files_is_said(users_project, monkeypatch):
    monkeypatch.chdir("/proc/self")  # whoever one is
    code, said = users_project.init("--model", "acme/router", "--ci", "none")
    assert code == 2, said
    assert "hubver.toml cannot be written" in said or "is read-only" in said


def test_settings_that_cannot_be_read_are_said(users_project):
    (users_project.root / "hubver.toml").write_text("production = [\n")
    code, said = users_project.init("--model", "acme/router")
    assert code == 2
    assert "is not valid TOML" in said


KILLED = """
import os, signal, sys
import hubver.ci.scaffold.verb, hubver.cli.init, huggingface_hub.constants
from hubver.cli.main import run

left = 0

def die_in_time(event, arguments):
    global left
    if event in ("open", "os.rename") and "hubver-init" in str(arguments[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die_in_time)
for left, root in enumerate(sys.argv[2:]):
    if not (child := os.fork()):
        os.chdir(root)
        os._exit(run(["init", "--pin", sys.argv[1], "--model", "acme/router"]))
    print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_killed_anywhere_the_next_run_finishes_it(tmp_path, users_project, monkeypatch):
    """Before each file is written, and before it is put in its place: a project for each, and one that is left alone."""
    roots = [checkout(tmp_path / f"killed-{step}") for step in range(2 * len(EVERYTHING) + 1)]
    done = subprocess.run([sys.executable, "-c", KILLED, PIN, *roots], capture_output=True, text=True, check=True)
    ended = [line for line in done.stdout.splitlines() if line.startswith("ended")]
    assert ended == [f"ended {-signal.SIGKILL}"] * (len(roots) - 1) + ["ended 0"]
    users_project.root = roots[-1]
    whole = users_project.files()
    for step, root in enumerate(roots[:-1]):
        users_project.root = root
        monkeypatch.chdir(root)
        there = {path for path in users_project.files() if not path.endswith(".hubver-init")}
        assert there == set(EVERYTHING[: step // 2])
        users_project.done("--model", "acme/router")
        assert users_project.files() == whole


def test_settings_are_toml_and_gates_are_python_whatever_the_names(users_project, rows):
    hostile = 'que"ue\\\n${{ x }}'
    told = [{"prompt": row["prompt"], "completion": hostile, hostile: row["queue"]} for row in tickets()]
    users_project.done("--model", "acme/router", "--examples", str(rows(*told)))
    found: dict = {}
    exec((users_project.root / "gates" / "test_quality.py").read_text(), found)
    assert found["EXAMPLES"].slice_by == hostile
    assert tomllib.loads((users_project.root / "hubver.toml").read_text())["ci"]["github"] == "acme/router-training"
