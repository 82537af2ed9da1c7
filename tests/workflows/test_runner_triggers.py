"""Which events start which workflows, with which inputs, and who waits for whom.

DOCS in a comment is https://docs.github.com/en/actions.
"""

from __future__ import annotations

import os

import pytest
from workflows.conftest import file
from workflows.runner import Forge, Unsupported, finished, triggers
from workflows.runner.expressions import Scope
from workflows.runner.globs import accepts

JOB = "jobs: {job: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory, node):
    with Forge(tmp_path_factory.mktemp("forge") / "forge", node) as running:
        yield running


def started(forge, name, on, send):
    repository = forge.repository(f"acme/{name}", {".github/workflows/w.yml": f"on: {on}\n{JOB}", "README.md": "x"})
    runs = finished(send(forge, repository))
    assert {run.result for run in runs} <= {"success"}, [run.error for run in runs]
    return len(runs)


# DOCS/reference/workflows-and-actions/events-that-trigger-workflows#repository_dispatch, #schedule
EVENTS = {
    "a dispatch of its type": ("{repository_dispatch: {types: [go, come]}}", lambda f, r: f.dispatch(r, "go"), 1),
    "a dispatch of another type": ("{repository_dispatch: {types: [go]}}", lambda f, r: f.dispatch(r, "come"), 0),
    "a dispatch of any type": ("{repository_dispatch: }", lambda f, r: f.dispatch(r, "come"), 1),
    "another event": ("[push, workflow_dispatch]", lambda f, r: f.dispatch(r, "go"), 0),
    "its time": ("{schedule: [{cron: '0 1 * * *'}, {cron: '0 2 * * *'}]}", lambda f, r: f.schedule(r, "0 2 * * *"), 1),
    "another time": ("{schedule: [{cron: '0 1 * * *'}]}", lambda f, r: f.schedule(r, "0 2 * * *"), 0),
}


@pytest.mark.parametrize("case", EVENTS)
def test_events(shared, case):
    on, send, runs = EVENTS[case]
    assert started(shared, f"events-{list(EVENTS).index(case)}", on, send) == runs


# #pull_request: opened, synchronize and reopened where no type is named; paths are those of the three-dot diff.
PULLS = {
    "opened": ("pull_request", {}, 1),
    "labelled": ("pull_request", {"action": "labeled"}, 0),
    "a type that is named": ("{pull_request: {types: [labeled]}}", {"action": "labeled"}, 1),
    "onto main": ("{pull_request: {branches: [main]}}", {}, 1),
    "onto another branch": ("{pull_request: {branches: ['release/**']}}", {}, 0),
    "a path": ("{pull_request: {paths: ['gates/**']}}", {}, 1),
    "another path": ("{pull_request: {paths: [hubver.toml]}}", {}, 0),
    "a path that is taken away": ("{pull_request: {paths: ['gates/**', '!gates/a.py']}}", {}, 0),
    "a path that does not count": ("{pull_request: {paths-ignore: ['gates/**']}}", {}, 0),
}


@pytest.mark.parametrize("case", PULLS)
def test_pull_requests(shared, case):
    on, fields, runs = PULLS[case]

    def send(forge, repository):
        repository.commit({"gates/a.py": "x"}, "change", start="main")
        repository.commit({"hubver.toml": "later on main"})
        return forge.pull_request(repository, "change", **fields)

    assert started(shared, f"pulls-{list(PULLS).index(case)}", on, send) == runs


PUSHES = {
    "a branch": ("push", "refs/heads/main", 1),
    "its branch": ("{push: {branches: [main]}}", "refs/heads/main", 1),
    "another branch": ("{push: {branches: ['v*']}}", "refs/heads/main", 0),
    "no branch that is left out": ("{push: {branches-ignore: ['m*']}}", "refs/heads/main", 0),
    "a tag where only branches count": ("{push: {branches: [main]}}", "refs/tags/v1.0.0", 0),
    "its tag": ("{push: {tags: ['v[0-9]+.*']}}", "refs/tags/v1.0.0", 1),
    "a path": ("{push: {paths: ['docs/**']}}", "refs/heads/main", 1),
    "another path": ("{push: {paths: [docs]}}", "refs/heads/main", 0),
}


