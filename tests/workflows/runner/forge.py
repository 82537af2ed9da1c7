"""A small GitHub: repositories, and the runs that their events start."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from stock_git import Git
from workflows.runner import events
from workflows.runner.actions import ACTIONS
from workflows.runner.errors import InvalidFile
from workflows.runner.id_tokens import IdTokens
from workflows.runner.repository import MAIN, Repository, files_of
from workflows.runner.run import Run
from workflows.runner.tokens import Tokens
from workflows.runner.triggers import starts
from workflows.runner.workflow import Source

if TYPE_CHECKING:
    from workflows.runner.events import Event

WORKFLOWS = ".github/workflows"
_NOWHERE = "http://127.0.0.1:9"


class Forge:
    """Holds repositories and runs their workflows.

    Args:
        folder: for all that it keeps.
        node: the parser.
        issuer: signs id tokens, see `IdTokens`.
        environment: variables that every step finds, beside GitHub's own.
        path: what steps find as PATH.
        python: the folder of the interpreter that actions/setup-python chooses.
        actions: more actions that are carried out here, by name: functions of a `Use` that answer outputs.

    Attributes:
        api_url: where jobs find GitHub's API; `GithubApi` sets it.
        runs: all runs so far.
    """

    def __init__(self, folder, node, *, issuer=None, environment=None, path=None, python=None, actions=None):
        self.folder = folder
        self.node = node
        self.environment = environment or {}
        self.path = path or os.environ["PATH"]
        self.python = python or Path(sys.executable).parent
        self.actions = {**ACTIONS, **(actions or {})}
        self.api_url = _NOWHERE
        self.tokens = Tokens()
        self.id_tokens = IdTokens(issuer)
        self.repositories = {}
        self.runs = []
        self._numbers = itertools.count(1)
        self._pulls = itertools.count(1)
        self._lock = threading.Lock()
        (folder / "repositories").mkdir(parents=True)
        (folder / "git").mkdir()
        self.git = Git(folder / "git", GIT_CONFIG_GLOBAL=os.devnull)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for run in self.runs:
            run.cancel()
            run.until("completed")
        self.id_tokens.close()
        # What nobody has waited for was not supported in vain.
        finished(self.runs)

    def repository(self, name, files, *, private=True):
        """Make a repository whose default branch holds files: a mapping by path, or those of a folder."""
        return self._add(name, files, private=private)

    def library(self, name, files):
        """The same for what others pin: a public repository where any sha in a `uses` means the default branch."""
        return self._add(name, files, private=False, any_pin=True)

    def _add(self, name, files, **settings):
        path = self.folder / "repositories" / f"{name.replace('/', '+')}.git"
        repository = Repository(name, path, self.git, **settings)
        repository.commit(files_of(files, self.git) if isinstance(files, Path) else files)
        self.repositories[name] = repository
        return repository

    def unpacked(self, repository, sha):
        """The files of a commit in a folder, as a runner unpacks the repositories of actions."""
        folder = self.folder / "actions" / repository.name.replace("/", "+") / repository.find(sha)
        with self._lock:
            if not folder.exists():
                repository.export(sha, folder)
        return folder

    def dispatch(self, repository, event_type, payload=None, *, actor="dev"):
        """A `repository_dispatch`; answer the runs that it starts."""
        if payload is not None and len(payload) > 10:
            raise ValueError("a dispatch has at most ten keys in its payload")
        fields = {"action": event_type, "branch": MAIN, "client_payload": payload}
        return self.send(events.on_default_branch(repository, "repository_dispatch", actor, **fields))

    def workflow_dispatch(self, repository, file, inputs=None, *, ref=MAIN, actor="dev"):
        """Start one workflow by hand; answer its run.

        Raises:
            LookupError: there is no such workflow to be started by hand on that ref.
            InvalidInputs: it does not take these.
        """
        event = events.workflow_dispatch(repository, ref, inputs or {}, actor)
        started = self._matching(event, only=f"{WORKFLOWS}/{file}")
        if not started:
            raise LookupError(f"{file} has no trigger workflow_dispatch on {ref}")
        started[0].check_inputs()
        return self._start(started)[0]

    def schedule(self, repository, cron):
        """The time of a cron expression has come; answer the runs that it starts."""
        return self.send(events.on_default_branch(repository, "schedule", "dev", schedule=cron))

    def push(self, repository, ref, *, before, actor="dev"):
        """Something was pushed to a full ref; answer the runs that it starts."""
        return self.send(events.push(repository, ref, before, actor))

    def pull_request(self, repository, branch, *, head=None, number=None, action="opened", actor="dev", title="Change"):
        """A pull request of a branch onto the default branch; answer the runs that it starts.

        Args:
            head: the fork that the branch is in; none means the repository itself.
            number: of an earlier one that goes on.
        """
        number = number or next(self._pulls)
        fields = {"action": action, "actor": actor, "title": title}
        return self.send(events.pull_request(repository, number, head or repository, branch, **fields))

    def send(self, event: Event):
        """Start the runs of the workflows that wait for an event; answer them."""
        return self._start(self._matching(event))

    def _matching(self, event, only=None):
        matching = []
        for path in event.repository.names(event.sha, WORKFLOWS):
            source = Source(event.repository, event.sha, event.ref, path)
            if path.endswith((".yml", ".yaml")) and only in {None, path} and self._waits_for(event, source):
                matching.append(Run(self, event, source, next(self._numbers)))
        return matching

    def _start(self, runs):
        with self._lock:
            self.runs += runs
        return [run.start() for run in runs]

    # A file that GitHub cannot read makes a run that fails at once.
    def _waits_for(self, event, source):
        content = source.repository.read(source.sha, source.path)
        try:
            return starts(self.node.parse(source.path, content, "workflow"), event)
        except InvalidFile:
            return True


def finished(started):
    """Wait for runs; answer them."""
    return [run.wait() for run in started]
