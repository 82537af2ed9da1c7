"""What the runner does with jobs and steps is what GitHub's documentation says of them.

DOCS in a comment is https://docs.github.com/en/actions.
"""

from __future__ import annotations

import hashlib
import os
import textwrap

import pytest
from workflows.runner import Unsupported, matrix
from workflows.runner.errors import InvalidExpression

# DOCS/reference/workflows-and-actions/expressions#status-check-functions: `success()` where nothing is asked; failure()
# hears of any ancestor; a skipped job skips those that need it; always() runs whatever has been.
CONDITIONS = {
    "needs one that succeeds": ("needs: good", "success"),
    "needs one that fails": ("needs: bad", "skipped"),
    "needs one that was skipped": ("needs: skipped", "skipped"),
    "its condition is false": ("if: false", "skipped"),
    "its condition is true after a failure": ("needs: bad\nif: true", "skipped"),
    "after a failure": ("needs: bad\nif: failure()", "success"),
    "after a failure further up": ("needs: mended\nif: failure()", "success"),
    "after a success further up": ("needs: mended", "skipped"),
    "always": ("needs: [bad, skipped]\nif: always()", "success"),
    "cancelled": ("needs: bad\nif: cancelled()", "skipped"),
    "not cancelled": ("needs: bad\nif: ${{ !cancelled() }}", "success"),
    "by the result": ("needs: bad\nif: ${{ always() && needs.bad.result == 'failure' }}", "success"),
    "by an output": ("needs: good\nif: needs.good.outputs.word == 'it''s ''quoted'''", "success"),
    "after one whose failure does not count": ("needs: soft", "success"),
}


def test_conditions_of_jobs(run):
    jobs = """\
good:
  runs-on: ubuntu-latest
  outputs: {word: "${{ steps.say.outputs.word }}"}
  steps: [{id: say, run: "echo word=\\"it's 'quoted'\\" >> $GITHUB_OUTPUT"}]
bad: {runs-on: ubuntu-latest, steps: [{run: exit 1}]}
soft: {runs-on: ubuntu-latest, continue-on-error: true, steps: [{run: exit 1}]}
skipped: {runs-on: ubuntu-latest, if: false, steps: [{run: exit 1}]}
mended: {runs-on: ubuntu-latest, needs: bad, if: always(), steps: [{run: "true"}]}
"""
    for number, (spec, _) in enumerate(CONDITIONS.values()):
        body = f"runs-on: ubuntu-latest\n{spec}\nsteps: [{{run: 'true'}}]"
        jobs += f"job{number}:\n{textwrap.indent(body, '  ')}\n"
    done = run(jobs)
    found = {name: done.jobs[f"job{number}"].result for number, name in enumerate(CONDITIONS)}
    assert found == {name: result for name, (_, result) in CONDITIONS.items()}
    assert done.result == "failure"


