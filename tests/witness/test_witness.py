"""The witness itself, on a checkout of three small files in place of huggingface_hub's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CONSTANTS = """
USER, FULL_NAME, TOKEN = "dummy", "Dummy User", "hf_dummy"
OTHER_USER, OTHER_TOKEN = "other", "hf_other"
ENDPOINT_STAGING = "https://hub-ci.huggingface.co"
"""

CONFTEST = """
import pytest
from huggingface_hub import HfApi
from .testing_constants import ENDPOINT_STAGING, TOKEN

@pytest.fixture
def api():
    return HfApi(endpoint=ENDPOINT_STAGING, token=TOKEN)

@pytest.fixture
def api_prod():
    raise AssertionError("it is not to be run")
"""

TESTS = """
import socket
import pytest
from pytest_mock import MockerFixture
from huggingface_hub import HfApi, constants, get_session
from .testing_constants import ENDPOINT_STAGING, USER

def test_good(api):
    assert api.whoami()["fullname"] == "Dummy User"
    assert HfApi().endpoint == api.endpoint
    assert api.create_repo("thing").repo_id == f"{USER}/thing"

def test_bad(api):
    assert api.repo_exists("dummy/none"), "there is\\nnone"

def test_left():
    pytest.skip("not today")

@pytest.mark.production
def test_marked():
    raise AssertionError

def test_asked(api_prod):
    pass

def test_elsewhere():
    with pytest.raises(OSError):
        socket.getaddrinfo("hub.invalid", 443)

def test_likes():
    get_session().get(f"{ENDPOINT_STAGING}/api/users/dummy/likes").raise_for_status()

def test_without_likes(api):
    get_session().get(f"{ENDPOINT_STAGING}/api/users/dummy/likes")

def test_mocker(mocker: MockerFixture):
    mocker.patch.object(constants, "ENDPOINT", "patched")
    assert constants.ENDPOINT == "patched"

def test_mocker_has_ended():
    assert constants.ENDPOINT == ENDPOINT_STAGING

@pytest.mark.asyncio
async def test_coroutine():
    assert False, "it was run"

def test_torn_down(request):
    request.addfinalizer(lambda: 1 / 0)
"""

EXPECTED = {
    "test_good": ("passed", ""),
    "test_bad": ("failed", "AssertionError: there is none assert False"),
    "test_left": ("skipped", "not today"),
    "test_marked": ("not applicable", "reads what is on huggingface.co"),
    "test_asked": ("not applicable", "reads what is on huggingface.co"),
    "test_elsewhere": ("not applicable", "talks to hub.invalid (passed)"),
    "test_likes": ("not applicable", "asks for likes (failed)"),
    "test_without_likes": ("passed", ""),
    "test_mocker": ("passed", ""),
    "test_mocker_has_ended": ("passed", ""),
    "test_coroutine": ("failed", "AssertionError: it was run"),
    "test_torn_down": ("failed", "ZeroDivisionError: division by zero"),
}


def witness(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "witness", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


@pytest.fixture
def checkout(tmp_path):
    files = {
        "pyproject.toml": "[tool.pytest.ini_options]\nmarkers = ['production', 'xet']\n",
        "tests/__init__.py": "",
        "tests/testing_constants.py": CONSTANTS,
        "tests/conftest.py": CONFTEST,
        "tests/test_things.py": TESTS,
        "tests/test_broken.py": "import no_such_package\n",
        "tests/test_dying.py": "import os\ndef test_end():\n    os._exit(7)\n",
        "tests/test_jobs_api.py": "import pytest\n@pytest.mark.xet\ndef test_xet(): pass\ndef test_job(): pass\n",
    }
    for name, content in files.items():
        file = tmp_path / "checkout" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return tmp_path / "checkout"


def test_report_tells_what_came_of_each_test(checkout, tmp_path):
    done = witness(checkout, "--json", tmp_path / "report.json", "--markdown", tmp_path / "report.md")
    assert done.returncode == 1, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    files = {file["file"]: file for file in report["files"]}
    told = {test["name"]: (test["outcome"], test["detail"]) for test in files["test_things.py"]["tests"]}
    assert {name: (outcome, detail[: len(EXPECTED[name][1])]) for name, (outcome, detail) in told.items()} == EXPECTED
    assert [files["test_things.py"][outcome] for outcome in ("passed", "failed", "skipped", "not_applicable")] == [
        *(4, 3, 1, 4)
    ]
    assert files["test_broken.py"]["tests"] == [
        {
            "name": "(the whole file)",
            "outcome": "skipped",
            "detail": "ModuleNotFoundError: No module named 'no_such_package'",
        }
    ]
    (dead,) = files["test_dying.py"]["tests"]
    assert (dead["outcome"], dead["detail"][:26]) == ("failed", "pytest ended with status 7")
    assert list(report["left_out"]) == ["test_jobs_api.py"]
    assert (tmp_path / "report.md").read_text() == done.stdout
    assert "- test_things.py test_bad: AssertionError" in done.stdout
    assert "hf_dummy" not in done.stdout + done.stderr


def test_files_can_be_chosen_also_those_left_out(checkout):
    for options, counts in (((), "2 passed"), (("--no-xet",), "1 passed, 1 not applicable")):
        done = witness(checkout, "jobs_api", *options)
        assert (done.returncode, done.stderr.partition(" (")[0]) == (0, f"test_jobs_api.py: {counts}"), done.stderr


def test_checkout_is_needed_whole(checkout):
    (checkout / "tests" / "conftest.py").unlink()
    done = witness(checkout)
    assert (done.returncode, "conftest.py" in done.stderr) == (2, True)
