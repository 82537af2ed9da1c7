"""Workflows and actions that others use, and what their jobs may do.

DOCS in a comment is https://docs.github.com/en/actions.
"""

from __future__ import annotations

import json
import textwrap

import jwt
import pytest
from oidc_issuer import Issuer
from tools import needs
from workflows.conftest import file
from workflows.runner import Environment, Forge, finished

PIN = "1" * 40
CALL = f"uses: acme/tools/.github/workflows/called.yml@{PIN}"
QUIET = "steps: [{run: 'true'}]"


@pytest.fixture
def called(forge):
    """Adds a repository with a workflow to call, given by its `workflow_call`, its jobs, and what stands above them."""

    def add(jobs, declared="", top="", files=None):
        lines = ["on:", f"  workflow_call: {declared}", textwrap.dedent(top), "jobs:"]
        content = "\n".join([*lines, textwrap.indent(textwrap.dedent(jobs), "  ")])
        return forge.library("acme/tools", {".github/workflows/called.yml": content, **(files or {})})

    return add


# DOCS/reference/workflows-and-actions/workflow-syntax#permissions: what is not named is `none`; without any word, what the
# repository gives (DOCS/concepts/security/github_token).
PERMISSIONS = {
    "nothing said": ("", "", {"contents": "read", "packages": "read"}),
    "nothing at all": ("permissions: {}", "", {}),
    "by the workflow": ("permissions: {statuses: write}", "", {"statuses": "write"}),
    "by the job": ("permissions: {statuses: write}", "permissions: {checks: read}", {"checks": "read"}),
    "nothing by the job": ("permissions: {statuses: write}", "permissions: {}", {}),
    "an id token": ("permissions: {}", "permissions: {id-token: write}", {"id-token": "write"}),
}


@pytest.mark.parametrize("case", PERMISSIONS)
def test_permissions_of_a_job(run, forge, case):
    top, own, expected = PERMISSIONS[case]
    seen = {}
    forge.actions["acme/look"] = lambda use: seen.update(forge.tokens.find(use.job.token).permissions)
    steps = f"steps: [{{uses: 'acme/look@{PIN}'}}, {{run: 'env'}}]"
    job = run(f"job:\n  runs-on: ubuntu-latest\n  {own}\n  {steps}", top=top).jobs["job"]
    assert {scope: level for scope, level in seen.items() if level != "none"} == expected
    assert job.permissions == seen
    assert ("ACTIONS_ID_TOKEN_REQUEST_URL=" in job.log) == ("id-token" in expected)


def test_a_token_ends_with_its_job(run, forge):
    kept = []
    forge.actions["acme/keep"] = lambda use: kept.append(use.job.token)
    run(f"job: {{runs-on: ubuntu-latest, steps: [{{uses: 'acme/keep@{PIN}'}}]}}")
    assert forge.tokens.find(kept[0]) is None


# DOCS/reference/workflows-and-actions/reusing-workflow-configurations#access-and-permissions: "can only be downgraded (not
# elevated) by the called workflow".
CEILINGS = {
    "lowered": ("permissions: {contents: write}", "permissions: {contents: read}", {"contents": "read"}),
    "taken over": ("permissions: {contents: write}", "", {"contents": "write"}),
    "given up": ("permissions: {contents: write}", "permissions: {}", {}),
    "raised": ("permissions: {contents: read}", "permissions: {contents: write}", "contents: write"),
    "one more": ("permissions: {contents: read}", "permissions: {id-token: write}", "id-token: write"),
    "everything": ("permissions: {contents: read}", "permissions: read-all", "actions: read"),
    "above the default": ("", "permissions: {statuses: write}", "statuses: write"),
}


@pytest.mark.parametrize("case", CEILINGS)
def test_a_called_workflow_only_lowers_permissions(run, called, case):
    given, asked, expected = CEILINGS[case]
    called(f"inner:\n  runs-on: ubuntu-latest\n  {asked}\n  {QUIET}")
    done = run(f"outer:\n  {given}\n  {CALL}\nother: {{runs-on: ubuntu-latest, {QUIET}}}")
    if isinstance(expected, str):
        assert (done.result, done.jobs) == ("startup_failure", {})
        assert f"The nested job 'inner' is requesting '{expected}'".lower() in done.error.lower()
    else:
        found = done.jobs["outer / inner"].permissions
        assert {scope: level for scope, level in found.items() if level != "none"} == expected


