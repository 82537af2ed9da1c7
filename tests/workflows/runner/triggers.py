"""Which workflows an event starts, and the inputs that they get.

https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

from workflows.runner.errors import Unsupported
from workflows.runner.globs import accepts

# Without `types`, a pull request starts workflows on these only.
_USUAL_TYPES = {"pull_request": ["opened", "synchronize", "reopened"]}
_FILTERS = {
    "pull_request": {"types", "branches", "branches-ignore", "paths", "paths-ignore"},
    "push": {"branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore"},
    "repository_dispatch": {"types"},
    "workflow_dispatch": {"inputs"},
}


class InvalidInputs(Exception):
    """Inputs that a workflow does not take."""


def events_of(workflow):
    """The events that a workflow starts on, with their filters."""
    written = workflow["on"]
    if isinstance(written, str):
        return {written: {}}
    if isinstance(written, list):
        return {name: {} for name in written}
    return {name: filters or {} for name, filters in written.items()}


def starts(workflow, event):
    """Whether an event starts a workflow.

    Raises:
        Unsupported: the workflow filters by what this runner does not know, or waits for an event that it cannot send.
    """
    events = events_of(workflow)
    if event.name == "pull_request" and "pull_request_target" in events:
        raise Unsupported("a workflow on pull_request_target")
    if event.name not in events:
        return False
    filters = events[event.name]
    if event.name == "schedule":
        return any(entry["cron"] == event.payload["schedule"] for entry in filters)
    if unknown := set(filters) - _FILTERS.get(event.name, set()):
        raise Unsupported(f"filters of {event.name}: {sorted(unknown)}")
    return _of_type(filters, event) and _of_ref(filters, event) and _of_paths(filters, event)


def _of_type(filters, event):
    wanted = _listed(filters.get("types")) or _USUAL_TYPES.get(event.name)
    return wanted is None or event.payload.get("action") in wanted


def _of_ref(filters, event):
    kind, name = event.filtered_ref
    other = {"branches": "tags", "tags": "branches"}[kind]
    if kind not in filters and f"{kind}-ignore" not in filters:
        # A filter of branches alone is no filter of tags: it keeps them out, and the other way round.
        return not {other, f"{other}-ignore"} & set(filters)
    if kind in filters:
        return accepts(_listed(filters[kind]), name)
    return not accepts(_listed(filters[f"{kind}-ignore"]), name)


def _of_paths(filters, event):
    if "paths" in filters:
        return any(accepts(_listed(filters["paths"]), path) for path in event.changed())
    if "paths-ignore" in filters:
        return not all(accepts(_listed(filters["paths-ignore"]), path) for path in event.changed())
    return True


def _listed(written):
    return [written] if isinstance(written, str) else written or []


def typed_inputs(declared, given, scope, *, empty_is_missing=False):
    """The inputs of a workflow: of the types that it declares, with its defaults.

    Args:
        declared: `inputs` of `workflow_dispatch` or `workflow_call`.
        given: values by name.
        scope: for defaults that are expressions.
        empty_is_missing: whether an empty text does not do for a required input, as in `workflow_dispatch`.

    Raises:
        InvalidInputs: one is unknown, missing, or not of its type.
    """
    if unknown := sorted(set(given) - set(declared)):
        raise InvalidInputs(f"Unexpected inputs provided: {unknown}")
    return {name: _typed(name, entry or {}, given, scope, empty_is_missing) for name, entry in declared.items()}


def _typed(name, entry, given, scope, empty_is_missing):
    value = given.get(name)
    if entry.get("required") and (value is None or (empty_is_missing and value == "")):
        raise InvalidInputs(f"Required input '{name}' not provided")
    value = scope.value(entry.get("default")) if value is None else value
    kind = entry.get("type", "string")
    if kind == "boolean":
        return _boolean(name, value)
    if kind == "number":
        return _number(name, value)
    if kind == "choice":
        options = [str(option) for option in entry["options"]]
        if value is not None and value not in options:
            raise InvalidInputs(f"Provided value '{value}' for input '{name}' not in the list of allowed values")
        return options[0] if value is None else value
    if not isinstance(value, str | None):
        raise InvalidInputs(f"The value of input '{name}' is no string: {value!r}")
    return value or ""


def _boolean(name, value):
    if value not in {None, "", True, False, "true", "false"}:
        raise InvalidInputs(f"The value of input '{name}' is no boolean: {value!r}")
    return value in {True, "true"}


def _number(name, value):
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        raise InvalidInputs(f"The value of input '{name}' is no number: {value!r}") from None
