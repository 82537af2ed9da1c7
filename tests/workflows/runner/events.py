"""Events of a repository, as workflows receive them."""

from __future__ import annotations

from dataclasses import dataclass, field

from workflows.runner.repository import MAIN, Repository


@dataclass(frozen=True)
class Event:
    """What happened in a repository.

    Attributes:
        payload: `github.event`.
        ref: the branch, tag or merge that workflows run on, in full.
        sha: the commit of it.
        actor: who did it.
        fork: whether it comes from a fork, whose workflows may only read and know no secret.
        inputs: of a `workflow_dispatch`, as given.
        compared: two commits; what a filter of paths looks at is what changed from the first to the second.
    """

    name: str
    repository: Repository
    payload: dict
    ref: str
    sha: str
    actor: str = "dev"
    fork: bool = False
    inputs: dict = field(default_factory=dict)
    compared: tuple | None = None

    @property
    def base_ref(self):
        return MAIN if self.name == "pull_request" else ""

    @property
    def head_ref(self):
        return self.payload["pull_request"]["head"]["ref"] if self.name == "pull_request" else ""

    @property
    def filtered_ref(self):
        """What `branches` and `tags` filter: ("branches", the base of a pull request), or what was pushed."""
        if self.name == "pull_request":
            return "branches", MAIN
        return ("tags" if self.ref.startswith("refs/tags/") else "branches"), self.ref.split("/", 2)[2]

    def changed(self):
        return self.repository.changed(*self.compared)


def _payload(repository, actor, **more):
    return {**more, "repository": repository.described(), "sender": {"login": actor}}


def on_default_branch(repository, name, actor, **payload):
    """An event that runs on the default branch, as dispatches and schedules do."""
    return Event(
        name=name,
        repository=repository,
        payload=_payload(repository, actor, **payload),
        ref=f"refs/heads/{MAIN}",
        sha=repository.find(MAIN),
        actor=actor,
    )


def workflow_dispatch(repository, ref, inputs, actor):
    """Somebody started one workflow by hand; `ref` is a branch or a tag."""
    kind = "heads" if repository.find(f"refs/heads/{ref}") else "tags"
    full = ref if ref.startswith("refs/") else f"refs/{kind}/{ref}"
    return Event(
        name="workflow_dispatch",
        repository=repository,
        payload=_payload(repository, actor, ref=full),
        ref=full,
        sha=repository.find(full),
        actor=actor,
        inputs=inputs,
    )


def push(repository, ref, before, actor):
    """Commits arrived on a branch, or a tag was made; `before` is what the branch held."""
    sha = repository.find(ref)
    return Event(
        name="push",
        repository=repository,
        payload=_payload(repository, actor, ref=ref, before=before, after=sha),
        ref=ref,
        sha=sha,
        actor=actor,
        compared=(before, sha),
    )


def pull_request(repository, number, head, branch, *, action, actor, title):
    """A pull request onto the default branch: it runs on the merge of both, from the files that the merge holds.

    Args:
        head: the repository that the branch is in, which may be a fork.
    """
    if head is not repository:
        repository.git("fetch", "-q", head.path, f"+refs/heads/{branch}:refs/pull/{number}/head")
    tip, base = head.find(f"refs/heads/{branch}"), repository.find(MAIN)
    merged = repository.merge(number, tip)
    pull = {
        "number": number,
        "title": title,
        "user": {"login": actor},
        "base": {"ref": MAIN, "sha": base, "repo": repository.described()},
        "head": {"ref": branch, "sha": tip, "repo": {**head.described(), "fork": head is not repository}},
    }
    return Event(
        name="pull_request",
        repository=repository,
        payload=_payload(repository, actor, action=action, number=number, pull_request=pull),
        ref=f"refs/pull/{number}/merge",
        sha=merged,
        actor=actor,
        fork=head is not repository,
        compared=(base, tip),
    )
