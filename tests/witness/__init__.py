"""huggingface_hub's own tests, run against the embedded Hub: `make witness CHECKOUT=path/to/huggingface_hub`.

The project keeps none of their code. Whoever has a checkout (its `tests` folder is enough) points this package at it;
the tests then talk to a `LocalHub` in place of the staging Hub that they were written for, and a report tells file by
file what passed, what failed, and what asks for more than the embedded Hub offers.
"""

from __future__ import annotations
