"""What was taken on is done in turn, again where it failed, and not left without a word at the end."""

from __future__ import annotations

import queue
import threading

import pytest

from hubver.ci.relay.outbox import Outbox


class Work:
    """Keeps what it is told to do; each fails as often as `failures` says."""

    def __init__(self, **failures):
        self.failures = failures
        self.done = queue.Queue()
        self.given_up = queue.Queue()
        self.open = threading.Event()
        self.open.set()

    def do(self, work):
        self.open.wait(60)
        self.done.put(work)
        left = self.failures.get(work, 0)
        self.failures[work] = left - 1
        return left <= 0

    def outbox(self, **more):
        return Outbox(self.do, self.given_up.put, **{"tries": 5, "most": 10, **more})


def taken(found):
    return [found.get_nowait() for _ in range(found.qsize())]


def test_it_goes_in_turn_and_what_fails_waits_while_others_go_on():
    work = Work(b=1)
    outbox = work.outbox()
    assert all(outbox.put(one) for one in "abc")
    assert [work.done.get(timeout=60) for _ in range(4)] == ["a", "b", "c", "b"]
    outbox.finish(60)
    assert (taken(work.done), taken(work.given_up), outbox.waiting) == ([], [], 0)


def test_it_is_tried_so_often_and_then_given_up():
    work = Work(a=9)
    outbox = work.outbox(tries=2)
    outbox.put("a")
    assert work.given_up.get(timeout=60) == "a"
    assert taken(work.done) == ["a", "a"]
    outbox.finish(60)
    assert taken(work.given_up) == []


def test_it_takes_so_much_and_nothing_after_the_end():
    work = Work()
    work.open.clear()
    outbox = work.outbox(most=2)
    outbox.put("a")
    while outbox.waiting:
        pass  # until the thread has taken it up
    assert [outbox.put(one) for one in "bcd"] == [True, True, False]
    work.open.set()
    outbox.finish(60)
    assert taken(work.done) == ["a", "b", "c"]
    assert not outbox.put("e")


def test_at_the_end_what_would_wait_too_long_is_tried_once_more_at_once():
    work = Work(a=2)
    outbox = work.outbox()
    outbox.put("a")
    assert work.done.get(timeout=60) == "a"
    outbox.finish(0.5)  # it would wait a second
    assert (taken(work.done), taken(work.given_up)) == (["a"], ["a"])


@pytest.mark.parametrize("patience_s", [0.0, 0.2])
def test_what_has_no_time_left_is_given_up_by_name(patience_s):
    work = Work()
    work.open.clear()
    outbox = work.outbox()
    for one in "abc":
        outbox.put(one)
    outbox.finish(patience_s)
    left = taken(work.given_up)
    assert left in (["b", "c"], ["a", "b", "c"])
    work.open.set()
