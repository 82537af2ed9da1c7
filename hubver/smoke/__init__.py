"""Whether what was promoted answers: resolved and loaded as applications do, asked, and put to the project's own tests.

It reads only, writes nothing anywhere, and runs no code of the model's repository unless the settings say so.
"""

from __future__ import annotations

from hubver.smoke.verb import Smoke, smoke

__all__ = ["Smoke", "smoke"]
