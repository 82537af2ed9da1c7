"""The actions that are carried out, and what steps say to their runner.

DOCS in a comment is https://docs.github.com/en/actions.
"""

from __future__ import annotations

import textwrap

import pytest
from workflows.runner import StepFailed, commands
from workflows.runner.commands import Command, Listener, read_pairs
from workflows.runner.masks import Masks

PIN = "1" * 40
CHECKOUT = f"actions/checkout@{PIN}"

# DOCS/reference/workflows-and-actions/workflow-commands; the older form is that of ActionCommand.cs of the runner.
COMMANDS = {
    "::error::it failed": Command("error", "it failed"),
    "  ::warning file=a.py,line=3::text": Command("warning", "text", {"file": "a.py", "line": "3"}),
    "::set-output name=x::a%0Ab%25": Command("set-output", "a\nb%", {"name": "x"}),
    "before ##[set-output name=x]value": Command("set-output", "value", {"name": "x"}),
    "::ERROR::loud": Command("error", "loud"),
    "text ::error::not at the beginning": None,
    "::unknown::x": None,
    "std::vector<int>::iterator": None,
    "": None,
}


@pytest.mark.parametrize("line", COMMANDS)
def test_commands(line):
    assert commands.parse(line) == COMMANDS[line]


def test_commands_can_be_stopped():
    notes = []
    listener = Listener(Masks(), notes)
    for line in ["::stop-commands::word", "::error::hidden", "::set-output name=a::b", "::word::", "::error::heard"]:
        listener.hear(line)
    assert [note.message for note in notes] == ["heard"]
    assert listener.outputs == {}


# DOCS/reference/workflows-and-actions/workflow-commands#environment-files
FILES = {
    "": {},
    "a=b\n": {"a": "b"},
    "a=b=c\na=d\n": {"a": "d"},
    "a=\n": {"a": ""},
    "a<<END\none\n\ntwo=2\nEND\nb=c\n": {"a": "one\n\ntwo=2", "b": "c"},
    "a<<END\nEND\n": {"a": ""},
    "a=x<<y\n": {"a": "x<<y"},
    "a": StepFailed,
    "=a": StepFailed,
    "a<<END\nb\n": StepFailed,
    "a<<\nb\n": StepFailed,
}


@pytest.mark.parametrize("content", FILES)
def test_files_of_outputs(tmp_path, content):
    (tmp_path / "file").write_text(content)
    if FILES[content] is StepFailed:
        with pytest.raises(StepFailed):
            read_pairs(tmp_path / "file")
    else:
        assert read_pairs(tmp_path / "file") == FILES[content]


def test_what_steps_say(run):
    done = run("""
        job:
          runs-on: ubuntu-latest
          outputs: {old: "${{ steps.say.outputs.old }}"}
          steps:
            - id: say
              run: |
                echo "::error title=A title,file=a.py::first%0Asecond"
                echo "::notice::noted"
                echo "::set-output name=old::still heard"
                echo "# Title" >> "$GITHUB_STEP_SUMMARY"
            - {run: 'head -c 1048577 /dev/zero | tr "\\\\0" x > "$GITHUB_STEP_SUMMARY"'}
            - {id: off, if: always(), continue-on-error: true, run: 'echo "::set-env name=PATH::/nowhere"'}
            - {id: wrong, if: always(), continue-on-error: true, run: 'echo "no pair" >> "$GITHUB_OUTPUT"'}
            - {run: 'echo "NODE_OPTIONS=x" >> "$GITHUB_ENV"'}
    """)
    job = done.jobs["job"]
    assert [step.outcome for step in job.steps] == ["success", "success", "failure", "failure", "failure"]
    first = job.annotations[0]
    assert (first.level, first.title, first.file, first.message) == ("error", "A title", "a.py", "first\nsecond")
    assert job.outputs == {"old": "still heard"}
    assert job.summary == "# Title\n"
    assert any("GITHUB_STEP_SUMMARY upload aborted" in note.message for note in job.annotations)


def steps(*listed):
    """A job of steps that are given by their YAML."""
    body = "".join("    - " + textwrap.dedent(step).strip().replace("\n", "\n      ") + "\n" for step in listed)
    return f"job:\n  runs-on: ubuntu-latest\n  permissions: {{contents: read}}\n  steps:\n{body}"


def outcome(done):
    [job] = done.jobs.values()
    return [step.outcome for step in job.steps], job.log


