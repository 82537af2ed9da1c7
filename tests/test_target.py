from __future__ import annotations

import pytest

from hubver.errors import BadInput
from hubver.target import Target


@pytest.mark.parametrize("text", ["acme/router", "acme/router@v1.0.0", "a/b@refs/pr/7", "A-1/b_2.c@" + "0" * 40])
def test_a_target_is_read_as_it_is_written(text):
    assert str(Target.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "router",
        "@v1",
        "acme/",
        "/router",
        "a/b/c",
        "acme/router@",
        "acme/ro uter",
        "../etc@v1",
        "acme/a--b",
        "acme/a..b",
    ],
)
def test_what_is_no_target(text):
    with pytest.raises(BadInput, match="does not name"):
        Target.parse(text)


def test_a_revision_can_be_needed_or_have_no_meaning():
    with pytest.raises(BadInput, match="does not name a revision"):
        Target.parse("acme/router", need_revision=True)
    with pytest.raises(BadInput, match="names a revision"):
        Target.repo("acme/router@v1")
    assert Target.repo("acme/router") == "acme/router"
