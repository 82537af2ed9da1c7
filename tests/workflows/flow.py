"""A user's project on the forge, whose workflow calls ours, and its model on an embedded Hub that trusts it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from histories import Repo
from pydantic import SecretStr
from relays import GITHUB as PROJECT
from relays import GITHUB_TOKEN

from hubver.ci.github import Github
from hubver.ci.scaffold.project import Project
from hubver.ci.scaffold.verb import Asked, init
from hubver.gates_folder import gates_digest
from hubver.hub.client import Hub
from hubver.localhub import Publisher, Trust
from hubver.publish import push
from hubver.release import promote
from hubver.settings import Settings

MODEL = "acme/router"
BASE = "acme/base"
PIN = "0" * 40
ROOT = Path(__file__).parents[2]
# A promotion by itself, of what was judged already.
PROMOTION = f"""\
on:
  workflow_dispatch:
    inputs:
      revision: {{type: string, required: true}}
      smoke: {{type: boolean, default: false}}
permissions: {{}}
jobs:
  release:
    permissions: {{contents: read, deployments: write, id-token: write}}
    uses: hubver/hubver/.github/workflows/promote.yml@{PIN}
    with:
      model: {MODEL}
      revision: ${{{{ inputs.revision }}}}
      smoke: ${{{{ inputs.smoke }}}}
      install: false
      endpoint: ENDPOINT
    secrets:
      HF_TOKEN: ${{{{ secrets.HF_TOKEN }}}}
"""


def published():
    """What users pin: our workflows and actions, as they are in this checkout."""
    files = [ROOT / "action.yml", *(ROOT / ".github").rglob("*.yml")]
    return {str(file.relative_to(ROOT)): file.read_bytes() for file in files}


def trust(issuer):
    """The model trusts the project's workflow on its default branch, and no other."""
    claims = {"repository": PROJECT, "branch": "main", "workflow": "hubver.yml"}
    return Trust([Publisher(MODEL, claims)], {issuer.url: issuer.jwks})


@dataclass
class Line:
    """The way of a candidate from a push to production.

    Attributes:
        project: the user's repository on GitHub.
        models: the model on the Hub, as its owner sees it.
        folders: what can be published: adapters by their name.
    """

    forge: object
    github: object
    hub: object
    project: object
    models: Repo
    folders: Path

    @classmethod
    def laid(cls, forge, github, hub, folders, folder, *, rows=None, keyless=False):
        """The project as `hubver init` leaves it, and the adapter `old` in production as v1.0.0.

        Args:
            rows: how many examples its gates have; all if None.
            keyless: whether the Hub trusts the workflow, or knows a token that is among the project's secrets.
        """
        folder.mkdir()
        examples = (folders / "examples.jsonl").read_text().splitlines(keepends=True)
        (folder.parent / "examples.jsonl").write_text("".join(examples[:rows]))
        asked = Asked(model=MODEL, pin=f"hubver/hubver@{PIN}", examples=folder.parent / "examples.jsonl")
        init(Project.at(folder), asked)
        workflow = folder / ".github/workflows/hubver.yml"
        # The machines of these tests have hubver.
        here = f"      install: false\n      endpoint: {hub.url}\n    secrets:"
        workflow.write_text(workflow.read_text().replace("    secrets:", here))
        workflow.with_name("promotion.yml").write_text(PROMOTION.replace("ENDPOINT", hub.url))
        forge.library("hubver/hubver", published())
        project = forge.repository(PROJECT, folder)
        forge.tokens.for_person(PROJECT, "lea", token=GITHUB_TOKEN, contents="write")
        if not keyless:
            project.secrets["HF_TOKEN"] = hub.token
        settings = Settings(endpoint=hub.url, token=SecretStr(hub.token), root=folder)
        models = Repo(Hub.of(settings), settings, MODEL)
        api = models.hub.api
        api.create_repo(BASE)
        api.upload_folder(repo_id=BASE, folder_path=folders / "base")
        push(folders / "old", MODEL, version="v1.0.0", settings=settings)
        promote(f"{MODEL}@v1.0.0", override="The first one.", settings=settings)
        return cls(forge, github, hub, project, models, folders)

    def proposed(self, name="good", *, version=None, message=None):
        """A candidate, as `hubver push --pr` leaves it."""
        folder = self.folders / name
        return push(folder, MODEL, version=version, pr=True, message=message, settings=self.models.settings)

    def passed(self, name="good", **said):
        """The same with the verdict that its gate would have given."""
        candidate = self.proposed(name, **said)
        settings = self.models.settings
        by = {"gates_digest": gates_digest(settings.gates_directory), "tasks_digest": settings.tasks_digest}
        self.models.judge(candidate.sha, **by)
        return candidate

    def dispatch(self, revision, **payload):
        """What `hubver push --pr` and the relay send, over GitHub's API; answers the run that it starts."""
        token = self.forge.tokens.for_person(PROJECT, "lea", contents="write")
        Github(self.github.url, SecretStr(token)).dispatch(
            PROJECT, "hubver-candidate", {"revision": revision, **payload}
        )
        return self.forge.runs[-1]

    def promotion(self, revision, **inputs):
        """Start a promotion by itself."""
        return self.forge.workflow_dispatch(self.project, "promotion.yml", {"revision": revision, **inputs})

    @property
    def cron(self):
        """When the project looks for what waits."""
        content = self.project.read("main", ".github/workflows/hubver.yml")
        return re.search(r'cron: "([^"]+)"', content)[1]

    def production(self):
        return self.models.refs().branches.get("production")

    def comments(self, number=1):
        return [comment.text for comment in self.models.hub.comments(MODEL, number)]
