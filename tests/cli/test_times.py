from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from hubver.cli.times import ago, span

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(days=800), "2 years"),
        (timedelta(days=729), "729 days"),
        (timedelta(days=3, hours=23), "3 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=59.9), "59 seconds"),
        (timedelta(seconds=0.9), "under a second"),
        (timedelta(0), "under a second"),
        (timedelta(seconds=-1), "no time"),
    ],
)
def test_a_length_is_said_in_its_largest_unit(length, words):
    assert span(length) == words


@pytest.mark.parametrize(("seconds", "words"), [(7200, "2 hours ago"), (0.5, "just now"), (-60, "just now")])
def test_what_a_clock_ahead_says_was_just_now(seconds, words):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words
