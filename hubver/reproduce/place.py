"""The folder that a run is reproduced in. All that the run is given lies below it, and all that it writes should."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """The rooms of the folder.

    Attributes:
        folder: the whole.
    """

    folder: Path

    @property
    def code(self) -> Path:
        """The run's repository at its commit, with its uncommitted changes."""
        return self.folder / "code"

    @property
    def home(self) -> Path:
        """The run's home directory, so that it finds no configuration, keys or caches of the user's."""
        return self.folder / "home"

    @property
    def cache(self) -> Path:
        """The run's `HF_HOME`."""
        return self.folder / "hf"

    @property
    def work(self) -> Path:
        """The working directory of a run that had it outside of its repository."""
        return self.folder / "work"

    @property
    def elsewhere(self) -> Path:
        """Stands for the root of the file system, where the command names absolute paths."""
        return self.folder / "elsewhere"

    @property
    def temporary(self) -> Path:
        """The run's `TMPDIR`."""
        return self.folder / "tmp"

    @property
    def packages(self) -> Path:
        """Holds hubver itself, for an environment that has none."""
        return self.folder / "packages"

    @property
    def venv(self) -> Path:
        """The virtual environment, where one was asked for."""
        return self.folder / "venv"

    @property
    def log(self) -> Path:
        """What the run printed."""
        return self.folder / "run.log"

    def lay_out(self) -> None:
        """Make the rooms. Hubver is linked, and not its neighbours: a fresh environment must not see those."""
        for room in (self.home, self.cache, self.work, self.elsewhere, self.temporary, self.packages):
            room.mkdir(parents=True, exist_ok=True)
        link = self.packages / "hubver"
        if not link.exists():
            link.symlink_to(Path(__file__).parents[1], target_is_directory=True)
