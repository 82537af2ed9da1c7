"""What a training run was: its record (`hubver.json`), captured part by part."""

from __future__ import annotations
