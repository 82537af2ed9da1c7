"""hubver: from the end of training to production on the Hugging Face Hub, and back again when it misbehaves."""

from __future__ import annotations

__version__ = "0.1.0.dev0"
