from __future__ import annotations

import json
from pathlib import Path

import pytest
from projects import REPO

from hubver.cli.main import run
from hubver.errors import BadInput, NotFound
from hubver.gate import compare_tasks
from hubver.gate.compare import compare, numbers
from hubver.settings import Settings

A = {"w": 1.0, "x": 1.0, "y": 0.0, "z": 1.0}
B = {"w": 1.0, "x": 0.0, "y": 1.0, "z": 0.0}

TASKS = """
from hubver.gate import Task
from words import ENDINGS
def odd(prediction, expected):
    return float(sum(map(ord, prediction)) % 2)
ROWS = [{"prompt": f"p{index}", "completion": "x", "kind": ENDINGS[index % 2]} for index in range(24)]
LETTERS = Task("letters", rows=ROWS, scorer=odd, slice_by="kind", max_new_tokens=4)
SURE = Task("sure", rows=ROWS, scorer=lambda prediction, expected: 0.5, max_new_tokens=4)
"""


@pytest.fixture
def gates(tmp_path):
    folder = tmp_path / "gates"
    folder.mkdir(exist_ok=True)
    (folder / "test_quality.py").write_text(TASKS)
    (folder / "words.py").write_text('ENDINGS = ["even", "odd"]\n')
    return folder


def test_numbers_are_those_of_b_in_the_place_of_a():
    found = numbers("t", A, B)
    assert (found.n, found.a, found.b, found.difference) == (4, 0.75, 0.5, -0.25)
    assert (found.won, found.lost, found.tied) == (1, 2, 1)
    assert found.low < -0.25 < found.high
    assert found.mcnemar == 1.0
    assert numbers("t", A, {**B, "w": 0.5}).mcnemar is None
    with pytest.raises(ValueError, match="same examples"):
        numbers("t", A, {"w": 1.0})


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ([], ["letters", "sure"]),
        (["letters"], ["letters"]),
        (["LETTERS"], ["letters"]),
        (["GATES/test_quality.py:SURE"], ["sure"]),
        (["GATES/test_quality.py:SURE", "letters"], ["sure", "letters"]),
    ],
    ids=str,
)
def test_tasks_are_found_by_their_names(gates, asked, names):
    asked = [text.replace("GATES", str(gates)) for text in asked]
    places = compare_tasks.find(asked, gates, Settings(root=gates.parent))
    assert [place.task.name for place in places] == names
    assert {place.folder for place in places} == {gates}


def test_tasks_of_hubver_toml_are_found_too(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "p", "completion": "x"}\n')
    (tmp_path / "hubver.toml").write_text('[tasks.declared]\nrows = "rows.jsonl"\n')
    settings = Settings.load(tmp_path, {})
    (place,) = compare_tasks.find(["declared"], tmp_path / "none", settings)
    (examples,) = compare_tasks.load([place], settings)
    assert (examples.task, len(examples.requests)) == ("declared", 1)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["nothing"], "no task 'nothing'"),
        (["GATES/test_quality.py:Task"], "has no task 'Task'"),
        (["GATES/none.py:X"], "no Python file"),
        (["GATES/broken.py:X"], "cannot be imported: ZeroDivisionError"),
    ],
)
def test_what_is_no_task_is_refused(gates, asked, said):
    (gates / "broken.py").write_text("1 / 0\n") if "broken" in asked[0] else None
    with pytest.raises(BadInput, match=said):
        compare_tasks.find([text.replace("GATES", str(gates)) for text in asked], gates, Settings())


def test_a_folder_without_tasks_is_refused(tmp_path):
    with pytest.raises(BadInput, match="There are no tasks"):
        compare_tasks.find([], tmp_path, Settings())


def test_two_tasks_of_one_name_are_refused(gates):
    (gates / "test_more.py").write_text(
        'from hubver.gate import Task\nX = Task("sure", rows=[{"prompt": "p", "completion": "x"}])\n'
    )
    with pytest.raises(BadInput, match="Two different tasks"):
        compare_tasks.load(compare_tasks.find([], gates, Settings()), Settings())


@pytest.mark.slow
def test_two_versions_are_compared_under_identical_conditions(project, gates, monkeypatch, capsys):
    lines = []
    found = compare(f"{REPO}", f"{REPO}@v1.1.0", settings=project.settings, examples=3, progress=lines.append)
    assert (found.a_sha, found.b_sha) == (project.pin("v1.0.0").sha, project.pin("v1.1.0").sha)
    letters, sure = found.tasks
    assert letters.whole.n == 24
    assert letters.whole.won + letters.whole.lost + letters.whole.tied == 24
    assert letters.whole.lost > 0
    assert letters.whole.difference == pytest.approx((letters.whole.won - letters.whole.lost) / 24)
    assert {part.name: part.n for part in letters.slices} == {"even": 12, "odd": 12}
    assert sum(part.lost for part in letters.slices) == letters.whole.lost
    assert 0 < len(letters.worst) <= 3
    assert all((example.before, example.score) == (1.0, 0.0) for example in letters.worst)
    assert all(example.other != example.candidate for example in letters.worst)
    assert (sure.whole.difference, sure.whole.tied, sure.whole.mcnemar, sure.worst) == (0.0, 24, None, ())
    assert [line for line in lines if "base model" in line] == [
        "loading the base model of A",
        "putting A onto its base model",
        "putting B onto its base model",
    ]

    swapped = compare(f"{REPO}@v1.1.0", REPO, settings=project.settings, tasks=["letters"]).tasks[0].whole
    assert (swapped.won, swapped.lost) == (letters.whole.lost, letters.whole.won)
    assert (swapped.low, swapped.high) == pytest.approx((-letters.whole.high, -letters.whole.low))

    for name, value in {
        "HF_ENDPOINT": project.settings.endpoint,
        "HF_TOKEN": project.settings.token.get_secret_value(),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(gates.parent)
    capsys.readouterr()
    arguments = ["compare", REPO, f"{REPO}@v1.1.0", "--task", "letters", "--examples", "1"]
    assert run(arguments) == 0
    out = capsys.readouterr().out
    for word in ("letters", "all", "even", "McNemar p", f"{letters.whole.difference:+.3f}", "1 → 0", "expected"):
        assert word in out
    assert run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"][0]["whole"]["n"] == 24
    assert {branch.name for branch in project.api.list_repo_refs(REPO).branches} == {"main", "production"}


@pytest.mark.slow
def test_folders_are_compared_too(tiny, gates, tmp_path):
    one, two = tiny.adapter("one", seed=1), tiny.adapter("two", seed=2)
    settings = Settings(root=tmp_path)
    found = compare(str(one), str(two), tasks=["letters"], settings=settings)
    assert (Path(found.a).name, found.a_sha) == ("one", None)
    same = compare(str(one), str(one), tasks=["letters"], settings=settings).tasks[0].whole
    assert (same.won, same.lost, same.tied) == (0, 0, 24)


def test_a_version_that_is_not_there_is_said(repo, gates):
    repo.version("v1.0.0")
    settings = repo.settings.model_copy(update={"root": gates.parent})
    with pytest.raises(NotFound, match=r"no revision 'v9\.0\.0'"):
        compare(f"{repo.repo_id}@v1.0.0", f"{repo.repo_id}@v9.0.0", settings=settings)