def test_a_called_workflow_two_levels_down_is_capped_by_the_first(run, forge, called):
    called(
        "middle: {permissions: {contents: read}, uses: ./.github/workflows/deep.yml}",
        files={
            ".github/workflows/deep.yml": f"on: workflow_call\njobs: {{deep: {{runs-on: ubuntu-latest, permissions: {{contents: write}}, {QUIET}}}}}"
        },
    )
    done = run(f"outer:\n  permissions: {{contents: write}}\n  {CALL}")
    assert done.result == "startup_failure"
    assert "'deep' is requesting 'contents: write', but is only allowed 'contents: read'" in done.error


MISMATCHES = {
    "an input that is none": ("with: {other: x}", "other is not defined"),
    "a missing input": ("with: {}", "Input name is required"),
    "a secret that is none": ("with: {name: x}\n  secrets: {other: x}", "other is not defined"),
    "a missing secret": ("with: {name: x}", "Secret TOKEN is required"),
}


@pytest.mark.parametrize("case", MISMATCHES)
def test_a_call_gives_what_is_declared(run, called, case):
    given, reason = MISMATCHES[case]
    declared = "{inputs: {name: {type: string, required: true}}, secrets: {TOKEN: {required: true}}}"
    called(f"inner: {{runs-on: ubuntu-latest, {QUIET}}}", declared)
    done = run(f"outer:\n  {CALL}\n  {given}")
    assert done.result == "startup_failure"
    assert reason in done.error


def test_a_called_workflow_sees_its_inputs_and_not_its_callers_variables(run, called):
    called(
        """
        inner:
          runs-on: ubuntu-latest
          outputs: {word: "${{ steps.say.outputs.word }}"}
          steps:
            - id: say
              run: |
                echo "$FROM_CALLER|$OWN|${{ inputs.count > 0.5 }}|${{ inputs.flag == true }}|${{ inputs.late }}"
                echo "${{ github.workflow }} ${{ github.event_name }} ${{ job.workflow_repository }} ${{ job.workflow_sha }}"
                echo "word=from inside" >> "$GITHUB_OUTPUT"
        """,
        "{inputs: {count: {type: number}, flag: {type: boolean}, late: {type: string, default: none}},"
        " outputs: {word: {value: '${{ jobs.inner.outputs.word }}'}}}",
        top="env: {OWN: own}",
    )
    done = run(
        f"outer:\n  {CALL}\n  with: {{count: 1, flag: true}}\n"
        "after: {needs: outer, runs-on: ubuntu-latest, steps: [{run: 'echo ${{ needs.outer.outputs.word }}'}]}",
        top="name: The caller\nenv: {FROM_CALLER: caller}",
    )
    assert f"|own|true|true|none\nThe caller workflow_dispatch acme/tools {PIN}\n" in done.jobs["outer / inner"].log
    assert "\nfrom inside\n" in done.jobs["after"].log


# "the called workflow's own repository": DOCS/how-tos/reuse-automations/reuse-workflows
def test_what_a_called_workflow_calls_is_in_its_own_repository(run, called):
    deep = {".github/workflows/deep.yml": f"on: workflow_call\njobs: {{deep: {{runs-on: ubuntu-latest, {QUIET}}}}}"}
    called("middle: {uses: ./.github/workflows/deep.yml}", files=deep)
    assert set(run(f"outer: {{{CALL}}}").jobs) == {"outer / middle / deep"}


def test_a_matrix_of_calls(run, called):
    called(
        "inner: {runs-on: ubuntu-latest, steps: [{run: 'exit ${{ inputs.code }}'}]}",
        "{inputs: {code: {type: number, required: true}}}",
    )
    done = run(
        f"outer:\n  {CALL}\n  strategy: {{fail-fast: false, matrix: {{code: [0, 1]}}}}\n"
        "  with:\n    code: ${{ matrix.code }}\n"
        f"after: {{needs: outer, runs-on: ubuntu-latest, {QUIET}}}"
    )
    assert {name: job.result for name, job in done.jobs.items()} == {
        "outer (0) / inner": "success",
        "outer (1) / inner": "failure",
        "after": "skipped",
    }


# A called workflow knows the secrets that it is given. One of an environment is known where its name is passed, even as
# nothing: the caller has no environment, the job that names one has.
SECRETS = {
    "not passed": ("", "<>"),
    "passed": ("secrets: {TOKEN: '${{ secrets.TOKEN }}'}", "<hf_repository>"),
    "inherited": ("secrets: inherit", "<hf_repository>"),
    "of the environment, not passed": ("with: {where: production}", "<>"),
    "of the environment": ("with: {where: production}\n  secrets: {TOKEN: '${{ secrets.TOKEN }}'}", "<hf_environment>"),
    "of the environment, inherited": ("with: {where: production}\n  secrets: inherit", "<hf_environment>"),
}


