from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubver.errors import BadInput
from hubver.versions import FIRST, Version, known, next_candidate, propose

numbers = st.integers(0, 10**6)
versions = st.builds(Version, numbers, numbers, numbers, st.none() | st.integers(1, 10**6))


@given(versions)
def test_a_version_is_read_as_it_is_written(version):
    assert Version.parse(str(version)) == version


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1",
        "v1.2",
        "1.2.3.4",
        "v01.2.3",
        "v1.2.٣",
        "v1.0.1" + "0" * 5000,
        "v1.2.3-rc.0",
        "v1.2.3-rc1",
        "v1.2.3-beta",
        "v1.2.3+build",
        "V1.2.3",
        "v1.2.x",
    ],
)
def test_what_is_no_version(text):
    assert Version.try_parse(text) is None
    with pytest.raises(BadInput, match="is not a version"):
        Version.parse(text)


def test_the_order_is_that_of_semver():
    ordered = [
        "v0.9.9",
        "v1.0.0-rc.1",
        "v1.0.0-rc.2",
        "v1.0.0-rc.10",
        "v1.0.0",
        "v1.0.1",
        "v1.2.0",
        "v1.10.0",
        "v2.0.0",
    ]
    assert [str(version) for version in known(reversed(ordered))] == ordered


@given(versions, versions)
def test_two_versions_are_equal_or_ordered(one, other):
    assert (one < other) + (other < one) + (one == other) == 1


@pytest.mark.parametrize(
    ("taken", "bump", "expected"),
    [
        ([], "minor", "v1.0.0"),
        (["v1.0.0-rc.1"], "minor", "v1.0.0"),
        (["v1.0.0"], "minor", "v1.1.0"),
        (["v1.9.0", "v1.10.0"], "patch", "v1.10.1"),
        (["v1.2.3", "v2.0.0-rc.1"], "major", "v2.0.0"),
        (["v1.2.3", "latest", "rollback/1-v9.0.0"], "minor", "v1.3.0"),
    ],
)
def test_the_next_version(taken, bump, expected):
    assert str(propose(known(taken), bump)) == expected


@given(st.lists(versions), st.sampled_from(["major", "minor", "patch"]))
def test_the_next_version_is_new_and_higher_than_every_final_one(taken, bump):
    proposed = propose(taken, bump)
    assert proposed not in taken
    assert all(version < proposed for version in taken if version.candidate is None)


def test_candidates_count_up():
    taken = known(["v1.1.0-rc.1", "v1.1.0-rc.4", "v1.2.0-rc.9"])
    assert str(next_candidate(Version(1, 1, 0), taken)) == "v1.1.0-rc.5"
    assert str(next_candidate(FIRST, taken)) == "v1.0.0-rc.1"
    assert Version.parse("v1.1.0-rc.4").final == Version(1, 1, 0)
