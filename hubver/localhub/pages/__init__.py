"""Pages for people: what a Hub holds, read in a browser, at the addresses that the real Hub has for them.

They change nothing but who is signed in, need no script to be read, and ask no other host for anything.
"""

from __future__ import annotations