# https://github.com/actions/checkout: one commit, detached; the token is kept for later steps unless told not to.
def test_checkout(run):
    listed = [
        f"uses: {CHECKOUT}\nwith: {{persist-credentials: KEEP}}",
        "run: git log --oneline | wc -l; git rev-parse HEAD; cat file; git config --list --name-only | grep -c extraheader",
        'if: always()\nrun: ls "$RUNNER_TEMP"/git-credentials-*',
    ]
    files = {"file": "content\n"}
    for keep, count in (("true", "1"), ("false", "0")):
        done = run(steps(*(step.replace("KEEP", keep) for step in listed)).replace("job:", f"job{count}:"), files=files)
        results, log = outcome(done)
        assert f"\n1\n{done.event.sha}\ncontent\n{count}\n" in log
        assert results[2] == ("success" if keep == "true" else "failure")


def test_checkouts_of_other_places(run, forge):
    library = forge.library("acme/tools", {"tool": "a tool\n", "sub/x": "x\n", "other/y": "y\n"})
    library.commit({"tool": "a branch\n"}, "side", start="main")
    done = run(
        steps(
            f"uses: {CHECKOUT}\nwith: {{repository: acme/tools, path: tools, fetch-depth: 0}}",
            f"uses: {CHECKOUT}\nwith: {{repository: acme/tools, ref: side, path: side}}",
            f"uses: {CHECKOUT}\nwith: {{repository: acme/tools, path: part, sparse-checkout: sub}}",
            "run: cat tools/tool side/tool; ls part; git -C tools branch -r --list 'origin/*' | wc -l",
            f"uses: {CHECKOUT}\nwith: {{ref: none}}",
            f"if: always()\nuses: {CHECKOUT}\nwith: {{path: ../outside}}",
            f"if: always()\nuses: {CHECKOUT}\nwith: {{repository: acme/private}}",
        )
    )
    forge.repository("acme/private", {"a": "b"})
    results, log = outcome(done)
    assert results == ["success"] * 4 + ["failure"] * 3
    assert "a tool\na branch\nsub\ntool\n" in log
    assert "A branch or tag with the name 'none' could not be found" in log
    assert "is not under" in log
    assert "repository 'https://github.com/acme/private/' not found" in log


def test_a_private_repository_is_read_by_a_token_that_may(run):
    job = steps(f"uses: {CHECKOUT}").replace("contents: read", "")
    assert "not found" in run(job).jobs["job"].log


# https://github.com/actions/upload-artifact: where the root of an artifact is, and what is left out.
ARTIFACTS = {
    "a file": ("a/one.txt", {"one.txt"}),
    "a folder": ("a", {"one.txt", "b/two.txt"}),
    "a pattern": ("a/**/*.txt", {"one.txt", "b/two.txt"}),
    "a pattern of folders": ("*/b", {"a/b/two.txt"}),
    "two paths": ("a/b\nc", {"a/b/two.txt", "c/three.log"}),
    "without some": ("a\n!a/b/**", {"one.txt"}),
    "nothing": ("none/*", None),
}


@pytest.mark.parametrize("case", ARTIFACTS)
def test_artifacts(run, case):
    path, expected = ARTIFACTS[case]
    with_ = "with:\n  name: files\n  path: |\n" + textwrap.indent(path, "    ")
    done = run(
        steps(
            "run: mkdir -p a/b c a/.hidden; touch a/one.txt a/b/two.txt c/three.log a/.hidden/four.txt a/.five",
            f"uses: actions/upload-artifact@{PIN}\n{with_}",
        )
    )
    assert done.result == "success"
    if expected is None:
        assert done.artifacts.names() == []
        assert "No files were found" in done.jobs["job"].annotations[0].message
    else:
        assert set(done.artifacts.files("files")) == expected


