"""The environment of every test, and the trained models that several of them share."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from hubver.demo import workspace
from hubver.demo.base import train_base

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# A shell starts what it puts in the background deaf to interrupts, and so would be all that the tests start: those that
# interrupt a command would wait for it for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# huggingface_hub reads its environment once, when it is imported. Had one of the modules above imported it, what follows
# would come too late, and the tests would work in the user's own cache, with the user's own token.
if "huggingface_hub" in sys.modules:
    raise RuntimeError("huggingface_hub was imported before tests/conftest.py; run pytest from the project's root")
if "PYTEST_XDIST_WORKER" not in os.environ:  # workers inherit the folder of the run
    os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="hubver-tests-")
    atexit.register(shutil.rmtree, os.environ["HF_HOME"], ignore_errors=True)
for _name in (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
    "HF_HUB_CACHE",
    "HF_DATASETS_CACHE",
):
    os.environ.pop(_name, None)
os.environ.setdefault("HUBVER_CACHE", f"{os.environ['HF_HOME']}/hubver")
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Threads that wait for each other in a loop make training ten times slower where several processes share the cores, and
# with one thread the trained models do not depend on how many cores there are.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What a machine is busy with decides no test, and a test that passed passes again.
settings.register_profile(
    "hubver", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("hubver")

pytest_plugins = ["pytester", "histories", "outputs", "road", "projects", "training_tools"]


# What takes a minute or more, so that no worker is left with it at the end; and the demo's story, which others go on
# from, before those that would wait for it, or train its base model once more.
LONGEST = (
    "tests/test_demo.py",
    "tests/test_callback_trainers.py",
    "tests/gate/test_resuming.py",
    "tests/reproduce/test_reproduce.py",
    "tests/test_docs.py",
    "tests/gate/test_runner.py",
    "tests/localhub/test_durability.py",
    "tests/test_crash.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; all others follow in their order."""
    places = {path: number for number, path in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder of this test run that all its worker processes see."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def demo_project(shared) -> Path:
    """The demo's project, laid out: train.py, hubver.toml, data and gates. Read it, do not change it."""
    return _once(shared / "project", workspace.create)


@pytest.fixture(scope="session")
def tiny_base(shared) -> Path:
    """The demo's base model in a folder, at chance on the task. Read it, do not change it."""
    if (shared / "road.log").exists():  # the demo has trained it, which comes to the same bytes
        return shared / "road" / "base"
    return _once(shared / "tiny-base", train_base)


def _once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make a folder in whichever process asks first; the others wait for it."""
    done = folder.with_name(folder.name + ".done")
    with FileLock(str(folder) + ".lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            with _others_may_warn():
                make(folder)
            done.touch()
    return folder


@contextmanager
def _others_may_warn() -> Iterator[None]:
    """Training walks through torch, transformers, peft, datasets and trl, whose warnings are theirs to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
