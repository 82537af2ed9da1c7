"""How this process was started: from a script, as a module, by an installed command, or cell by cell in a notebook."""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


@dataclass(frozen=True)
class Started:
    """The start of a process.

    Attributes:
        script: the user's file that ran, or the notebook; None where there is none, or it is not known.
        module: what `python -m` ran.
        command: the installed command that ran, such as `trl`.
        cells: the cells of a notebook that have run so far, as one script; None where it is no notebook.
        argv: the arguments.
    """

    script: Path | None = None
    module: str | None = None
    command: str | None = None
    cells: str | None = None
    argv: tuple[str, ...] = ()


def of_process(argv: Sequence[str], main: ModuleType | None, notebook: str | None = None) -> Started:
    """How the process was started.

    Args:
        argv: its command line, the script first, as in `sys.argv`.
        main: its `__main__` module, which knows of `python -m`, and in a notebook of the cells.
        notebook: the notebook's file, where the platform names it.
    """
    shell = _shell(main)
    if shell is not None:
        file = notebook or getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__")
        script = Path(file).resolve() if file else None
        return Started(script=script if script and script.is_file() else None, cells=_cells(shell))
    file = Path(argv[0]).resolve() if argv and argv[0] not in {"", "-c", "-m"} else None
    if file is None or not file.is_file():
        return Started(argv=tuple(argv[1:]))
    own = None if is_installed(file) else file
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.origin and Path(spec.origin).resolve() == file:
        return Started(own, module=spec.name.removesuffix(".__main__"), argv=tuple(argv[1:]))
    return Started(own, command=file.name if own is None else None, argv=tuple(argv[1:]))


def is_installed(file: Path) -> bool:
    """Whether a file came with an installed distribution, and so is pinned by its version."""
    places = {Path(sysconfig.get_path(name)).resolve() for name in ("scripts", "purelib", "platlib", "stdlib")}
    beside_python = Path(sys.executable).parent.resolve()
    return any(file.is_relative_to(place) for place in places) or file.parent == beside_python


def _shell(main: ModuleType | None) -> Any:
    """The IPython shell of a notebook's kernel, which puts `get_ipython` into `__main__`; else None."""
    get = getattr(main, "get_ipython", None)
    shell = get() if callable(get) else None
    return shell if hasattr(shell, "user_ns") else None


def _cells(shell: Any) -> str:
    """The cells as they were typed, in the order in which they ran; cells that never ran are not among them."""
    history = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None) or shell.user_ns.get("In", ())
    return "\n\n".join(f"# %%\n{cell.rstrip()}" for cell in history if str(cell).strip()) + "\n"
