"""The jobs of a matrix: https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations."""

from __future__ import annotations

import itertools

from workflows.runner.errors import InvalidExpression

_MOST = 256  # https://docs.github.com/en/actions/reference/limits


def legs(matrix):
    """The combinations that a matrix stands for; one without values where there is no matrix.

    Raises:
        InvalidExpression: an axis is empty or no list, or there are too many combinations.
    """
    if not matrix:
        return [{}]
    axes = {name: values for name, values in matrix.items() if name not in {"include", "exclude"}}
    for name, values in axes.items():
        if not isinstance(values, list) or not values:
            raise InvalidExpression(f"Matrix vector '{name}' does not contain any values")
    found = [dict(zip(axes, values, strict=False)) for values in itertools.product(*axes.values())] if axes else []
    found = [leg for leg in found if not any(leg.items() >= out.items() for out in matrix.get("exclude") or [])]
    found = _include(found, matrix.get("include") or [], set(axes))
    if not found:
        raise InvalidExpression("Matrix must define at least one vector")
    if len(found) > _MOST:
        raise InvalidExpression(f"The matrix generates {len(found)} jobs, more than {_MOST}")
    return found


# "added to each of the matrix combinations if none of the key:value pairs overwrite any of the original matrix values.
# If the object cannot be added to any of the matrix combinations, a new matrix combination will be created instead."
def _include(found, extra, axes):
    original = [dict(leg) for leg in found]
    added = []
    for more in extra:
        taking = [
            leg
            for leg, first in zip(found, original, strict=False)
            if all(first[name] == value for name, value in more.items() if name in axes)
        ]
        for leg in taking:
            leg.update(more)
        if not taking:
            added.append(dict(more))
    return found + added


def label(job_id, leg):
    """A job's name among its siblings: `shard (1, 4)`."""
    shown = ", ".join(_shown(leg))
    return f"{job_id} ({shown})" if leg else job_id


def _shown(value):
    if isinstance(value, dict):
        return [text for item in value.values() for text in _shown(item)]
    if isinstance(value, list):
        return [text for item in value for text in _shown(item)]
    return [str(int(value) if isinstance(value, float) and value.is_integer() else value)]
