from __future__ import annotations

from datetime import datetime, timezone
from itertools import pairwise
from types import SimpleNamespace

import pytest

from hubver.record.folder.trainer_state import clean_history, thinned
from hubver.record.observe import watch
from hubver.record.schema import RunRecord


def history(length: int, *, every: int) -> list[dict[str, float]]:
    return [{"step": n, "eval_loss" if n % every == every - 1 else "loss": 0.5} for n in range(length)]


@pytest.mark.parametrize("length", [0, 1, 2000])
def test_a_short_log_is_kept_whole(length):
    rows = history(length, every=3)
    assert thinned(rows) == (tuple(rows), [])


@pytest.mark.parametrize("length", [2001, 5000, 123_457])
@pytest.mark.parametrize("every", [100, 10**9])
def test_a_long_log_is_thinned_evenly_around_its_evaluations(length, every):
    rows = history(length, every=every)
    kept, (gap,) = thinned(rows)
    assert len(kept) == 2000
    steps = [row["step"] for row in kept]
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, length - 1)
    assert {row["step"] for row in rows if "eval_loss" in row} <= set(steps)
    assert max(after - before for before, after in pairwise(steps)) <= 3 * length / 2000 + 2
    assert gap.reason.startswith(f"{length} entries were logged; 2000 of them are kept")


def test_more_evaluations_than_are_kept_are_thinned_too():
    rows = history(9000, every=1)
    kept, _ = thinned(rows)
    assert len(kept) == 2000
    assert (kept[0], kept[-1]) == (rows[0], rows[-1])


def test_long_text_in_the_log_is_cut():
    (row,) = clean_history([{"completions": "x" * 10_000, "loss": 1.0, "done": True, "note": None}])
    assert row == {"completions": "x" * 200, "loss": 1.0, "done": True, "note": None}


def test_a_run_keeps_a_thinned_log_and_says_so_once():
    begun = RunRecord(run_id="run-1", created=datetime(2026, 1, 2, tzinfo=timezone.utc))
    state = SimpleNamespace(log_history=history(3000, every=7), num_input_tokens_seen=0, epoch=1.0, global_step=3000)
    args = SimpleNamespace(device=SimpleNamespace(type="cpu"))
    held = watch.Held(args, state, None, None, None, None, {})
    record = watch.until_now(begun, held, 1.0, None)
    assert len(record.training.log_history) == 2000
    (gap,) = [gap for gap in record.gaps if gap.field == "training.log_history"]
    assert gap.reason.startswith("3000 entries")
    assert [metric.name for metric in record.metrics] == ["eval_loss"]
