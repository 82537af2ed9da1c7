from __future__ import annotations

import subprocess
import sys

import pytest

from hubver.errors import BadInput
from hubver.gate.asking.answers import AnswerFile
from hubver.gate.asking.requests import Continuation, Generation, Likelihood

MODEL, ENGINE = {"sha": "a" * 40}, {"device": "cpu"}
ASKED = {Generation("a"): "b", Likelihood("a", ("b",)): (Continuation(-0.5, 1, greedy=True),)}


def test_answers_are_there_for_the_next_gate(tmp_path):
    AnswerFile(tmp_path, MODEL, ENGINE).add(ASKED.items())
    again = AnswerFile(tmp_path, MODEL, ENGINE)
    assert {request: again.get(request) for request in ASKED} == ASKED
    assert again.get(Generation("c")) is None


@pytest.mark.parametrize(("model", "engine"), [({"sha": "b" * 40}, ENGINE), (MODEL, {"device": "cuda"})])
def test_another_model_or_engine_has_answers_of_its_own(tmp_path, model, engine):
    AnswerFile(tmp_path, MODEL, ENGINE).add(ASKED.items())
    assert AnswerFile(tmp_path, model, engine).get(Generation("a")) is None


def test_a_torn_line_costs_only_itself(tmp_path):
    file = AnswerFile(tmp_path, MODEL, ENGINE)
    file.add([(Generation("a"), "b")])
    file.add([(Generation("torn"), "x")])
    content = file.path.read_bytes()
    file.path.write_bytes(content[:-5])
    again = AnswerFile(tmp_path, MODEL, ENGINE)
    assert (again.get(Generation("a")), again.get(Generation("torn"))) == ("b", None)
    again.add([(Generation("torn"), "x"), (Generation("c"), "d")])
    last = AnswerFile(tmp_path, MODEL, ENGINE)
    assert [last.get(Generation(prompt)) for prompt in ("a", "torn", "c")] == ["b", "x", "d"]


def test_processes_that_share_a_file_lose_nothing(tmp_path):
    code = (
        "import sys, pathlib; from hubver.gate.asking.answers import AnswerFile; from hubver.gate.asking.requests import Generation\n"
        f"file = AnswerFile(pathlib.Path(sys.argv[1]), {MODEL!r}, {ENGINE!r})\n"
        "for n in range(50): file.add([(Generation(f'{sys.argv[2]} {n}'), 'x' * 1000)])"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)]) for number in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    file = AnswerFile(tmp_path, MODEL, ENGINE)
    assert all(file.get(Generation(f"{child} {n}")) == "x" * 1000 for child in range(3) for n in range(50))
    assert file.path.read_text().count("hubver.answers/1") == 1


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="Answers cannot be kept in"):
        AnswerFile(tmp_path / "file", MODEL, ENGINE)
