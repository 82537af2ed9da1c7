"""GitHub's own description of its API, asked about requests and answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jsonschema

_DESCRIPTION = Path(__file__).with_name("github_openapi.json")
_JSON = "application/json"


@dataclass(frozen=True)
class Operation:
    """A method on a path of the description, with what a request puts into the path.

    Attributes:
        name: `post /repos/{owner}/{repo}/dispatches`.
        places: values by their name in the path.
    """

    name: str
    written: dict
    places: dict


class Description:
    """The endpoints in github_openapi.json."""

    def __init__(self):
        document = json.loads(_DESCRIPTION.read_text(encoding="utf-8"))
        self._paths = document["paths"]
        self._components = document["components"]

    def find(self, method, path):
        """The operation that a request means, or None."""
        for pattern, methods in self._paths.items():
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), path)
            if found and method.lower() in methods:
                name = f"{method.lower()} {pattern}"
                return Operation(name, methods[method.lower()], found.groupdict())
        return None

    def request_errors(self, operation, query, body):
        """What is wrong with a request; an unknown field too, which GitHub would ignore."""
        errors = []
        known = [self._resolve(parameter) for parameter in operation.written["parameters"] or []]
        for parameter in known:
            given = operation.places if parameter["in"] == "path" else query
            if parameter["name"] in given:
                errors += self._errors(parameter["schema"], _typed(given[parameter["name"]], parameter["schema"]))
        errors += [f"{name} is no parameter" for name in set(query) - {parameter["name"] for parameter in known}]
        if operation.written["requestBody"]:
            errors += self._body_errors(operation.written["requestBody"]["content"][_JSON]["schema"], body)
        elif body is not None:
            errors.append("a body is not expected")
        return errors

    def _body_errors(self, schema, body):
        if not isinstance(body, dict):
            return ["Problems parsing JSON"]
        unknown = sorted(set(body) - set(schema["properties"]))
        return [f'"{name}" is not a permitted key' for name in unknown] + self._errors(schema, body)

    def answer_errors(self, operation, status, body):
        """What is wrong with an answer of ours."""
        written = operation.written["responses"].get(str(status))
        if written is None:
            # The description leaves out what every endpoint may answer: 401, 403, 404, 503.
            schema = {"$ref": "#/components/schemas/basic-error"}
            return [f"status {status} is not described"] if status < 400 else self._errors(schema, body)
        content = self._resolve(written).get("content")
        if content is None:
            return [] if body is None or status >= 400 else ["a body is not expected"]
        return self._errors(content[_JSON]["schema"], body)

    def _resolve(self, part):
        if "$ref" not in part:
            return part
        _, _, kind, name = part["$ref"].split("/")
        return self._components[kind][name]

    def _errors(self, schema, value):
        whole = {**_nullable(schema), "components": self._plain_components}
        found = jsonschema.Draft4Validator(whole).iter_errors(value)
        return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in found]

    @cached_property
    def _plain_components(self):
        return {"schemas": _nullable(self._components["schemas"])}


def _nullable(part):
    """OpenAPI 3.0 writes `nullable: true` where JSON Schema has a type of its own for null."""
    if isinstance(part, list):
        return [_nullable(item) for item in part]
    if not isinstance(part, dict):
        return part
    plain = {key: _nullable(value) for key, value in part.items() if key != "nullable"}
    if part.get("nullable") is not True:
        return plain
    if "enum" in plain:
        plain["enum"] = [*plain["enum"], None]
    return {"anyOf": [plain, {"type": "null"}]}


def _typed(text, schema):
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if schema.get("type") == "boolean" and text in {"true", "false"}:
        return text == "true"
    # `workflow_id` is a number or the name of a file.
    return int(text) if "oneOf" in schema and text.isdigit() else text
