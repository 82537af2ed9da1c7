"""The trackers' packages are not among the tests' own; these stand-ins hold what the real ones were seen to hold."""

from __future__ import annotations

import contextvars
import platform
import sys
import types

import pytest

from hubver.record.observe.links import joined, links_of, public_url
from hubver.record.schema import Link


def module(monkeypatch, name, **names):
    made = types.ModuleType(name)
    vars(made).update(names)
    monkeypatch.setitem(sys.modules, name, made)


def thing(**names):
    return types.SimpleNamespace(**names)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://wandb.ai/o/p/runs/1?apiKey=s3cret", "https://wandb.ai/o/p/runs/1"),
        ("https://me:pass@mlflow.example.org:5000/x", "https://mlflow.example.org:5000/x"),
        ("http://localhost:5000", None),
        ("http://127.0.0.1:5000", None),
        (f"http://{platform.node()}:5000", None),
        ("file:///home/alice/mlruns", None),
        ("sqlite:////home/alice/m.db", None),
        ("databricks", None),
        (None, None),
    ],
)
def test_addresses_that_others_can_open(address, shown):
    assert public_url(address) == shown


def test_no_tracker():
    assert links_of([object()]) == ()


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("https://mlflow.example.org/", "https://mlflow.example.org/#/experiments/3/runs/abc"),
        ("file:///home/alice/mlruns", None),
    ],
)
def test_mlflow(monkeypatch, server, url):
    run = thing(info=thing(run_id="abc", experiment_id="3"))
    module(monkeypatch, "mlflow", active_run=lambda: run, get_tracking_uri=lambda: server)
    assert links_of([]) == (Link(kind="mlflow", id="abc", url=url),)
    module(monkeypatch, "mlflow", active_run=lambda: None, get_tracking_uri=lambda: server)
    assert links_of([]) == ()


def test_wandb(monkeypatch):
    module(monkeypatch, "wandb", run=thing(id="n0pd2g53", url="https://wandb.ai/o/p/runs/n0pd2g53"))
    assert links_of([]) == (Link(kind="wandb", id="n0pd2g53", url="https://wandb.ai/o/p/runs/n0pd2g53"),)
    module(monkeypatch, "wandb", run=None)
    assert links_of([]) == ()


@pytest.mark.parametrize(("space", "url"), [("o/board", "https://huggingface.co/spaces/o/board"), (None, None)])
def test_trackio(monkeypatch, space, url):
    run, board = contextvars.ContextVar("run"), contextvars.ContextVar("space")
    run.set(thing(project="p", name="dainty-sunset-0", url=None))
    board.set(space)
    module(monkeypatch, "trackio.context_vars", current_run=run, current_space_id=board)
    assert links_of([]) == (Link(kind="trackio", id="p/dainty-sunset-0", url=url),)


@pytest.mark.parametrize(("ended", "links"), [(False, (Link(kind="comet", id="f34"),)), (True, ())])
def test_comet(monkeypatch, ended, links):
    module(monkeypatch, "comet_ml", get_running_experiment=lambda: thing(id="f34", url=None, ended=ended))
    assert links_of([]) == links


def test_tensorboard_and_codecarbon_are_known_by_transformers_own_callbacks():
    tracker = type("EmissionsTracker", (), {"__module__": "codecarbon.emissions_tracker", "run_id": "a793"})()
    found = links_of([thing(tb_writer=object()), thing(tracker=tracker), thing(tb_writer=None), thing(tracker=1)])
    assert found == (Link(kind="tensorboard"), Link(kind="codecarbon", id="a793"))


def test_a_tracker_that_breaks_hides_no_other(monkeypatch):
    def broken():
        raise RuntimeError("another version")

    module(monkeypatch, "mlflow", active_run=broken)
    module(monkeypatch, "wandb", run=thing(id="1", url=None))
    assert [link.kind for link in links_of([])] == ["wandb"]


def test_what_was_seen_earlier_stays_and_a_page_that_is_known_later_is_kept():
    earlier = (Link(kind="wandb", id="1"), Link(kind="mlflow", id="2", url="https://m"))
    later = (Link(kind="wandb", id="1", url="https://w"), Link(kind="mlflow", id="2"))
    assert joined(earlier, later) == (Link(kind="wandb", id="1", url="https://w"), earlier[1])
    assert joined(earlier, ()) == earlier
