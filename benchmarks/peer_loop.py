"""How a way of releasing is asked to do something: one line in, one line out, in a process that has imported everything.

Imports nothing but the standard library, because peers run in environments of their own.
"""

from __future__ import annotations

import json
import sys
import time


def serve(operations) -> None:
    """Do what each line of stdin asks for, and answer how long it took; or with arguments, do one thing and end.

    Args:
        operations: name → what to call with the line's arguments.
    """
    if len(sys.argv) > 1:
        print(operations[sys.argv[1]](**json.loads(sys.argv[2])))
        return
    for line in sys.stdin:
        asked = json.loads(line)
        operation = operations[asked.pop("operation")]
        began = time.perf_counter()
        found = operation(**asked)
        took = time.perf_counter() - began
        print(json.dumps({"seconds": took, "found": str(found)}), flush=True)
