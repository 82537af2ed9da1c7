"""How long a light command takes to start, against the Hub's own command line.

Both run in turn, several times, on the same machine in the same minute; the ratio of the medians is the result, and the
spread of each says how far to trust it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
BIN = Path(sys.executable).parent
HEAVY = ("torch", "transformers", "peft", "datasets", "numpy", "scipy")


def seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def imported(arguments: list[str], environment: dict[str, str]) -> list[str]:
    """Which heavy libraries a command of hubver imports."""
    code = (
        "import json, sys\n"
        "from hubver.cli.main import run\n"
        f"run({arguments!r})\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(_arguments: list[str]) -> None:
    from hubver.localhub import LocalHub

    with LocalHub() as hub:
        environment = {**os.environ, **hub.environment()}
        subprocess.run([BIN / "hf", "repos", "create", "acme/router"], env=environment, check=True, capture_output=True)
        commands = {
            "hubver --help": [str(BIN / "hubver"), "--help"],
            "hubver log acme/router": [str(BIN / "hubver"), "log", "acme/router"],
            "hf --help": [str(BIN / "hf"), "--help"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                times[name].append(seconds(command, environment))
        baseline = statistics.median(times["hf --help"])
        print(f"start-up, median of {ROUNDS} rounds (fastest to slowest), and the ratio to `hf --help`")
        for name, measured in times.items():
            median = statistics.median(measured)
            spread = f"({min(measured):.3f} to {max(measured):.3f})"
            print(f"  {name:<24} {median:.3f} s {spread:<18} {median / baseline:.2f}x")
        for arguments in (["--help"], ["log", "acme/router"]):
            print(
                f"  hubver {' '.join(arguments)} imports of {', '.join(HEAVY)}: {imported(arguments, environment) or 'none'}"
            )
