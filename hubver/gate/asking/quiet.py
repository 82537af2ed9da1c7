"""Library calls without their noise: no progress bars, no warnings that a user's `filterwarnings = error` would trip on."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

from hubver.errors import HarnessFailed, HubverError, MissingPackage
from hubver.gate.running.public import said

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def library(doing: str) -> Iterator[None]:
    """Run library code quietly, and name what was being done if it breaks.

    Args:
        doing: what is done, such as "loading the candidate".

    Raises:
        MissingPackage: torch, transformers or peft is not installed.
        HarnessFailed: the library raised anything else; its own error is the cause.
    """
    try:
        with warnings.catch_warnings(), _silent_transformers():
            warnings.simplefilter("ignore")
            yield
    except HubverError:
        raise
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"The gate needs the package {error.name!r}.", hint="Install it with: pip install 'hubver[gate]'"
        ) from error
    except Exception as error:
        raise HarnessFailed(f"The evaluation broke while {doing}: {said(error)}") from error


@contextlib.contextmanager
def _silent_transformers() -> Iterator[None]:
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging

    level, bars, hub_bars = logging.get_verbosity(), logging.is_progress_bar_enabled(), not are_progress_bars_disabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
        if hub_bars:
            enable_progress_bars()
