"""What the tools that wrap a trainer leave in its output folder: read, never run, and never taken for more than it says.

One module for each tool, each with `recognise(place)`; `detect.look` asks them in turn.
"""

from __future__ import annotations
