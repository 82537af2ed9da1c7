"""Gates tried on what is in production, with nothing recorded."""

from __future__ import annotations

import pytest
from projects import REPO

from hubver.errors import BadInput
from hubver.gate.rehearsal import rehearse

FLOOR = """
from hubver.gate import Task

ASKED = Task("asked", rows=[{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}], max_new_tokens=2)


def test_alive(gate):
    gate.alive(ASKED)
"""


def everything(project):
    refs = project.api.list_repo_refs(REPO, include_pull_requests=True)
    return [(ref.ref, ref.target_commit) for ref in (*refs.branches, *refs.tags)]


def test_production_is_judged_by_the_gates_of_today_and_nothing_is_recorded(project, in_this_process, monkeypatch):
    project.write(FLOOR)
    before = everything(project)
    monkeypatch.setattr(project, "settings", project.settings.model_copy(update={"gates": project.gates}))
    verdict = rehearse(REPO, out=project.out, settings=project.settings)
    assert verdict is not None
    assert verdict.outcome == "pass"
    assert verdict.candidate.sha == verdict.baseline.sha == dict(before)["refs/heads/production"]
    assert [gate.gate for gate in verdict.gates] == ["gates/test_quality.py::test_alive"]
    assert (project.out / "gate-report.md").is_file()
    assert everything(project) == before


def test_before_a_first_release_gates_are_collected_and_a_broken_one_is_named(project):
    project.api.delete_branch(REPO, branch="production")
    project.write("def test_fine(): pass\n")
    assert rehearse(REPO, gates=project.gates, out=project.out, settings=project.settings) is None
    project.write("import no_such_module\n")
    with pytest.raises(BadInput, match="cannot be collected") as refused:
        rehearse(REPO, gates=project.gates, out=project.out, settings=project.settings)
    assert "no_such_module" in refused.value.hint


def test_gates_without_a_test_are_refused(project):
    project.api.delete_branch(REPO, branch="production")
    project.write("")
    with pytest.raises(BadInput, match="lets everything through"):
        rehearse(REPO, gates=project.gates, out=project.out, settings=project.settings)
