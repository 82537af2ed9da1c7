"""The bill of materials says what the record says, in CycloneDX's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi

from hubver import bom
from hubver.cli.main import cli
from hubver.errors import NotFound
from hubver.localhub import LocalHub
from hubver.pins import Pin
from hubver.record.schema import Base, Metric, RunRecord
from hubver.settings import Settings

EXAMPLE = RunRecord.from_bytes((Path(__file__).parents[1] / "model_cards" / "example.hubver.json").read_bytes())
SHA = "c" * 40


def rendered(record: RunRecord, **licences: str) -> dict:
    pin = Pin(record.repo_id, record.version, SHA)
    named = {record.repo_id: licences.get("model"), record.base_model.id: licences.get("base")}
    return json.loads(bom.render(record, pin, named, "https://hub.example.org"))


def components(document: dict, kind: str) -> dict[str, dict]:
    return {item["bom-ref"]: item for item in document["components"] if item["type"] == kind}


def test_the_model_and_its_files():
    document = rendered(EXAMPLE, model="apache-2.0")
    model = document["metadata"]["component"]
    assert (document["specVersion"], model["type"], model["version"]) == (
        "1.6",
        "machine-learning-model",
        EXAMPLE.version,
    )
    assert model["purl"] == f"pkg:huggingface/{EXAMPLE.repo_id}@{SHA}"
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    files = {file["name"]: file["hashes"][0]["content"] for file in model["components"]}
    assert files == {file.path: file.sha256 for file in EXAMPLE.files}
    assert model["pedigree"]["commits"][0]["uid"] == EXAMPLE.code.sha


def test_what_it_was_made_from():
    document = rendered(EXAMPLE, base="mit")
    (base,) = components(document, "machine-learning-model").values()
    assert base["version"] == EXAMPLE.base_model.sha
    assert base["hashes"] == [{"alg": "SHA-256", "content": EXAMPLE.base_model.weights_sha256}]
    assert base["licenses"] == [{"license": {"id": "MIT"}}]
    data = components(document, "data")
    assert len(data) == len(EXAMPLE.data)
    for source, item in zip(EXAMPLE.data, (data[ref] for ref in sorted(data)), strict=True):
        assert item.get("version") == source.hub_sha
        assert [file["name"] for file in item.get("components", [])] == [file.path for file in source.files]
    packages = components(document, "library")
    assert {item["name"]: item["version"] for item in packages.values()} == EXAMPLE.environment.packages
    (of_model,) = [entry for entry in document["dependencies"] if entry["ref"] == "model"]
    assert set(of_model["dependsOn"]) == {*data, *packages, "base"}


def test_the_model_card():
    metric = Metric(name="exact_match", value=0.5, task="tickets", interval=(0.4, 0.6))
    card = rendered(EXAMPLE.model_copy(update={"metrics": (metric,)}))["metadata"]["component"]["modelCard"]
    assert [item["ref"] for item in card["modelParameters"]["datasets"]] == sorted(
        components(rendered(EXAMPLE), "data")
    )
    settings = {item["name"]: item["value"] for item in card["properties"]}
    for name, value in EXAMPLE.training.arguments.items():
        assert settings[f"hubver:training.{name}"] == (value if isinstance(value, str) else json.dumps(value))
    assert settings["hubver:training.seed"] == str(EXAMPLE.training.seeds.seed)
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {
            "type": "tickets exact_match",
            "value": "0.5",
            "confidenceInterval": {"lowerBound": "0.4", "upperBound": "0.6"},
        }
    ]


def test_the_same_revision_gives_the_same_bytes():
    pin = Pin(EXAMPLE.repo_id, EXAMPLE.version, SHA)
    first, again = (bom.render(EXAMPLE, pin, {}, "https://hub.example.org") for _ in range(2))
    assert first == again
    other = bom.render(EXAMPLE, Pin(EXAMPLE.repo_id, EXAMPLE.version, "d" * 40), {}, "https://hub.example.org")
    assert json.loads(other)["serialNumber"] != json.loads(first)["serialNumber"]


@pytest.mark.parametrize(
    "update",
    [
        {"base_model": Base(), "data": (), "files": (), "metrics": ()},
        {"base_model": Base(weights_sha256="a" * 64)},
        {"version": None},
        {"data": (*EXAMPLE.data, *EXAMPLE.data)},
    ],
    ids=["nothing known", "a base from a folder", "no version", "data named twice"],
)
def test_whatever_a_record_lacks_it_is_valid(update):
    assert rendered(EXAMPLE.model_copy(update=update))["bomFormat"] == "CycloneDX"


def test_the_command_reads_the_hub(tmp_path, monkeypatch):
    card = b"---\nlicense: apache-2.0\n---\n# A model\n"
    with LocalHub(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/router")
        for path, content in (("README.md", card), ("hubver.json", EXAMPLE.to_bytes())):
            api.upload_file(repo_id="acme/router", path_in_repo=path, path_or_fileobj=content)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        done = CliRunner().invoke(cli, ["bom", "acme/router@main", "--output", str(tmp_path / "bom.json")])
        assert done.exit_code == 0, done.output
        document = json.loads((tmp_path / "bom.json").read_bytes())
        printed = CliRunner().invoke(cli, ["bom", "acme/router@main"])
        assert json.loads(printed.stdout) == document
        api.create_repo("acme/bare")
        with pytest.raises(NotFound, match=r"hubver\.json"):
            bom.bill_of_materials("acme/bare@main", settings=Settings(endpoint=hub.url))
    assert document["metadata"]["component"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]
