"""Every byte that goes to a Hub, or comes from one, passes through here."""

from __future__ import annotations