@pytest.mark.parametrize("case", SECRETS)
def test_secrets_of_a_called_workflow(run, called, forge, case, tmp_path):
    given, expected = SECRETS[case]
    called(
        """
        inner:
          runs-on: ubuntu-latest
          environment: ${{ inputs.where }}
          steps: [{run: 'echo "<$TOKEN>" > "$SEEN"; echo "<$TOKEN>"', env: {TOKEN: "${{ secrets.TOKEN }}"}}]
        """,
        "{inputs: {where: {type: string}}, secrets: {TOKEN: {}}}",
    )
    forge.environment["SEEN"] = str(tmp_path / "seen")
    done = run(
        f"outer:\n  {CALL}\n  {given}",
        secrets={"TOKEN": "hf_repository"},
        environments={"production": Environment(secrets={"TOKEN": "hf_environment"})},
    )
    assert (tmp_path / "seen").read_text() == f"{expected}\n"
    assert ("hf_" not in done.jobs["outer / inner"].log) or expected == "<>"


def test_a_secret_is_no_output_and_no_line_of_the_log(run):
    done = run(
        """
        job:
          runs-on: ubuntu-latest
          outputs: {token: "${{ steps.say.outputs.token }}", word: "${{ steps.say.outputs.word }}"}
          steps:
            - id: say
              env: {TOKEN: "${{ secrets.TOKEN }}", OWN: "${{ github.token }}"}
              run: |
                echo "$TOKEN $(printf '%s' "$TOKEN" | base64) $(printf 'user:%s' "$TOKEN" | base64) $OWN"
                echo "token=a$TOKEN" >> "$GITHUB_OUTPUT"
                echo "word=fine" >> "$GITHUB_OUTPUT"
                echo "::add-mask::minted"; echo "minted later"; echo "::error::minted"
                echo "$TOKEN" >> "$GITHUB_STEP_SUMMARY"
        """,
        secrets={"TOKEN": "hf_a_very_secret_token"},
    )
    job = done.jobs["job"]
    assert job.outputs == {"token": "", "word": "fine"}
    assert "Skip output 'token' since it may contain secret." in [note.message for note in job.annotations]
    shown = job.log + job.summary + str(job.annotations)
    assert not [word for word in ("hf_a", "aGZf", "minted", "ghs_") if word in shown]
    assert "*** later" in job.log


# DOCS/how-tos/deploy/configure-and-manage-deployments/review-deployments: what is rejected counts as a failure.
def test_a_refusal_of_a_reviewer_is_a_failure(run):
    asked = []

    def refuse(review):
        asked.append((review.environment, review.job, review.run.state))
        return False

    done = run(
        """
        deploy: {runs-on: ubuntu-latest, environment: production, steps: [{run: echo deployed}]}
        mend: {runs-on: ubuntu-latest, needs: deploy, if: failure(), steps: [{run: "true"}]}
        """,
        environments={"production": Environment(review=refuse)},
    )
    assert asked == [("production", "deploy", "waiting")]
    assert {name: job.result for name, job in done.jobs.items()} == {"deploy": "failure", "mend": "success"}
    assert done.jobs["deploy"].steps == []


def test_an_environment_admits_its_branches(forge):
    content = file("deploy: {runs-on: ubuntu-latest, environment: {name: production}, steps: [{run: 'true'}]}")
    repository = forge.repository("acme/router", {".github/workflows/w.yml": content})
    repository.environments["production"] = Environment(branches=("main",))
    repository.commit({"a": "b"}, "side", start="main")
    assert forge.workflow_dispatch(repository, "w.yml", ref="main").wait().result == "success"
    assert forge.workflow_dispatch(repository, "w.yml", ref="side").wait().result == "failure"


def test_id_token_tells_of_the_caller_and_of_the_called(tmp_path, node):
    needs("curl")
    issuer = Issuer()
    with Forge(tmp_path / "forge", node, issuer=issuer) as forge:
        script = 'curl -s -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=hub" > "$SEEN"'
        content = f"""
on: workflow_call
jobs:
  inner:
    runs-on: ubuntu-latest
    environment: production
    permissions: {{id-token: write}}
    steps: [{{run: '{script}'}}]
"""
        forge.environment["SEEN"] = str(tmp_path / "seen")
        forge.library("acme/tools", {".github/workflows/called.yml": content})
        jobs = f"outer: {{permissions: {{id-token: write}}, {CALL}}}"
        repository = forge.repository("acme/router", {".github/workflows/w.yml": file(jobs, "name: Release")})
        run = forge.workflow_dispatch(repository, "w.yml").wait()
    assert run.result == "success", run.jobs
    token = json.loads((tmp_path / "seen").read_text())["value"]
    claims = jwt.decode(token, issuer.key.public_key(), algorithms=["RS256"], audience="hub")
    caller, sha = "acme/router/.github/workflows/w.yml@refs/heads/main", run.event.sha
    expected = {
        "sub": "repo:acme/router:environment:production",
        "repository": "acme/router",
        "ref": "refs/heads/main",
        "sha": sha,
        "workflow": "Release",
        "workflow_ref": caller,
        "workflow_sha": sha,
        "job_workflow_ref": f"acme/tools/.github/workflows/called.yml@{PIN}",
        "job_workflow_sha": PIN,
        "environment": "production",
        "event_name": "workflow_dispatch",
        "repository_visibility": "private",
    }
    assert {name: claims[name] for name in expected} == expected


