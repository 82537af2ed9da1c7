"""A fresh virtual environment holds the recorded versions, and says which no index has."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from datetime import datetime, timezone

import pytest
from huggingface_hub import HfApi

from hubver.errors import HarnessFailed, NotFound
from hubver.localhub import LocalHub
from hubver.record.digest import entry, sha256
from hubver.record.folder.adapter import normalised_config
from hubver.record.schema import Code, Environment, RunRecord
from hubver.reproduce import venv
from hubver.reproduce.place import Place
from hubver.reproduce.plan import Given
from hubver.reproduce.prepare import prepare
from hubver.reproduce.verb import reproduce
from hubver.settings import Settings

HERE = ".".join(map(str, sys.version_info[:3]))
# What "training" is here: it writes down which version it ran with, as the weights of an adapter.
SCRIPT = """\
import json, os, struct, sys, tiny_dep
os.makedirs("out")
header = json.dumps({"w": {"dtype": "U8", "shape": [len(tiny_dep.VERSION)], "data_offsets": [0, len(tiny_dep.VERSION)]}}).encode()
with open("out/adapter_model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + tiny_dep.VERSION.encode())
with open("out/adapter_config.json", "w") as file:
    file.write('{"base_model_name_or_path": null, "peft_type": "LORA", "r": 1}')
"""


def wheel(folder, version):
    name = f"tiny_dep-{version}"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as file:
        file.writestr("tiny_dep.py", f"VERSION = {version!r}\n")
        file.writestr(f"{name}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: tiny-dep\nVersion: {version}\n")
        file.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{name}.dist-info/RECORD", "")


@pytest.fixture(autouse=True)
def index(tmp_path, monkeypatch):
    folder = tmp_path / "index"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        wheel(folder, version)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def recorded(**packages) -> Environment:
    return Environment(python=HERE, packages={"pip": "1.0", "hubver": "9.9", **packages})


def test_the_recorded_version_and_not_the_newest(tmp_path):
    made = venv.make(recorded(**{"tiny-dep": "1.0", "gone-dep": "3.1"}), tmp_path / "venv", lambda _line: None)
    code = "import tiny_dep, importlib.util as u; print(tiny_dep.VERSION, u.find_spec('torch'), u.find_spec('hubver'))"
    done = subprocess.run([made.interpreter, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1.0", "None", "None"]
    assert made.unavailable == ("gone-dep==3.1",)


@pytest.mark.parametrize("python", ["2.7.18", "3.99.0"])
def test_a_python_that_is_not_here(tmp_path, monkeypatch, python):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound, match=python):
        venv.make(Environment(python=python), tmp_path / "venv", print)


def test_a_package_that_breaks(tmp_path):
    (tmp_path / "index" / "broken-1.0-py3-none-any.whl").write_bytes(b"no wheel")
    with pytest.raises(HarnessFailed, match="cannot be installed"):
        venv.make(recorded(broken="1.0"), tmp_path / "venv", lambda _line: None)


@pytest.mark.parametrize(
    ("name", "version", "source", "expected"),
    [
        ("torch", "2.6.0+cpu", None, {"torch": "torch==2.6.0+cpu"}),
        ("typing.extensions", "4", None, {"typing-extensions": "typing.extensions==4"}),
        (
            "trl",
            "1.0.dev0",
            "git+https://git.example.org/trl@" + "a" * 40,
            {"trl": "trl @ git+https://git.example.org/trl@" + "a" * 40},
        ),
        ("mine", "1.0", "editable", {"mine": "mine==1.0"}),
        ("x --index-url http://evil", "1.0", None, {}),
        ("x", "1.0 --index-url http://evil", None, {}),
        ("x", "1.0", "git+ext::sh -c evil@" + "a" * 40, {"x": "x==1.0"}),
        ("pip", "24", None, {}),
    ],
)
def test_what_pip_is_asked_for(name, version, source, expected):
    sources = {name: source} if source else {}
    assert venv.requirements(Environment(packages={name: version}, sources=sources)) == expected


def weights(version: str) -> bytes:
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(version)], "data_offsets": [0, len(version)]}}).encode()
    return len(header).to_bytes(8, "little") + header + version.encode()


def test_a_run_is_reproduced_with_the_versions_it_had(tmp_path):
    """The newest version makes another model; that of the record makes the recorded one."""
    diff = "diff --git a/train.py b/train.py\nnew file mode 100644\n--- /dev/null\n+++ b/train.py\n"
    lines = SCRIPT.splitlines()
    diff += f"@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)
    config = b'{"base_model_name_or_path": null, "peft_type": "LORA", "r": 1}'
    contents = {
        "adapter_model.safetensors": weights("1.0"),
        "adapter_config.json": config,
        "run/code.diff": diff.encode(),
    }
    record = RunRecord(
        run_id="run-1",
        version="v1.0.0",
        created=datetime(2026, 1, 2, tzinfo=timezone.utc),
        code=Code(entry_point="train.py", directory=".", diff_sha256=sha256(diff.encode())),
        environment=recorded(**{"tiny-dep": "1.0"}),
    )
    contents["adapter_config.json"] = normalised_config(config, None, None)
    record = record.model_copy(update={"files": tuple(entry(path, content) for path, content in contents.items())})
    with LocalHub(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/tiny")
        for path, content in {**contents, "hubver.json": record.to_bytes()}.items():
            api.upload_file(repo_id="acme/tiny", path_in_repo=path, path_or_fileobj=content)
        settings = Settings(endpoint=hub.url)
        prepared = prepare("acme/tiny@main", Given(), settings=settings)
        found = reproduce(
            prepared,
            Place(tmp_path / "place"),
            Given(),
            interpreter=None,
            fresh=True,
            settings=settings,
        )
    assert found.grade == "identical", found
    assert found.causes == ()
    assert {one.name: one.grade for one in found.environment}["python"] == "same"
    assert {one.grade for one in found.environment} <= {"same", "harmless"}
