from __future__ import annotations

from hubver.progress import Meter, size


def test_a_line_every_two_seconds_and_none_for_what_is_over_sooner():
    lines, now = [], [100.0]
    meter = Meter(lines.append, "hashed", clock=lambda: now[0])
    for second, done in [(1.9, 1), (2.0, 2e9), (3.9, 3e9), (4.0, 5e9), (9.0, 8e9)]:
        now[0] = 100.0 + second
        meter(int(done), 8_000_000_000)
    assert lines == [
        "hashed 2.0 of 8.0 GB (1.0 GB/s)",
        "hashed 5.0 of 8.0 GB (1.2 GB/s)",
        "hashed 8.0 of 8.0 GB (888.9 MB/s)",
    ]


def test_sizes_are_for_people():
    assert [size(count) for count in (0, 1_234_567, 999_000_000, 1e9, 2.34e12)] == [
        "0.0 MB",
        "1.2 MB",
        "999.0 MB",
        "1.0 GB",
        "2340.0 GB",
    ]
