"""How a way of releasing is asked to do something: one line in, one line out, in a process that has imported everything.

Imports nothing but the standard library, because peers run in environments of their own.
"""

from __future__ import annotations

import json
import resource
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
        began, used = time.perf_counter(), processor()
        found = operation(**asked)
        cost = {"seconds": time.perf_counter() - began, "processor": processor() - used}
        print(json.dumps({**cost, "found": str(found)}), flush=True)


def processor() -> float:
    """Seconds that this process, and those it has waited for, had of a processor."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
