"""`python -m hubver`."""

from __future__ import annotations

from hubver.cli.main import main

main()