@pytest.mark.parametrize("case", PUSHES)
def test_pushes(shared, case):
    on, ref, runs = PUSHES[case]

    def send(forge, repository):
        before = repository.find("main")
        repository.commit({"docs/a/b.md": "x"})
        repository.git("tag", "v1.0.0", "main")
        return forge.push(repository, ref, before=before)

    assert started(shared, f"pushes-{list(PUSHES).index(case)}", on, send) == runs


# DOCS/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
PATTERNS = [
    ("feature/*", "feature/my-branch", True),
    ("feature/*", "feature/beta-a/my-branch", False),
    ("feature/**", "feature/beta-a/my-branch", True),
    ("**", "all/the/branches", True),
    ("*feature", "mona-feature", True),
    ("v2*", "v2.0", True),
    ("v[12].[0-9]+.[0-9]+", "v1.10.1", True),
    ("*.jsx?", "page.js", True),
    ("*.jsx?", "page.jsx", True),
    ("**/docs/**", "docs/hello.md", True),
    ("**/docs/**", "dir/docs/my-file.txt", True),
    ("docs/*", "docs/dir/file.txt", False),
    ("**.js", "src/js/app.js", True),
    ("**/*-post.md", "path/their-post.md", True),
    ("gates/**", "gates.py", False),
]


@pytest.mark.parametrize(("pattern", "name", "matches"), PATTERNS)
def test_patterns(pattern, name, matches):
    assert accepts([pattern], name) == matches


def test_a_filter_that_is_not_known_stops_the_test(shared):
    with pytest.raises(Unsupported):
        started(shared, "target", "[pull_request, pull_request_target]", lambda f, r: f.pull_request(r, "main"))


def test_a_file_that_is_no_workflow_fails_at_once(forge):
    repository = forge.repository("acme/router", {".github/workflows/w.yml": "on: push\njobs: {a: {stepz: []}}"})
    [run] = finished(forge.dispatch(repository, "go"))
    assert run.result == "startup_failure"
    assert "Unexpected value 'stepz'" in run.error


