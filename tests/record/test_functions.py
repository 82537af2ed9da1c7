from __future__ import annotations

import functools
import subprocess
import sys
import textwrap

import pytest

from hubver.record.digest import sha256
from hubver.record.observe.functions import described, functions_of, source_digest


def plain(row):
    return row["text"]


class Callable:
    def __call__(self, row):
        return row

    def method(self, row):
        return row


def decorated(function):
    @functools.wraps(function)
    def wrapper(row):
        return function(row)

    return wrapper


@decorated
def wrapped(row):
    return row


def outer():
    def inner(row):
        return row

    return inner


PLAIN = 'def plain(row):\n    return row["text"]\n'
INNER = "def inner(row):\n    return row\n"


@pytest.mark.parametrize(
    ("given", "name", "source"),
    [
        pytest.param(plain, "plain", PLAIN, id="function"),
        pytest.param(functools.partial(functools.partial(plain), row={}), "plain", PLAIN, id="partial"),
        pytest.param(outer(), "outer.<locals>.inner", INNER, id="indented"),
        pytest.param(wrapped, "wrapped", "@decorated\ndef wrapped(row):\n    return row\n", id="decorated"),
        pytest.param(Callable().method, "Callable.method", "def method(self, row):\n    return row\n", id="method"),
    ],
)
def test_what_a_function_is_called_and_says(given, name, source):
    found = described("reward", given)
    assert (found.role, found.name, found.source_sha256) == ("reward", f"{__name__}.{name}", sha256(source.encode()))


def test_an_object_that_can_be_called_counts_as_its_class():
    found = described("reward", Callable())
    assert found.name == f"{__name__}.Callable"
    assert found.source_sha256 == described("reward", Callable).source_sha256 is not None


@pytest.mark.parametrize("builtin", [len, sum, dict, "".join], ids=["len", "sum", "dict", "method"])
def test_what_has_no_source_has_no_digest(builtin):
    assert source_digest(builtin) is None
    assert described("reward", builtin).source_sha256 is None


def test_lambdas_differ_by_their_statement():
    one = lambda row: row["a"]  # noqa: E731
    two = lambda row: row["b"]  # noqa: E731
    assert source_digest(one) != source_digest(two)
    assert described("formatting", one).name.endswith("<lambda>")


def test_the_digest_is_the_same_in_another_process_and_at_another_depth(tmp_path):
    (tmp_path / "user_code.py").write_text("if True:\n" + textwrap.indent(PLAIN, "    "))
    script = "from hubver.record.observe.functions import source_digest; import user_code; print(source_digest(user_code.plain))"
    path = [str(tmp_path), *filter(None, sys.path)]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == source_digest(plain)


def test_without_a_trainer_nothing_is_known_of_functions():
    assert functions_of(None, None, [[{"a": 1}]]) == ()


def test_text_where_a_function_belongs_is_none():
    class Trainer:
        compute_loss_func = "non-None value to disable scaling"
        compute_metrics = staticmethod(plain)

    named = {(found.role, found.name.rpartition(".")[2]) for found in functions_of(Trainer(), None, [])}
    assert named == {("metrics", "plain"), ("trainer", "Trainer")}


@pytest.mark.slow
def test_the_functions_of_a_stream_and_of_a_transform_are_seen_and_those_of_map_are_not():
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": ["a", "b"]})
    stream = rows.to_iterable_dataset().map(outer()).filter(plain)
    assert [found.name.rpartition(".")[2] for found in functions_of(None, None, [stream])] == ["inner", "plain"]
    (transform,) = functions_of(None, None, [rows.with_transform(plain)])
    assert (transform.role, transform.source_sha256) == ("transform", sha256(PLAIN.encode()))
    assert functions_of(None, None, [rows.map(lambda row: {"n": len(row["text"])})]) == ()
