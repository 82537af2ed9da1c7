"""A bill of materials of a published model: CycloneDX 1.6 JSON, with the model card that an ML-BOM has.

All of it comes from the record: the model and its files, the base at its commit, the data by their pins, the packages, the
code's commit. The same revision gives the same document. cyclonedx-python-lib builds it and checks it against the official
schema; it has no classes for model cards (11.x, `Component`, "TODO since CDX1.5"), so that part is put in by its schema.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from hubver import __version__, pins
from hubver.documents import canonical_json
from hubver.errors import HarnessFailed, MissingPackage
from hubver.hub.client import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cyclonedx.model.component import Component

    from hubver.pins import Pin
    from hubver.record.schema import DataSource, Metric, RunRecord
    from hubver.settings import Settings

_CARD = "README.md"
_MODEL = "model"


def bill_of_materials(target: str, *, settings: Settings) -> bytes:
    """The document for a revision.

    Args:
        target: `ORG/NAME@REV`, or `ORG/NAME` for what is in production.
        settings: of the user.

    Raises:
        NotFound: the revision does not exist, or holds no record.
        BadDocument: its record cannot be read.
        MissingPackage: cyclonedx-python-lib is not installed.
        HarnessFailed: what was made is not what the schema says.
    """
    _need_library()
    pin = pins.resolve(target, settings=settings)
    hub = Hub.of(settings, pin.repo_id)
    record = pins.record_of(hub, pin)
    licences = {pin.repo_id: _licence(hub, pin.repo_id, pin.sha)}
    base = record.base_model
    if base.id and base.sha:
        licences[base.id] = _licence(Hub.of(settings, base.id), base.id, base.sha)
    return render(record, pin, licences, hub.endpoint)


def render(record: RunRecord, pin: Pin, licences: Mapping[str, str | None], endpoint: str) -> bytes:
    """The document for a record.

    Args:
        record: of the revision.
        pin: the revision.
        licences: as the cards of the model and of its base name them, by their ids.
        endpoint: of the Hub that has the model.

    Raises:
        HarnessFailed: what was made is not what the schema says.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    model = _model(record, pin, licences.get(pin.repo_id), endpoint)
    parts = [*_base(record, licences), *_data(record), *_packages(record)]
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{endpoint}/{pin.repo_id}/tree/{pin.sha}"),
        components=parts,
    )
    bom.metadata.timestamp = record.created
    bom.metadata.component = model
    bom.metadata.tools.components.add(Component(name="hubver", version=__version__, type=ComponentType.APPLICATION))
    bom.register_dependency(model, parts)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"]["component"]["modelCard"] = _card(record)
    made = canonical_json(document)
    _check(made)
    return made


def _model(record: RunRecord, pin: Pin, licence: str | None, endpoint: str) -> Component:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model.component import Commit, Component, ComponentType, Pedigree
    from packageurl import PackageURL

    group, _, name = pin.repo_id.partition("/")
    files = [
        Component(name=file.path, type=ComponentType.FILE, hashes=[_sha256(file.sha256)], bom_ref=f"file:{file.path}")
        for file in record.files
    ]
    references = [
        ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION, url=XsUri(f"{endpoint}/{pin.repo_id}/tree/{pin.sha}")
        )
    ]
    commits = []
    if record.code.sha:
        where = XsUri(record.code.remote) if record.code.remote else None
        commits = [Commit(uid=record.code.sha, url=where)]
        if where:
            references.append(ExternalReference(type=ExternalReferenceType.VCS, url=where))
    return Component(
        group=group,
        name=name,
        version=record.version or pin.sha,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        purl=PackageURL("huggingface", group, name, pin.sha),
        licenses=_licences(licence),
        components=files,
        external_references=references,
        pedigree=Pedigree(commits=commits) if commits else None,
        bom_ref=_MODEL,
    )


def _base(record: RunRecord, licences: Mapping[str, str | None]) -> Iterator[Component]:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    base = record.base_model
    if base.id is None and base.weights_sha256 is None:
        return
    group, _, name = (base.id or "a base model from a folder").rpartition("/")
    yield Component(
        group=group or None,
        name=name,
        version=base.sha,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        purl=PackageURL("huggingface", group or None, name, base.sha) if base.id else None,
        hashes=[_sha256(base.weights_sha256)] if base.weights_sha256 else None,
        licenses=_licences(licences.get(base.id or "")),
        bom_ref="base",
    )


