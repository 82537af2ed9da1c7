"""The command line: each command parses, calls one verb, and hands its result to the output."""

from __future__ import annotations
