"""The JSON Schema of `gate-report.json`, for those who read reports with other tools."""

from __future__ import annotations

from hubver.documents import canonical_json
from hubver.gate.verdict import Verdict


def json_schema() -> bytes:
    r"""The schema, as kept in `docs/reference/verdict.schema.json`; generated from `Verdict`.

    After a change of `Verdict`, write it again::

        python -c "from hubver.gate.report.schema import json_schema; print(json_schema().decode(), end='')" \
            > docs/reference/verdict.schema.json
    """
    schema = Verdict.model_json_schema(mode="validation")
    return canonical_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
