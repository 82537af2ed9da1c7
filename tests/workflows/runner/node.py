"""GitHub's own workflow parser and expression engine, in a node process that answers one question after another."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

from workflows.runner.errors import InvalidExpression, InvalidFile

SCRIPTS = Path(__file__).parent / "js"


class Node:
    """Asks the packages in `folder`; any thread may ask."""

    def __init__(self, folder):
        self._lock = threading.Lock()
        self._parsed = {}
        self._process = subprocess.Popen(
            ["node", "--no-warnings", "--import", "./json-imports.mjs", "driver.mjs"],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self):
        with self._process as process:
            process.stdin.close()
            process.wait(timeout=30)

    def parse(self, name, content, kind):
        """A workflow or an action as plain data, where an expression is `{"$expr": "..."}`.

        Raises:
            InvalidFile: GitHub would refuse it.
        """
        question = (name, content, kind)
        if question not in self._parsed:
            answer = self._ask(about="parse", name=name, content=content, kind=kind)
            if answer.get("error") or answer["errors"]:
                raise InvalidFile(name, answer.get("errors") or [answer["error"]])
            self._parsed[question] = answer["document"]
        return self._parsed[question]

    def evaluate(self, expression, contexts, status, hash_files):
        """An expression's `value`, the same as `text`, and its `truth`.

        Args:
            hash_files: answers the digest for a list of patterns, where the expression asks for it.

        Raises:
            InvalidExpression: it names what is not there, or cannot be computed.
        """
        hashes = {}
        while True:
            answer = self._ask(about="evaluate", expression=expression, contexts=contexts, status=status, hashes=hashes)
            if "patterns" not in answer:
                break
            hashes[json.dumps(answer["patterns"], separators=(",", ":"), ensure_ascii=False)] = hash_files(
                answer["patterns"]
            )
        if "error" in answer:
            raise InvalidExpression(f"{answer['error']}, in ${{{{ {expression} }}}}")
        return answer

    def _ask(self, **question):
        with self._lock:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"node has ended with exit code {self._process.wait(30)}")
        return json.loads(answer)