ACTION = """
name: greet
description: says something
inputs:
  name: {description: whom, default: world}
outputs:
  said: {description: what, value: "${{ steps.say.outputs.said }}"}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      env: {NAME: "${{ inputs.name }}"}
      run: |
        "$GITHUB_ACTION_PATH/say" "$NAME" | tee "${{ github.action_path }}/../said"
        echo "said=$(cat "$GITHUB_ACTION_PATH/../said") $OUTER" >> "$GITHUB_OUTPUT"
        echo "KEPT=yes" >> "$GITHUB_ENV"
    - if: failure()
      shell: bash
      run: echo the job has failed before, this action has not
"""
SAY = '#!/bin/sh\necho "hello $1"\n'


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_composite_actions(run, forge, where):
    files = {"greet/action.yml": ACTION, "greet/say": SAY}
    forge.library("acme/tools", files)
    uses = "./greet" if where == "here" else f"acme/tools/greet@{PIN}"
    done = run(
        f"""
        job:
          runs-on: ubuntu-latest
          steps:
            - {{uses: 'actions/checkout@{PIN}'}}
            - {{run: exit 1}}
            - {{id: greet, if: always(), uses: '{uses}', with: {{name: you, other: x}}, env: {{OUTER: outer}}}}
            - {{if: always(), run: 'echo "${{{{ steps.greet.outputs.said }}}}, $KEPT, <$OUTER>"'}}
        """,
        files=files,
    )
    job = done.jobs["job"]
    assert "\nhello you outer, yes, <>\n" in job.log
    assert "the job has failed before" not in job.log
    assert "Unexpected input(s) 'other'" in next(note for note in job.annotations if note.level == "warning").message


def test_an_action_sees_no_secrets(run):
    action = ACTION.replace("inputs.name }}", "secrets.TOKEN }}")
    steps = f"steps: [{{uses: 'actions/checkout@{PIN}'}}, {{uses: ./greet}}]"
    done = run(f"job: {{runs-on: ubuntu-latest, {steps}}}", files={"greet/action.yml": action})
    assert done.result == "failure"
    assert "secrets" in done.jobs["job"].annotations[-1].message


def test_an_action_of_the_workspace_needs_a_checkout(run):
    done = run("job: {runs-on: ubuntu-latest, steps: [{uses: ./greet}]}", files={"greet/action.yml": ACTION})
    assert "Did you forget to run actions/checkout" in done.jobs["job"].log


# DOCS/reference/workflows-and-actions/events-that-trigger-workflows#workflows-in-forked-repositories
def test_a_pull_request_of_a_fork_reads_only_and_knows_no_secret(forge):
    workflow = f"""
on: pull_request
permissions: {{contents: write, statuses: write, id-token: write}}
jobs:
  job:
    runs-on: ubuntu-latest
    environment: production
    steps:
      - uses: actions/checkout@{PIN}
      - run: cat file; echo "<${{{{ secrets.TOKEN }}}}>"; env
"""
    repository = forge.repository("acme/router", {".github/workflows/w.yml": workflow}, private=False)
    repository.secrets["TOKEN"] = "hf_secret"
    repository.environments["production"] = Environment(secrets={"TOKEN": "hf_environment"})
    fork = forge.repository("mallory/router", {})
    forge.git("fetch", "-q", repository.path, "+main:main", cwd=fork.path)
    fork.commit({"file": "of the fork\n"}, "change", start="main")
    [run] = finished(forge.pull_request(repository, "change", head=fork, actor="mallory"))
    job = run.jobs["job"]
    assert "\nof the fork\n<>\n" in job.log
    assert {scope for scope, level in job.permissions.items() if level == "write"} == set()
    assert job.permissions["contents"] == "read"
    assert "ACTIONS_ID_TOKEN" not in job.log
    assert (run.event.ref, run.event.payload["pull_request"]["head"]["repo"]["fork"]) == ("refs/pull/1/merge", True)
