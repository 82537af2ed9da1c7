"""One job on a machine of its own: folders, a token, an environment, and its steps."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

from workflows.runner import permissions, processes
from workflows.runner.commands import Annotation
from workflows.runner.errors import InvalidExpression, Unsupported
from workflows.runner.expressions import is_expression
from workflows.runner.masks import Masks
from workflows.runner.repository import MAIN, Environment, Review
from workflows.runner.results import JobResult, Outcome
from workflows.runner.steps import Steps

_LONGEST_OUTPUT = 1024 * 1024  # https://docs.github.com/en/actions/reference/limits


class Job:
    """Runs one leg of a graph.

    Attributes:
        workspace: where its steps begin.
        temporary: `runner.temp`.
        home: HOME of its steps.
        token: its GITHUB_TOKEN, good until it ends.
        environment: variables of all its steps, with what they put into GITHUB_ENV.
        path: folders that its steps put in front of PATH, newest first.
        posts: what actions do when its steps are over, latest first.
    """

    def __init__(self, graph, leg):
        self.graph, self.leg, self.run = graph, leg, graph.run
        self.forge = self.run.forge
        self.repository = self.run.repository
        self.spec = leg.spec
        self.source = graph.workflow.source
        self.cancellation = leg.cancellation
        self.result = JobResult(leg.name)
        self.failed = False
        self.environment, self.path, self.posts, self.groups = {}, [], [], []
        self.permissions = permissions.reading(leg.permissions) if self.run.event.fork else leg.permissions
        self.result.permissions = self.permissions
        self._make_folders()

    def _make_folders(self):
        self.folder = self.run.new_folder()
        name = self.repository.name.partition("/")[2]
        self.workspace = self.folder / "work" / name / name
        self.temporary = self.folder / "work" / "_temp"
        self.tools = self.folder / "tools"
        self.home = self.folder / "home"
        for folder in (self.workspace, self.temporary, self.tools, self.home):
            folder.mkdir(parents=True)
        self.event_file = self.temporary / "event.json"
        self.event_file.write_text(json.dumps(self.run.event_payload))

    def log(self, text):
        """Add a line to the log, with secrets hidden."""
        self.result.log += f"{self.masks.hide(text)}\n"

    def annotate(self, level, message):
        self.result.annotations.append(Annotation(level, self.masks.hide(message)))
        self.log(f"##[{level}]{message}")

    def execute(self):
        """Run the job; answer its outcome."""
        self.masks = Masks(self.graph.secrets.values.values())
        try:
            self._start()
        except InvalidExpression as error:
            self.annotate("error", str(error))
            self.result.end("failure")
        self.run.record(self.result)
        soft = self.result.result == "failure" and self._is_soft()
        self.result.conclusion = "success" if soft else self.result.result
        return Outcome(self.result.conclusion, self.result.outputs)

    def _is_soft(self):
        try:
            return self.graph.scope(self.leg.contexts).flag(self.spec.get("continue-on-error"))
        except InvalidExpression:
            return False

    def _start(self):
        scope = self.graph.scope(self.leg.contexts)
        self._check_machine(scope.value(self.spec["runs-on"]))
        written = self.spec.get("environment")
        # Its URL may be told by the steps, so it is looked at when they are over.
        plain = written is None or isinstance(written, str) or is_expression(written)
        name = scope.value(written if plain else written["name"])
        # GitHub makes an environment that is not there yet, without any rule.
        environment = self.repository.environments.get(name, Environment()) if name else None
        self.result.environment = name
        if environment and not self._admitted(name, environment):
            self.result.end("failure")
            return
        known = self.graph.secrets.within(None if self.run.event.fork else environment)
        self.masks = Masks(known.values())
        self.token = self.forge.tokens.for_job(self.repository.name, self.permissions)
        self.masks.add(self.token)
        try:
            self._run(self._contexts(known, environment))
        finally:
            self.forge.tokens.revoke(self.token)
            for group in self.groups:
                processes.end(group)

    @staticmethod
    def _check_machine(labels):
        labels = [labels] if isinstance(labels, str) else labels
        if not isinstance(labels, list) or not all(str(label).startswith("ubuntu-") for label in labels):
            raise Unsupported(f"runs-on: {labels}")

    # https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/review-deployments:
    # "If a job is rejected, the workflow will fail."
    def _admitted(self, name, environment):
        ref = self.run.event.ref
        if environment.branches is not None and ref.removeprefix("refs/heads/") not in environment.branches:
            self.annotate("error", f"{ref} is not allowed to deploy to {name} due to environment protection rules.")
            return False
        if environment.review is None:
            return True
        with self.run.waiting("waiting"):
            approved = environment.review(Review(name, self.run, self.leg.name))
        if not approved:
            self.annotate("error", f"The deployment to {name} was rejected")
        return approved

    def _contexts(self, known, environment):
        source = self.source
        contexts = {
            **self.leg.contexts,
            "secrets": {**known, "GITHUB_TOKEN": self.token},
            "vars": {**self.repository.variables, **(environment.variables if environment else {})},
            "runner": {
                "os": "Linux",
                "arch": "X64",
                "name": "GitHub Actions 1",
                "environment": "github-hosted",
                "temp": str(self.temporary),
                "tool_cache": str(self.tools),
                "workspace": str(self.workspace.parent),
            },
            # https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#job-context: of the file that
            # holds the job, where `github` is about the one that the event started.
            "job": {
                "status": "success",
                "workflow_repository": source.repository.name,
                "workflow_sha": source.sha,
                "workflow_ref": source.full,
                "workflow_file_path": source.path,
            },
        }
        contexts["github"] = {
            **contexts["github"],
            "token": self.token,
            "workspace": str(self.workspace),
            "event_path": str(self.event_file),
        }
        return contexts

    def _run(self, contexts):
        document = self.graph.workflow.document
        scope = self.graph.scope(contexts)
        self.environment = {**scope.texts(document.get("env")), **scope.texts(self.spec.get("env"))}
        self.defaults = {**_defaults(document), **_defaults(self.spec)}
        minutes = scope.value(self.spec.get("timeout-minutes"))
        with self.forge.id_tokens.lending(self) as self.id_token_request, self._time_limit(minutes):
            steps = Steps(self, contexts, self.source)
            steps.execute(self.spec["steps"])
            while self.posts:
                self.posts.pop()()
        self._finish(self.graph.scope(steps.contexts))

    @contextmanager
    def _time_limit(self, minutes):
        reason = f"The job has exceeded the maximum execution time of {minutes} minutes."
        timer = threading.Timer((minutes or 360) * 60, self.cancellation.cancel, [reason])
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _finish(self, scope):
        if self.cancellation.cancelled:
            self.annotate("error", self.cancellation.reason)
        result = "cancelled" if self.cancellation.cancelled else "failure" if self.failed else "success"
        outputs = {
            name: self._public(name, scope.text(value)) for name, value in (self.spec.get("outputs") or {}).items()
        }
        written = self.spec.get("environment")
        if isinstance(written, dict) and "url" in written and not is_expression(written):
            self.result.environment_url = scope.text(written["url"])
        self.result.end(result, outputs)

    # https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/pass-job-outputs: an output that
    # may hold a secret is not sent on.
    def _public(self, name, value):
        if self.masks.found_in(value):
            self.annotate("warning", f"Skip output '{name}' since it may contain secret.")
            return ""
        if len(value.encode("utf-16-le")) > _LONGEST_OUTPUT:
            raise InvalidExpression(f"The output '{name}' is longer than 1 MB")
        return value

    def claims(self):
        """What an id token says about the job: https://docs.github.com/en/actions/reference/security/oidc."""
        event, source, github = self.run.event, self.source, self.leg.contexts["github"]
        about = f"environment:{self.result.environment}" if self.result.environment else f"ref:{event.ref}"
        if event.name == "pull_request" and not self.result.environment:
            about = "pull_request"
        return {
            "sub": f"repo:{event.repository.name}:{about}",
            "environment": self.result.environment,
            "repository": event.repository.name,
            "repository_owner": event.repository.owner,
            "repository_visibility": "private" if event.repository.private else "public",
            "job_workflow_ref": source.full,
            "job_workflow_sha": source.sha,
            "ref_protected": "true" if event.ref == f"refs/heads/{MAIN}" else "false",
            **{name: github[name] for name in _SHARED_CLAIMS},
        }


_SHARED_CLAIMS = (
    "actor",
    "base_ref",
    "event_name",
    "head_ref",
    "ref",
    "ref_type",
    "run_attempt",
    "run_id",
    "run_number",
    "sha",
    "workflow",
    "workflow_ref",
    "workflow_sha",
)


def _defaults(document):
    return (document.get("defaults") or {}).get("run") or {}
