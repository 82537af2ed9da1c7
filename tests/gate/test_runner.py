from __future__ import annotations

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from projects import REPO

from hubver.errors import BadInput, HarnessFailed
from hubver.gate.running.runner import run
from hubver.gate.verdict import REPORT_JSON, REPORT_MARKDOWN
from hubver.pins import Pin

pytestmark = pytest.mark.slow

TASK = """
from hubver.gate import Task
def sure(prediction, expected):
    return 1.0
ROWS = [{"prompt": f"p{index}", "completion": "x"} for index in range(60)]
SURE = Task("sure", rows=ROWS, scorer=sure, max_new_tokens=2)
"""
GATES = f"""{TASK}
def test_floor(gate):
    gate.floor(SURE, 0.8)
def test_no_regression(gate):
    gate.no_regression(SURE, margin=0.1)
"""


def test_a_real_child_judges_exact_commits(project):
    subprocess.run(["git", "init", "-q", project.gates], check=True)
    lines = []
    verdict = project.judge(GATES, progress=lines.append)
    assert verdict.passed
    assert verdict.repo_id == REPO
    assert (verdict.candidate.revision, verdict.candidate.sha) == ("v1.1.0", project.pin("v1.1.0").sha)
    assert (verdict.baseline.revision, verdict.baseline.sha) == ("production", project.pin("v1.0.0").sha)
    assert verdict.gates_code.commit is None
    assert verdict.gates_code.dirty is True
    said = [text if " of sure: " not in text else " ".join(text.split()[:2]) for text in lines]
    assert said == [
        "fetching candidate",
        "loading the base model of candidate",
        "putting candidate onto its base model",
        "comparing candidate with its base model",
        "scoring 60 examples of sure with candidate",
        "pass floor",
        "fetching production",
        "putting production onto its base model",
        "scoring 60 examples of sure with production",
        "pass no_regression",
    ]
    assert (project.out / REPORT_MARKDOWN).is_file()
    assert project.settings.token.get_secret_value() not in (project.out / REPORT_JSON).read_text()


QUICK = "def test_plain(): pass\n"


def test_a_folder_without_gates_is_a_fail_and_not_a_pass(project):
    verdict = project.judge(QUICK)
    assert verdict.outcome == "fail"
    assert verdict.problems == ("No test asked the gate, so nothing was judged.",)


@pytest.mark.parametrize(
    ("conftest", "message"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "killed by SIGKILL"),
        ("import os\nos._exit(0)\n", "code 0 and wrote no report"),
        ("def pytest_unconfigure(): import os; os._exit(0)\n", "disagree"),
        (
            (
                "import os\ndef pytest_unconfigure(config):\n"
                "    path = config.option.gate_report + '/gate-report.json'\n"
                "    text = open(path).read()\n"
                "    with open(path, 'w') as file: file.write(text.replace('\"fail\"', '\"pass\"'))\n"
                "    os._exit(0)\n"
            ),
            "cannot be used",
        ),
        (
            (
                "def pytest_unconfigure(config):\n"
                "    with open(config.option.gate_report + '/gate-report.json', 'w') as file: file.write('{')\n"
            ),
            "cannot be used",
        ),
        ("raise RuntimeError('conftest')\n", "wrote no report"),
    ],
    ids=["killed", "exits", "other-code", "doctored", "cut-short", "conftest"],
)
def test_a_child_that_cannot_be_believed_gives_no_verdict(project, conftest, message):
    project.out.mkdir()
    # A passing report of an earlier run must not be taken for this one's.
    (project.out / REPORT_JSON).write_text('{"outcome": "pass"}')
    with pytest.raises((HarnessFailed, BadInput), match=message):
        project.run(QUICK, conftest=conftest)
    assert list(project.out.iterdir()) == []


def test_a_child_that_hangs_is_stopped(project):
    with pytest.raises(HarnessFailed, match="did not end within"):
        project.run(QUICK, conftest="import time\ntime.sleep(600)\n", timeout_seconds=1)


LEAVING = """
import subprocess, sys
CHILD = "import socket; socket.create_connection({address!r}).recv(1)"
def pytest_configure():
    # Not captured yet: it holds the pipe to the runner as well.
    subprocess.Popen([sys.executable, "-c", CHILD])
"""