# DOCS/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
MATRICES = {
    "none": ({}, [{}]),
    "two axes": ({"a": [1, 2], "b": ["x"]}, [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]),
    "only what is included": ({"include": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}]),
    "an exclusion by a part": ({"a": [1, 2], "b": [3, 4], "exclude": [{"a": 1}]}, [{"a": 2, "b": 3}, {"a": 2, "b": 4}]),
    "the example of the page": (
        {
            "fruit": ["apple", "pear"],
            "animal": ["cat", "dog"],
            "include": [
                {"color": "green"},
                {"color": "pink", "animal": "cat"},
                {"fruit": "apple", "shape": "circle"},
                {"fruit": "banana"},
                {"fruit": "banana", "animal": "cat"},
            ],
        },
        [
            {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
            {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
            {"fruit": "pear", "animal": "cat", "color": "pink"},
            {"fruit": "pear", "animal": "dog", "color": "green"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
    ),
}


@pytest.mark.parametrize("case", MATRICES)
def test_legs_of_a_matrix(case):
    written, legs = MATRICES[case]
    assert matrix.legs(written) == legs


@pytest.mark.parametrize("written", [{"a": []}, {"a": "text"}, {"a": [1], "exclude": [{"a": 1}]}, {"a": [1] * 257}])
def test_a_matrix_without_jobs_fails(written):
    with pytest.raises(InvalidExpression):
        matrix.legs(written)


def test_a_matrix_of_an_expression(run):
    done = run("""
        find:
          runs-on: ubuntu-latest
          outputs: {found: "${{ steps.find.outputs.found }}"}
          steps: [{id: find, run: "echo 'found=[\\"one\\",\\"two\\"]' >> $GITHUB_OUTPUT"}]
        each:
          needs: find
          runs-on: ubuntu-latest
          strategy: {matrix: {name: "${{ fromJSON(needs.find.outputs.found) }}"}}
          outputs: {name: "${{ matrix.name }}"}
          steps: [{run: "echo ${{ strategy.job-index }}/${{ strategy.job-total }} ${{ matrix.name }}"}]
    """)
    assert done.result == "success"
    assert "\n1/2 two\n" in done.jobs["each (two)"].log
    assert done.jobs["each (one)"].outputs == {"name": "one"}


def test_an_empty_matrix_fails_its_job_and_starts_none(run):
    done = run("""
        each:
          runs-on: ubuntu-latest
          strategy: {matrix: {name: "${{ fromJSON('[]') }}"}}
          steps: [{run: "true"}]
    """)
    assert done.jobs["each"].result == "failure"
    assert "Matrix vector 'name' does not contain any values" in done.jobs["each"].annotations[0].message


@pytest.mark.parametrize(("fail_fast", "last"), [("true", "cancelled"), ("false", "success")])
def test_the_first_failure_of_a_matrix_stops_the_others(run, fail_fast, last):
    done = run(f"""
        each:
          runs-on: ubuntu-latest
          strategy: {{max-parallel: 1, fail-fast: {fail_fast}, matrix: {{include: [{{code: 0}}, {{code: 1}}, {{code: "0 "}}]}}}}
          steps: [{{run: "exit ${{{{ matrix.code }}}}"}}]
    """)
    assert [job.result for job in done.jobs.values()] == ["success", "failure", last]


def test_jobs_run_side_by_side(run, tmp_path, forge):
    os.mkfifo(tmp_path / "pipe")
    forge.environment["PIPE"] = str(tmp_path / "pipe")
    done = run("""
        says: {runs-on: ubuntu-latest, timeout-minutes: 1, steps: [{run: 'echo word > "$PIPE"'}]}
        hears: {runs-on: ubuntu-latest, timeout-minutes: 1, steps: [{run: 'cat "$PIPE"'}]}
    """)
    assert done.result == "success"
    assert "word\n" in done.jobs["hears"].log


# DOCS/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell: without a shell `bash -e`, with one also
# pipefail.
SCRIPTS = {
    "a failing line": ("run: |\n  false\n  echo after", False, []),
    "a failing pipe, no shell named": ("run: |\n  false | cat\n  echo after", True, ["after"]),
    "a failing pipe in bash": ("shell: bash\nrun: |\n  false | cat\n  echo after", False, []),
    "sh": ("shell: sh\nrun: echo $0 | grep -c bash || echo sh", True, ["0", "sh"]),
    "python": ("shell: python\nrun: print(6 * 7)", True, ["42"]),
    "a shell of one's own": ("shell: cat {0}\nrun: not a command", True, ["not a command"]),
    "an unset variable is empty": ('run: echo "<$NOTHING>"', True, ["<>"]),
    "nothing to read": ("run: cat; echo end", True, ["end"]),
    "both outputs": ("run: echo out; echo err >&2", True, ["out", "err"]),
    "a folder": ("working-directory: sub/folder\nrun: basename $PWD", True, ["folder"]),
    "a folder that is not there": ("working-directory: none\nrun: echo", False, None),
}


def test_scripts(run):
    steps = ["run: mkdir -p sub/folder", *(f"if: always()\n{spec}" for spec, _, _ in SCRIPTS.values())]
    listed = "".join("    - " + spec.replace("\n", "\n      ") + "\n" for spec in steps)
    done = run("job:\n  runs-on: ubuntu-latest\n  steps:\n" + listed)
    job = done.jobs["job"]
    outcomes = {name: step.outcome == "success" for name, step in zip(SCRIPTS, job.steps[1:], strict=True)}
    assert outcomes == {name: succeeds for name, (_, succeeds, _) in SCRIPTS.items()}
    blocks = job.log.split("##[group]")[2:]
    for (name, (_, _, expected)), block in zip(SCRIPTS.items(), blocks, strict=True):
        said = [line for line in block.splitlines()[1:] if not line.startswith("##[error]")]
        assert expected is None or said == expected, name


def test_defaults_of_scripts(run):
    done = run(
        """
        job:
          runs-on: ubuntu-latest
          defaults: {run: {working-directory: sub}}
          steps: [{run: "mkdir sub", working-directory: "."}, {run: "false | basename $PWD"}]
        """,
        top="defaults: {run: {shell: bash}}",
    )
    assert [step.outcome for step in done.jobs["job"].steps] == ["success", "failure"]
    assert "sub\n" in done.jobs["job"].log


def test_nothing_of_this_machine_reaches_a_step(run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_developer")
    monkeypatch.setenv("GITHUB_TOKEN", "of a developer")
    log = run("job: {runs-on: ubuntu-latest, steps: [{run: 'env; ls -A ~'}]}").jobs["job"].log
    assert "of_a_developer" not in log
    names = {line.partition("=")[0] for line in log.splitlines() if "=" in line}
    assert all(
        name.startswith(("GITHUB_", "RUNNER_")) for name in names - {"CI", "HOME", "LANG", "PATH", "PWD", "SHLVL", "_"}
    )
    assert "GITHUB_TOKEN" not in names


# DOCS/reference/workflows-and-actions/variables: the nearest wins, and nothing wins over GitHub's own.
def test_variables_of_workflow_job_and_step(run):
    done = run(
        """
        job:
          runs-on: ubuntu-latest
          env: {B: "job ${{ vars.WORD }}", C: job, GITHUB_SHA: mine, CI: mine}
          steps:
            - run: echo "$A,$B,$C,$GITHUB_SHA,$CI,${{ env.C }}"
              env: {C: "step after ${{ env.C }}"}
            - run: |
                echo "D=kept" >> "$GITHUB_ENV"
                echo "GITHUB_SHA=mine" >> "$GITHUB_ENV"
                mkdir tools; printf '#!/bin/sh\\necho tool' > tools/tool; chmod +x tools/tool
                echo "$PWD/tools" >> "$GITHUB_PATH"
            - run: echo "$D $GITHUB_SHA $(tool) ${{ env.D }}"
        """,
        top="env: {A: workflow, B: workflow}",
        variables={"WORD": "of the repository"},
    )
    log = done.jobs["job"].log.splitlines()
    sha = done.event.sha
    assert f"workflow,job of the repository,step after job,{sha},mine,step after job" in log
    assert f"kept {sha} tool kept" in log


def test_steps_see_each_other(run):
    done = run("""
        job:
          runs-on: ubuntu-latest
          steps:
            - {id: soft, run: "echo a=1 >> $GITHUB_OUTPUT; exit 3", continue-on-error: true}
            - {id: skipped, if: failure(), run: "true"}
            - {id: bad, run: "exit 1"}
            - {id: after, run: "true"}
            - id: last
              if: failure()
              run: >-
                echo ${{ steps.soft.outcome }} ${{ steps.soft.conclusion }} ${{ steps.soft.outputs.a }}
                ${{ steps.skipped.outcome }} ${{ steps.after.conclusion }} ${{ job.status }}
    """)
    assert [step.outcome for step in done.jobs["job"].steps] == ["failure", "skipped", "failure", "skipped", "success"]
    assert "failure success 1 skipped skipped failure\n" in done.jobs["job"].log


def test_a_step_that_takes_too_long_fails(run):
    done = run("""
        job:
          runs-on: ubuntu-latest
          steps: [{run: sleep 60, timeout-minutes: 0.002}, {if: failure(), run: echo mopping up}]
    """)
    assert "has timed out after 0.002 minutes" in done.jobs["job"].annotations[0].message
    assert "\nmopping up\n" in done.jobs["job"].log


# The runner cancels a job that exceeds its time: src/Runner.Listener/JobDispatcher.cs of github.com/actions/runner.
def test_a_job_that_takes_too_long_is_cancelled(run):
    done = run("""
        job:
          runs-on: ubuntu-latest
          timeout-minutes: 0.005
          steps: [{run: sleep 60}, {run: "true"}, {if: cancelled(), run: echo mopping up}]
    """)
    assert [step.outcome for step in done.jobs["job"].steps] == ["cancelled", "skipped", "success"]
    assert done.jobs["job"].result == "cancelled"


def test_a_run_is_cancelled_by_hand(forge, run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    forge.environment["PIPE"] = str(tmp_path / "pipe")
    repository = forge.repository(
        "acme/other",
        {
            ".github/workflows/w.yml": """
on: workflow_dispatch
jobs:
  first:
    runs-on: ubuntu-latest
    steps: [{run: 'echo started > "$PIPE"; sleep 60'}, {if: always(), run: echo mopping up}]
  second: {needs: first, runs-on: ubuntu-latest, steps: [{run: "true"}]}
  third: {needs: first, if: always(), runs-on: ubuntu-latest, steps: [{run: "true"}]}
"""
        },
    )
    started = forge.workflow_dispatch(repository, "w.yml")
    assert (tmp_path / "pipe").read_text() == "started\n"
    started.cancel()
    done = started.wait()
    assert {name: job.result for name, job in done.jobs.items()} == {
        "first": "cancelled",
        "second": "skipped",
        "third": "cancelled",
    }
    assert "\nmopping up\n" in done.jobs["first"].log
    assert done.result == "cancelled"


# DOCS/reference/workflows-and-actions/expressions#hashfiles
def test_hash_of_files(run):
    done = run("""
        job:
          runs-on: ubuntu-latest
          steps:
            - run: mkdir -p a/b; echo 1 > a/1.txt; echo 2 > a/b/2.txt; echo 3 > a/3.log
            - run: echo "${{ hashFiles('**/*.txt') }} ${{ hashFiles('a/b/*.txt', 'none') }} <${{ hashFiles('*.none') }}>"
    """)
    line = next(line for line in done.jobs["job"].log.splitlines() if line.endswith("<>"))
    one, two = (hashlib.sha256(content).digest() for content in (b"1\n", b"2\n"))
    expected = [hashlib.sha256(digests).hexdigest() for digests in (one + two, two)]
    assert line.split() == [*expected, "<>"]


UNSUPPORTED = {
    "a container": "job: {runs-on: ubuntu-latest, container: 'alpine', steps: [{run: 'true'}]}",
    "services": "job: {runs-on: ubuntu-latest, services: {db: {image: x}}, steps: [{run: 'true'}]}",
    "another system": "job: {runs-on: windows-latest, steps: [{run: 'true'}]}",
    "a shell": "job: {runs-on: ubuntu-latest, steps: [{run: 'true', shell: pwsh}]}",
    "an action nobody carries out": f"job: {{runs-on: ubuntu-latest, steps: [{{uses: 'a/b@{'1' * 40}'}}]}}",
    "an input of an action": f"job: {{runs-on: ubuntu-latest, steps: [{{uses: 'actions/checkout@{'1' * 40}', with: {{x: y}}}}]}}",
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_what_is_not_carried_out_stops_the_test(run, case):
    with pytest.raises(Unsupported):
        run(UNSUPPORTED[case])


REFUSED = {
    "a key that is none": (
        "job: {runs-on: ubuntu-latest, steps: [{run: 'true', shel: bash}]}",
        "Unexpected value 'shel'",
    ),
    "a job that is none": (
        "job: {runs-on: ubuntu-latest, needs: none, steps: [{run: 'true'}]}\nother: {runs-on: x, steps: [{run: 'true'}]}",
        "depends on unknown job 'none'",
    ),
    "a secret in a condition": ("job: {runs-on: ubuntu-latest, if: secrets.A, steps: [{run: 'true'}]}", "secrets"),
    "an action by its tag": ("job: {runs-on: ubuntu-latest, steps: [{uses: actions/checkout@v7}]}", "not pinned"),
    "a workflow by its branch": ("job: {uses: acme/other/.github/workflows/x.yml@main}", "not pinned"),
    "an expression that does not end": ("job: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ github.sha '}]}", "}}"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_github_refuses_does_not_start(run, case):
    jobs, reason = REFUSED[case]
    done = run(jobs)
    assert (done.result, done.jobs) == ("startup_failure", {})
    assert reason in done.error