# DOCS/reference/workflows-and-actions/workflow-syntax#onworkflow_dispatchinputs
INPUTS = {
    "given": ({"a": {"type": "string"}}, {"a": "x"}, {"a": "x"}),
    "a default": ({"a": {"default": "x"}}, {}, {"a": "x"}),
    "nothing": ({"a": None, "b": {"type": "number"}, "c": {"type": "boolean"}}, {}, {"a": "", "b": 0, "c": False}),
    "a boolean as text": ({"a": {"type": "boolean"}}, {"a": "true"}, {"a": True}),
    "a number as text": ({"a": {"type": "number"}}, {"a": "1.5"}, {"a": 1.5}),
    "a choice": ({"a": {"type": "choice", "options": ["x", "y"]}}, {"a": "y"}, {"a": "y"}),
    "the first choice": ({"a": {"type": "choice", "options": ["x", "y"]}}, {}, {"a": "x"}),
    "none of the choices": ({"a": {"type": "choice", "options": ["x"]}}, {"a": "z"}, "not in the list"),
    "missing": ({"a": {"required": True}}, {}, "'a' not provided"),
    "empty": ({"a": {"required": True}}, {"a": ""}, "'a' not provided"),
    "unknown": ({}, {"a": "x"}, "Unexpected inputs"),
    "no boolean": ({"a": {"type": "boolean"}}, {"a": "yes"}, "no boolean"),
    "no number": ({"a": {"type": "number"}}, {"a": "many"}, "no number"),
    "a number for a text": ({"a": {"type": "string"}}, {"a": 1}, "no string"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs(case):
    declared, given, expected = INPUTS[case]
    scope = Scope(None, {})
    if isinstance(expected, str):
        with pytest.raises(triggers.InvalidInputs, match=expected):
            triggers.typed_inputs(declared, given, scope, empty_is_missing=True)
    else:
        assert triggers.typed_inputs(declared, given, scope, empty_is_missing=True) == expected


# "The `inputs` context preserves Boolean values as Booleans": DOCS/reference/workflows-and-actions/contexts#inputs-context
def test_an_input_is_typed_in_one_context_and_text_in_the_other(run):
    done = run(
        "job: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ inputs.go == true }} ${{ github.event.inputs.go == true }} ${{ github.event.inputs.go }}'}]}",
        dispatch="{inputs: {go: {type: boolean}}}",
        inputs={"go": "true"},
    )
    assert "\ntrue false true\n" in done.jobs["job"].log


@pytest.fixture
def queue(forge, tmp_path):
    """A repository whose runs share a group by what is written; each holds its turn until its pipe is read."""

    def make(concurrency, *, level="run"):
        written = f"concurrency: {concurrency}"
        script = 'echo "$NUMBER" >> "$LOG"; echo done > "$PIPES/$NUMBER"'
        job = f"""
            job:
              runs-on: ubuntu-latest
              {written if level == "job" else ""}
              env: {{NUMBER: "${{{{ github.run_number }}}}"}}
              steps: [{{run: '{script}'}}]
        """
        for number in range(1, 6):
            os.mkfifo(tmp_path / str(number))
        forge.environment |= {"PIPES": str(tmp_path), "LOG": str(tmp_path / "log")}
        top = written if level == "run" else ""
        return forge.repository("acme/router", {".github/workflows/w.yml": file(job, top)})

    return make


def let_go(folder, number):
    assert (folder / str(number)).read_text() == "done\n"


# DOCS/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
@pytest.mark.parametrize("level", ["run", "job"])
def test_a_newcomer_turns_out_the_one_that_waits(forge, queue, tmp_path, level):
    repository = queue("Release", level=level)
    first = forge.workflow_dispatch(repository, "w.yml").until("in_progress")
    while not (tmp_path / "log").exists():
        first.until("in_progress")
    second = forge.workflow_dispatch(repository, "w.yml").until("pending")
    third = forge.workflow_dispatch(repository, "w.yml").until("pending")
    assert second.wait().result == "cancelled"
    assert [name.partition(":")[0] for name in repository.groups.waiting("release")] == ["3"]
    let_go(tmp_path, 1)
    let_go(tmp_path, 3)
    assert (first.wait().result, third.wait().result) == ("success", "success")
    assert (tmp_path / "log").read_text() == "1\n3\n"


def test_a_queue_loses_nobody(forge, queue, tmp_path):
    repository = queue("{group: release, queue: max}", level="job")
    runs = []
    for _ in range(4):
        runs.append(forge.workflow_dispatch(repository, "w.yml"))
        runs[-1].until("pending" if len(runs) > 1 else "in_progress")
        while not (tmp_path / "log").exists():
            runs[0].until("in_progress")
    for number in range(1, 5):
        let_go(tmp_path, number)
    assert [run.wait().result for run in runs] == ["success"] * 4
    assert (tmp_path / "log").read_text() == "1\n2\n3\n4\n"


def test_a_newcomer_may_stop_the_one_that_runs(forge, queue, tmp_path):
    repository = queue("{group: release, cancel-in-progress: true}")
    first = forge.workflow_dispatch(repository, "w.yml")
    while not (tmp_path / "log").exists():
        first.until("in_progress")
    second = forge.workflow_dispatch(repository, "w.yml")
    assert first.wait().result == "cancelled"
    let_go(tmp_path, 2)
    assert second.wait().result == "success"


# "Canceling since a deadlock for concurrency group was detected", GitHub says of a job that waits for its own run.
def test_a_job_in_the_group_of_its_run_is_cancelled(run):
    job = "job: {runs-on: ubuntu-latest, concurrency: release, steps: [{run: 'true'}]}"
    done = run(job, top="concurrency: Release")
    assert (done.result, done.jobs["job"].result) == ("cancelled", "cancelled")
    assert "a deadlock for concurrency group 'release'" in done.jobs["job"].annotations[0].message