def test_what_the_gates_leave_behind_ends_with_them(project):
    with socket.create_server(("127.0.0.1", 0)) as waiting:
        waiting.settimeout(60)
        # No gate ends before the process that it leaves behind has come up.
        conftest = LEAVING.replace("{address!r}", repr(waiting.getsockname()))
        ready = "import socket\ndef test_plain():\n    socket.create_connection({}).recv(1)\n"
        with socket.create_server(("127.0.0.1", 0)) as gate, ThreadPoolExecutor() as pool:
            gate.settimeout(60)
            body = ready.format(repr(gate.getsockname()))
            running = pool.submit(project.judge, body, conftest=conftest, timeout_seconds=60)
            left, _ = waiting.accept()
            asked, _ = gate.accept()
            asked.close()
            assert running.result().outcome == "fail"
        left.settimeout(60)
        with left:
            assert left.recv(1) == b""


def test_a_gates_file_that_cannot_be_imported_is_bad_input(project):
    with pytest.raises(BadInput, match="cannot be collected") as caught:
        project.run("import nothing_of_that_name\n")
    assert caught.value.hint is None


def test_an_error_says_what_to_do_and_not_what_pytest_printed(project):
    with pytest.raises(BadInput, match=r"has no slices\. Name the column") as caught:
        project.run(TASK + "def test_slices(gate):\n    gate.worst_slice(SURE, floor=0.5)\n")
    assert caught.value.hint is None


def test_last_words_are_words(project):
    with pytest.raises(HarnessFailed, match="wrote no report") as caught:
        project.run(
            QUICK,
            conftest="import os\nprint('so long', flush=True)\nprint('=' * 80, flush=True)\n"
            "def pytest_sessionstart():\n    os.write(1, b'===== oh =====\\n' + b'=' * 80 + b'\\n')\n    os._exit(3)\n",
        )
    assert caught.value.hint.endswith("===== oh =====")


def test_a_token_that_gates_print_is_not_repeated(project):
    token = project.settings.token.get_secret_value()
    with pytest.raises(BadInput) as caught:
        project.run(QUICK, conftest="import os\nraise RuntimeError('it is ' + os.environ['HF_TOKEN'])\n")
    assert "it is [token]" in caught.value.hint
    assert token not in f"{caught.value} {caught.value.hint}"


def test_the_project_s_own_pytest_options_leave_no_gate_out(project):
    (project.settings.root / "pytest.ini").write_text("[pytest]\naddopts = -k nothing_of_that_name\n")
    assert project.judge(QUICK).counts.deselected == 0


def test_a_revision_that_moved_meanwhile_is_noticed(project):
    stale = Pin(REPO, "v1.1.0", "0" * 40)
    (project.gates / "test_quality.py").write_text(QUICK)
    with pytest.raises(HarnessFailed, match="moved"):
        run(project.settings, stale, None, project.gates, project.out)


def test_gates_that_are_not_there_are_bad_input(project):
    with pytest.raises(BadInput, match="no gates") as caught:
        run(project.settings, project.pin("v1.1.0"), None, project.gates / "gone", project.out)
    assert "Write a gate" in caught.value.hint


INTRUDER = """
import pathlib
def pytest_unconfigure():
    for name in ("gate-report.json", "gate-report.md"):
        (pathlib.Path(__file__).parents[1] / "out" / name).write_text("another gate's")
"""


def test_the_evidence_is_this_run_s_own_whatever_another_gate_writes_there(project):
    judged = project.run(QUICK, conftest=INTRUDER)
    assert set(judged.reports) == {REPORT_JSON, REPORT_MARKDOWN}
    for name, content in judged.reports.items():
        assert b"another gate's" not in content
        assert (project.out / name).read_bytes() == content
    assert {path.name for path in project.out.iterdir()} == {*judged.reports, *judged.local}


@pytest.mark.parametrize("blocked", ["out", REPORT_JSON])
def test_reports_that_could_not_be_written_are_refused_before_anything_runs(project, blocked):
    if blocked == "out":
        project.out.write_text("a file")
    else:
        (project.out / blocked / "within").mkdir(parents=True)
    with pytest.raises(BadInput, match="cannot be written") as caught:
        project.run(QUICK, conftest="open(__file__ + '.ran', 'w').close()\n")
    assert "--out" in caught.value.hint
    assert not (project.gates / "conftest.py.ran").exists()
