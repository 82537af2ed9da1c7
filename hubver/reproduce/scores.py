"""Whether a model that was made again does the same on the project's tasks as the published one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubver.gate import compare_tasks
from hubver.gate.compare import compare
from hubver.record.folder import adapter
from hubver.record.folder.files import ADAPTER_CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hubver.pins import Pin
    from hubver.record.schema import Base
    from hubver.reproduce.compare import Grade
    from hubver.settings import Settings


@dataclass(frozen=True)
class Scored:
    """Both models on the same examples of one task.

    Attributes:
        task: its name.
        examples: how many.
        differing: on how many of them the scores are not the same number.
        recorded: the published model's mean score.
        produced: that of the model made again.
    """

    task: str
    examples: int
    differing: int
    recorded: float
    produced: float


def need_tasks(settings: Settings) -> None:
    """Raise now, not after hours of training, where there is nothing to compare on.

    Raises:
        BadInput: the project has no tasks, or one cannot be read.
    """
    compare_tasks.find((), settings.gates_directory, settings)


def score(
    pin: Pin, output: Path, base: Base, place: Path, *, settings: Settings, progress: Callable[[str], None]
) -> tuple[Scored, ...]:
    """Score the published revision and the model in a folder on all the project's tasks.

    Args:
        pin: the published revision.
        output: where the run left its model.
        base: the base model as recorded; an adapter made again is judged on the same commit of it.
        place: a folder that is made to look at an adapter with that commit named; what the run left stays as it is.

    Raises:
        BadInput: a scorer gave what is no score.
        HarnessFailed, NotFound, HubUnreachable, HubFailed: a model cannot be fetched, loaded or run.
    """
    if (output / ADAPTER_CONFIG).is_file() and base.id is not None:
        output = _on_its_base(output, base, place)
    found = compare(f"{pin.repo_id}@{pin.sha}", str(output), settings=settings, progress=progress)
    wholes = [task.whole for task in found.tasks]
    return tuple(Scored(whole.name, whole.n, whole.won + whole.lost, whole.a, whole.b) for whole in wholes)


def graded(grade: Grade, scores: Sequence[Scored]) -> Grade:
    """The grade, with the scores heard too: they can only make it worse, since nobody has asked everything."""
    return "different" if any(scored.differing for scored in scores) else grade


def _on_its_base(output: Path, base: Base, place: Path) -> Path:
    place.mkdir()
    for file in output.iterdir():
        (place / file.name).symlink_to(file.resolve())
    config = place / ADAPTER_CONFIG
    raw = config.read_bytes()
    config.unlink()
    config.write_bytes(adapter.normalised_config(raw, base.id, base.sha))
    return place
