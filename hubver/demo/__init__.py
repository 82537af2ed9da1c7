"""The demo: a tiny language model that learns to route support tickets, released the way a real one is."""

from __future__ import annotations
