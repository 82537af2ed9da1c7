"""Git for everyone: what a push may do and what a fetch gets, by the protocols that git itself speaks."""

from __future__ import annotations
