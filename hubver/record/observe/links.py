"""Which trackers follow the same run, by what their own packages say. Nothing is imported, started or asked remotely."""

from __future__ import annotations

import platform
import sys
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from hubver.record.schema import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOCAL = frozenset({"", "localhost", "0.0.0.0", "::1"})  # noqa: S104  # compared with, never listened on


def links_of(callbacks: Iterable[Any]) -> tuple[Link, ...]:
    """The runs that trackers have open in this process.

    Args:
        callbacks: the trainer's callbacks, for trackers that keep their state there (TensorBoard, CodeCarbon).
    """
    asked: list[Callable[[], Link | None]] = [_mlflow, _wandb, _trackio, _comet]
    asked += [partial(_of_callback, callback) for callback in callbacks]
    found: dict[Link, None] = {}
    for ask in asked:
        try:
            link = ask()
        except Exception:  # noqa: BLE001, S112  # another version of a stranger's package; the others are still asked
            continue
        if link is not None:
            found[link] = None
    return tuple(found)


def joined(earlier: Iterable[Link], later: Iterable[Link]) -> tuple[Link, ...]:
    """Both, each run once: a tracker may end its run before ours ends, and may know the page only after its start."""
    found: dict[tuple[str, str | None], Link] = {}
    for link in (*earlier, *later):
        known = found.get((link.kind, link.id))
        found[link.kind, link.id] = link if known is None or link.url else known
    return tuple(found.values())


def public_url(address: Any) -> str | None:
    """The address of a page, without credentials and query; None for one that only this machine can open."""
    if not isinstance(address, str):
        return None
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"http", "https"} or host in _LOCAL or host.startswith("127."):
        return None
    if host == platform.node().lower():
        return None
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", parts.fragment))


def _mlflow() -> Link | None:
    """`mlflow.active_run()`; the page's address is that of the tracking server's own web interface."""
    mlflow: Any = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow else None
    if run is None:
        return None
    server = public_url(mlflow.get_tracking_uri())
    page = f"{server.rstrip('/')}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}" if server else None
    return Link(kind="mlflow", id=str(run.info.run_id), url=page)


def _wandb() -> Link | None:
    """`wandb.run`, whose `url` is None offline."""
    run: Any = getattr(sys.modules.get("wandb"), "run", None)
    return Link(kind="wandb", id=str(run.id), url=public_url(run.url)) if run is not None else None


def _trackio() -> Link | None:
    """`trackio.context_vars.current_run`; its page is a Space, where it has one."""
    variables: Any = sys.modules.get("trackio.context_vars")
    run = variables.current_run.get() if variables else None
    if run is None:
        return None
    space = variables.current_space_id.get()
    page = f"https://huggingface.co/spaces/{space}" if space else run.url
    return Link(kind="trackio", id=f"{run.project}/{run.name}", url=public_url(page))


def _comet() -> Link | None:
    """`comet_ml.get_running_experiment()`, whose `url` is None offline; it also returns one that has ended."""
    comet: Any = sys.modules.get("comet_ml")
    experiment = comet.get_running_experiment() if comet else None
    if experiment is None or experiment.ended:
        return None
    return Link(kind="comet", id=str(experiment.id), url=public_url(experiment.url))


def _of_callback(callback: Any) -> Link | None:
    """Transformers' own callbacks for TensorBoard (`tb_writer`) and CodeCarbon (`tracker`)."""
    if getattr(callback, "tb_writer", None) is not None:
        return Link(kind="tensorboard")
    tracker: Any = getattr(callback, "tracker", None)
    if type(tracker).__module__.partition(".")[0] == "codecarbon":
        return Link(kind="codecarbon", id=str(tracker.run_id))
    return None
