"""Text files and snippets as highlighted lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

if TYPE_CHECKING:
    from pygments.lexer import Lexer

LONGEST_HIGHLIGHTED = 100_000
"""Characters up to which a text is highlighted; longer ones are shown plain."""

_LONGEST_LINE = 5_000
_FORMATTER = HtmlFormatter(nowrap=True)


def highlighted(text: str, *, language: str = "", name: str = "") -> Markup:
    """The text as HTML, each line with its own elements.

    Args:
        text: anything.
        language: what a person called its language.
        name: name of the file it is from, where there is no language.
    """
    lexer = _lexer(text, language, name)
    if lexer is None:
        return escape(text)
    return Markup(highlight(text, lexer, _FORMATTER))  # noqa: S704 - the formatter escapes


def lines(text: str, name: str) -> list[Markup]:
    """The lines of a file as HTML."""
    shown = highlighted(text, name=name).split("\n")
    return shown[:-1] if text.endswith("\n") or shown[-1] == "" else shown


def _lexer(text: str, language: str, name: str) -> Lexer | None:
    if len(text) > LONGEST_HIGHLIGHTED or max(map(len, text.split("\n"))) > _LONGEST_LINE:
        return None
    try:
        if language:
            return get_lexer_by_name(language, stripnl=False, ensurenl=False)
        return get_lexer_for_filename(name or "x", stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
