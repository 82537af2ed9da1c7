"""A verdict for people: in words on a terminal, as Markdown for a pull request, as one page with pictures."""

from __future__ import annotations

from hubver.gate.report.comment import markdown
from hubver.gate.report.console import line, properties, terminal
from hubver.gate.report.words import sentence

__all__ = ["line", "markdown", "properties", "sentence", "terminal"]