def _data(record: RunRecord) -> Iterator[Component]:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType

    for number, source in enumerate(record.data):
        # Each of several files carries its own digest, below.
        digest = (
            source.files[0].sha256 if len(source.files) == 1 else source.content_sha256 if not source.files else None
        )
        facts = {
            "role": source.role,
            "split": source.split,
            "config": source.config,
            "rows": source.rows,
            "columns": ", ".join(source.columns) or None,
            "content_sha256": source.content_sha256,
        }
        yield Component(
            name=source.hub_id or source.name,
            version=source.hub_sha,
            type=ComponentType.DATA,
            hashes=[_sha256(digest)] if digest and not source.hub_sha else None,
            components=[
                Component(
                    name=file.path,
                    type=ComponentType.FILE,
                    hashes=[_sha256(file.sha256)],
                    bom_ref=f"data-{number}:{file.path}",
                )
                for file in source.files
            ],
            properties=[
                Property(name=f"hubver:{name}", value=str(fact)) for name, fact in facts.items() if fact is not None
            ],
            bom_ref=_data_ref(number, source),
        )


def _packages(record: RunRecord) -> Iterator[Component]:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    for name, version in record.environment.packages.items():
        yield Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", None, name, version),
            bom_ref=f"package:{name}",
        )


def _card(record: RunRecord) -> dict[str, Any]:
    """The model card, by the schema of CycloneDX 1.6 (`modelCard`)."""
    training = record.training
    datasets = [{"ref": _data_ref(number, source)} for number, source in enumerate(record.data)]
    parameters: dict[str, Any] = {
        "task": "text-generation",
        "modelArchitecture": training.model_class,
        "datasets": datasets,
        "inputs": [{"format": "string"}],
        "outputs": [{"format": "string"}],
    }
    settings = {
        **{f"training.{name}": value for name, value in training.arguments.items()},
        **{f"peft.{name}": value for name, value in (training.peft or {}).items()},
        "training.trainer": training.trainer_class,
        "training.optimizer": training.optimizer,
        "training.scheduler": training.scheduler,
        "training.precision": training.precision,
        "training.effective_batch_size": training.effective_batch_size,
        "training.steps": training.steps,
        "training.seed": training.seeds.seed,
        "run_id": record.run_id,
    }
    card: dict[str, Any] = {
        "modelParameters": {name: value for name, value in parameters.items() if value},
        "properties": [
            {"name": f"hubver:{name}", "value": value if isinstance(value, str) else json.dumps(value)}
            for name, value in settings.items()
            if value is not None
        ],
    }
    metrics = [_metric(metric) for metric in record.metrics if metric.value is not None]
    return {**card, "quantitativeAnalysis": {"performanceMetrics": metrics}} if metrics else card


def _metric(metric: Metric) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": f"{metric.task} {metric.name}" if metric.task else metric.name,
        "value": str(metric.value),
    }
    if metric.interval is not None:
        found["confidenceInterval"] = {"lowerBound": str(metric.interval[0]), "upperBound": str(metric.interval[1])}
    return found


def _data_ref(number: int, source: DataSource) -> str:
    """The same data may stand in the record twice, as what the trainer held and as what the user named."""
    return f"data-{number}:{source.hub_id or source.name}"


def _sha256(digest: str) -> Any:
    from cyclonedx.model import HashAlgorithm, HashType

    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _licences(name: str | None) -> list[Any] | None:
    from cyclonedx.contrib.license.factories import LicenseFactory

    return [LicenseFactory().make_from_string(name)] if name else None


def _licence(hub: Hub, repo_id: str, sha: str) -> str | None:
    """The licence that a card names in its YAML block; `other` names none."""
    import yaml

    raw = hub.read_if_there(repo_id, sha, _CARD)
    text = raw.decode("utf-8", "replace") if raw else ""
    block = text[3:].partition("\n---")[0] if text.startswith("---") else ""
    try:
        found = yaml.safe_load(block)
    except yaml.YAMLError:
        return None
    named = found.get("license") if isinstance(found, dict) else None
    return named if isinstance(named, str) and named not in {"other", "unknown"} else None


def _check(made: bytes) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(made.decode())
    if fault is not None:
        message = getattr(getattr(fault, "data", None), "message", None) or "no reason"
        raise HarnessFailed("The bill of materials is not what CycloneDX 1.6 asks for.", found=str(message)[:300])


def _need_library() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("cyclonedx", "jsonschema", "referencing") if find_spec(name) is None]
    if missing:
        raise MissingPackage(
            f"A bill of materials needs {', '.join(missing)}.", hint="Install them with: pip install 'hubver[bom]'"
        )
