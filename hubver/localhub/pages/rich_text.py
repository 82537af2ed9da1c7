"""Markdown to HTML that can do no harm: only plain elements, no script, no style, nothing from other hosts."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from hubver.localhub.pages.code import highlighted
from hubver.localhub.pages.links import ANCHOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.renderer import RendererProtocol
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

    from hubver.localhub.pages.links import Base

LONGEST_TEXT = 100_000
"""Characters of a text that are rendered; the rest is left to the file's own page."""

_HEADINGS = {f"h{level}" for level in range(1, 7)}
_TAGS = {
    *_HEADINGS,
    *("p", "div", "span", "br", "hr", "center", "blockquote", "q", "pre", "code", "kbd", "samp", "var", "tt"),
    *("a", "img", "picture", "figure", "figcaption", "details", "summary"),
    *("b", "strong", "i", "em", "u", "s", "strike", "del", "ins", "mark", "small", "sub", "sup", "abbr"),
    *("ul", "ol", "li", "dl", "dt", "dd"),
    *("table", "thead", "tbody", "tfoot", "tr", "th", "td"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
    "span": {"class"},
    "details": {"open"},
    **{tag: {"id", "align"} for tag in _HEADINGS},
    **{tag: {"align"} for tag in ("p", "div", "table", "tr")},
}
_ALLOWED_VALUES = {
    "class": re.compile(r"[a-z][a-z0-9]{0,2}"),  # those of highlighted code; the page's own names are longer
    "align": re.compile(r"left|right|center"),
    "width": re.compile(r"\d{1,4}%?"),
    "height": re.compile(r"\d{1,4}%?"),
    "start": re.compile(r"\d{1,9}"),
    "colspan": re.compile(r"\d{1,2}"),
    "rowspan": re.compile(r"\d{1,2}"),
}


@lru_cache(64)
def render(text: str, base: Base) -> Markup:
    """Render a text of which nothing is known.

    Args:
        text: Markdown with HTML in it; at most `LONGEST_TEXT` characters are taken.
        base: what its relative links start from.
    """
    html = _PARSER.render(text[:LONGEST_TEXT])

    def checked(_tag: str, attribute: str, value: str) -> str | None:
        if attribute == "href":
            return base.link(value)
        if attribute == "src":
            return base.image(value)
        if attribute == "id":
            return ANCHOR + _slug(value)
        pattern = _ALLOWED_VALUES.get(attribute)
        return value if pattern is None or pattern.fullmatch(value) else None

    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=checked,
        clean_content_tags={"script", "style", "title", "textarea", "iframe", "noscript", "svg", "math"},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # noqa: S704 - it was just cleaned, and nothing may be done to it afterwards


def _fence(
    _renderer: RendererProtocol, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType
) -> str:
    token = tokens[index]
    language = token.info.split()[0] if token.info.split() else ""
    return f"<pre><code>{highlighted(token.content, language=language)}</code></pre>\n"


def _heading(
    renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    tokens[index].attrSet("id", tokens[index + 1].content)
    return str(renderer.renderToken(tokens, index, options, env))  # type: ignore[attr-defined]  # the HTML renderer has it


def _cell(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """A cell of a table, which says how it is aligned without a style."""
    token = tokens[index]
    _, _, side = str(token.attrs.pop("style", "")).partition("text-align:")
    if side:
        token.attrSet("align", side)
    return str(renderer.renderToken(tokens, index, options, env))  # type: ignore[attr-defined]  # the HTML renderer has it


def _slug(text: str) -> str:
    return re.sub(r"[^\w-]+", "", text.strip().lower().replace(" ", "-"))[:80]


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 20}).enable(["table", "strikethrough"])
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("heading_open", _heading)
    parser.add_render_rule("td_open", _cell)
    parser.add_render_rule("th_open", _cell)
    return parser


_PARSER = _parser()
