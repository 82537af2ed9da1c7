from __future__ import annotations

import json

import pytest

from hubver.errors import BadInput
from hubver.record.folder.adapter import described, normalised_config

SHA = "b" * 40


def test_the_base_is_pinned_and_everything_else_is_kept():
    raw = {
        "base_model_name_or_path": "/home/me/base",
        "revision": None,
        "target_modules": ["v_proj", "q_proj"],
        "layers_to_transform": [2, 1],
        "later": {"x": "é"},
    }
    published = json.loads(normalised_config(json.dumps(raw).encode(), "acme/base", SHA))
    expected = {"base_model_name_or_path": "acme/base", "revision": SHA, "target_modules": ["q_proj", "v_proj"]}
    assert published == {**raw, **expected}


def test_the_order_of_sets_does_not_show():
    one, other = ({"target_modules": list(order), "modules_to_save": list(order)} for order in ("abc", "cab"))
    assert normalised_config(json.dumps(one).encode(), "a/b", SHA) == normalised_config(
        json.dumps(other).encode(), "a/b", SHA
    )


def test_a_pattern_of_modules_stays_a_pattern():
    published = json.loads(normalised_config(b'{"target_modules": "all-linear"}', "a/b", SHA))
    assert published["target_modules"] == "all-linear"


def test_a_base_without_a_hub_id_leaves_no_path():
    published = json.loads(normalised_config(b'{"base_model_name_or_path": "/home/me/base"}', None, None))
    assert (published["base_model_name_or_path"], published["revision"]) == (None, None)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(b"", "not valid JSON", id="empty"),
        pytest.param(b'{"r": 8', "not valid JSON", id="cut short"),
        pytest.param(b"\xff\xfe{}", "not valid JSON", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "not valid JSON", id="deep nesting"),
        pytest.param(b"[1]", "found list", id="a list"),
        pytest.param(b'{"alpha": NaN}', "NaN", id="NaN"),
    ],
)
def test_a_broken_configuration_is_refused(raw, message):
    with pytest.raises(BadInput, match=message) as raised:
        normalised_config(raw, "a/b", SHA)
    assert raised.value.hint


def test_the_record_describes_it_without_base_and_secrets():
    config = {"base_model_name_or_path": "/home/me/base", "revision": "main", "r": 8, "hub_token": "abc123"}
    assert described(config) == {"r": 8, "hub_token": "[redacted]"}