def test_artifacts_go_from_job_to_job(run):
    upload, download = f"actions/upload-artifact@{PIN}", f"actions/download-artifact@{PIN}"
    done = run(f"""
        make:
          runs-on: ubuntu-latest
          strategy: {{matrix: {{n: [1, 2]}}}}
          steps:
            - run: echo ${{{{ matrix.n }}}} > n${{{{ matrix.n }}}}
            - {{uses: '{upload}', with: {{name: "part-${{{{ matrix.n }}}}", path: "n*"}}}}
        take:
          needs: make
          runs-on: ubuntu-latest
          steps:
            - {{uses: '{download}', with: {{path: all}}}}
            - {{uses: '{download}', with: {{path: merged, pattern: "part-*", merge-multiple: true}}}}
            - {{uses: '{download}', with: {{path: one, name: part-1}}}}
            - {{uses: '{download}', with: {{path: none, pattern: "other-*"}}}}
            - run: find . -type f | sort | xargs
            - {{id: missing, continue-on-error: true, uses: '{download}', with: {{name: part-3}}}}
            - {{id: twice, continue-on-error: true, uses: '{upload}', with: {{name: part-1, path: one}}}}
            - {{uses: '{upload}', with: {{name: part-1, path: one, overwrite: true}}}}
            - {{uses: '{upload}', with: {{name: none, path: nothing, if-no-files-found: error}}}}
    """)
    take = done.jobs["take"]
    assert "./all/part-1/n1 ./all/part-2/n2 ./merged/n1 ./merged/n2 ./one/n1" in take.log
    assert (take.step("missing").outcome, take.step("twice").outcome) == ("failure", "failure")
    assert "Artifact not found for name: part-3" in take.log
    assert "(409) Conflict" in take.log
    assert [step.outcome for step in take.steps[-2:]] == ["success", "failure"]


# DOCS/reference/workflows-and-actions/dependency-caching
def test_caches(forge, run):
    cache = f"actions/cache@{PIN}"
    use = f"id: cache\nuses: {cache}\nwith: {{path: ~/kept, key: KEY, restore-keys: 'base-'}}"
    show = 'run: echo "<${{ steps.cache.outputs.cache-hit }}> $(cat ~/kept/file || echo none)"; mkdir -p ~/kept; echo KEY > ~/kept/file'
    log = {}
    for number, key in enumerate(["base-1", "base-1", "base-2", "base-1", "else"]):
        body = [use.replace("KEY", key), show.replace("KEY", key)]
        content = "on: {repository_dispatch: }\njobs:\n" + textwrap.indent(steps(*body), "  ")
        if number == 0:
            repository = forge.repository("acme/router", {".github/workflows/w.yml": content})
        else:
            repository.commit({".github/workflows/w.yml": content})
        [done] = forge.dispatch(repository, "go")
        log[number] = done.wait().jobs["job"].log
    assert "\n<> none\n" in log[0]
    assert "\n<true> base-1\n" in log[1]
    assert "\n<false> base-1\n" in log[2]
    assert "\n<true> base-1\n" in log[3]
    assert "\n<false> base-2\n" in log[4]


def test_a_cache_of_a_pull_request_is_its_own(forge):
    """What a stranger's code leaves in a cache is not found by the runs of the default branch."""
    job = steps(f"uses: actions/cache@{PIN}\nwith: {{path: kept, key: same}}", "run: cat kept || echo evil > kept")
    content = "on: {pull_request: , repository_dispatch: }\njobs:\n" + textwrap.indent(job, "  ")
    repository = forge.repository("acme/router", {".github/workflows/w.yml": content})
    repository.commit({"a": "b"}, "change", start="main")
    for _ in range(2):
        [of_change] = forge.pull_request(repository, "change", number=1)
        of_change.wait()
    [of_main] = forge.dispatch(repository, "go")
    assert "\nevil\n" in of_change.jobs["job"].log
    assert "\nevil\n" not in of_main.wait().jobs["job"].log


def test_a_failed_job_saves_no_cache(forge, run):
    done = run(steps(f"uses: actions/cache@{PIN}\nwith: {{path: kept, key: k}}", "run: echo x > kept; exit 1"))
    assert done.repository.caches == {}


def test_setup_python(run):
    setup = f"uses: actions/setup-python@{PIN}"
    with_list = {"requirements.txt": ""}
    done = run(
        steps(
            f"uses: {CHECKOUT}",
            f"{setup}\nwith: {{python-version: '3.12', cache: pip}}",
            "shell: python\nrun: import sys; print(sys.prefix)",
            f"if: always()\n{setup}\nwith: {{check-latest: true}}",
            f"if: always()\n{setup}\nwith: {{python-version-file: none}}",
            f"if: always()\n{setup}\nwith: {{python-version: '3.12', cache: pip, cache-dependency-path: 'other/*'}}",
        ),
        files=with_list,
    )
    results, log = outcome(done)
    assert results == ["success"] * 3 + ["failure"] * 3
    assert f"\n{done.forge.python.parent}\n" in log
