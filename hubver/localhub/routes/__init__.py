"""The routes of the embedded Hub, one module for each area of its API."""

from __future__ import annotations
