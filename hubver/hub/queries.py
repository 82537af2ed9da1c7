"""What can be asked of a Hub about a model repository: refs, commits, files, pull requests.

It goes straight to the documented endpoints, because importing the Hub's own API class takes a third of a second that
`hubver log` need not spend.

Source of the endpoints: the Hub's OpenAPI document, and huggingface_hub 2.4.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from hubver import __version__
from hubver.errors import BadToken, NotFound
from hubver.hub.answers import translated
from hubver.hub.contents import Comment, Commit, PullRequest, Refs, StoredFile
from hubver.hub.keyless import ACCOUNT, Keyless
from hubver.hub.reading import Reader

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from pydantic import SecretStr

_PULLS_A_PAGE = 100


class Queries:
    """One Hub, as one account that only looks.

    Args:
        endpoint: its address, without a final slash.
        token: sent as a bearer token, or what gives one when it is needed; anonymous if None. It never leaves this class
            but to the Hub.
    """

    def __init__(self, endpoint: str, token: SecretStr | Keyless | None = None) -> None:
        self.endpoint = endpoint
        self._given = token

    @property
    def token(self) -> SecretStr | None:
        """The token that is good now.

        Raises:
            BadToken, HubUnreachable, HubFailed: see `hubver.hub.keyless`.
        """
        return self._given.token() if isinstance(self._given, Keyless) else self._given

    def need_token(self) -> None:
        """Raise now, not after minutes of work, where there is no token to write with.

        Raises:
            BadToken: no token is set.
        """
        if self.token is None:
            raise BadToken(
                f"There is no token for {self.endpoint}.",
                hint="Set HF_TOKEN to a write token, or run: hf auth login. In CI, HF_OIDC_RESOURCE needs none.",
            )

    def whoami(self) -> str:
        """The account's name.

        Raises:
            BadToken: the token is not valid.
        """
        try:
            return self._reader.json("/api/whoami-v2", lambda answer: str(answer["name"]), subject="this account")
        except BadToken:
            # Whether the Hub tells a job, which is nobody's account, who it is: nobody has said so.
            if isinstance(self._given, Keyless):
                return ACCOUNT
            raise

    def accounts(self) -> frozenset[str]:
        """The names that the Hub may show as the author of what this account writes.

        A job without a kept token writes as `[OIDC]`, and on a repository only the jobs that it trusts do.

        Raises:
            BadToken: the token is not valid.
        """
        return frozenset({self.whoami(), *((ACCOUNT,) if isinstance(self._given, Keyless) else ())})

    def refs(self, repo_id: str) -> Refs:
        """All refs, pull requests included, in one request.

        Raises:
            NotFound: the repository does not exist, or may not be seen.
        """

        def read(answer: Any) -> Refs:
            pulls = answer.get("pullRequests") or ()
            return Refs(
                branches={ref["name"]: ref["targetCommit"] for ref in answer["branches"]},
                tags={ref["name"]: ref["targetCommit"] for ref in answer["tags"]},
                pulls={int(ref["name"].rsplit("/")[-1]): ref["targetCommit"] for ref in pulls},
            )

        return self._reader.json(f"/api/models/{repo_id}/refs", read, params={"include_prs": 1}, subject=repo_id)

    def resolve(self, repo_id: str, revision: str) -> str:
        """The 40-digit sha of the commit that a revision names.

        Raises:
            NotFound: no such repository or revision.
        """
        path = f"/api/models/{repo_id}/revision/{quote(revision, safe='')}"
        return self._reader.json(path, lambda answer: str(answer["sha"]), subject=f"{repo_id}@{revision}")

    def commits(self, repo_id: str, revision: str, *, limit: int, page: int = 0) -> list[Commit]:
        """One page of the commits that lead to a revision, newest first, in one request.

        Args:
            limit: commits a page, 1 to 1000.
            page: 0 for the newest.
        """
        path = f"/api/models/{repo_id}/commits/{quote(revision, safe='')}"

        def read(answer: Any) -> list[Commit]:
            return [Commit(item["id"], item["title"], item.get("message") or "") for item in answer]

        return self._reader.json(path, read, params={"limit": limit, "p": page}, subject=f"{repo_id}@{revision}")

    def open_pulls(self, repo_id: str, page: int = 0) -> tuple[int, dict[int, str]]:
        """How many pull requests are open (refs cannot tell: those of merged ones stay), and titles of fifty of them.

        Args:
            page: 0 for the newest fifty.
        """
        path = f"/api/models/{repo_id}/discussions"
        only: dict[str, int | str] = {"type": "pull_request", "status": "open", "p": page, "limit": 50}

        def read(answer: Any) -> tuple[int, dict[int, str]]:
            return int(answer["count"]), {int(one["num"]): str(one["title"]) for one in answer["discussions"]}

        return self._reader.json(path, read, params=only, subject=repo_id)

    def pull_requests(self, repo_id: str, page: int) -> tuple[list[PullRequest], int]:
        """One page of the pull requests, newest first, and how many there are: `GET /api/models/ID/discussions`.

        Args:
            page: 0 for the newest.
        """

        def read(answer: Any) -> tuple[list[PullRequest], int]:
            listed = [
                PullRequest(int(item["num"]), str(item["status"]), _time(item["createdAt"]))
                for item in answer["discussions"]
            ]
            return listed, int(answer["count"])

        asked: dict[str, int | str] = {"type": "pull_request", "status": "all", "p": page, "limit": _PULLS_A_PAGE}
        return self._reader.json(f"/api/models/{repo_id}/discussions", read, params=asked, subject=repo_id)

    def comments(self, repo_id: str, number: int) -> list[Comment]:
        """What was said in a discussion or a pull request and is not hidden, oldest first: one request, however long.

        Source: `GET /api/models/ID/discussions/N`, without `diff`, which would bring all that a pull request changes.
        """

        def read(answer: Any) -> list[Comment]:
            return [
                # The author of a deleted account is left out.
                Comment(
                    str(event["id"]), str((event.get("author") or {}).get("name")), str(event["data"]["latest"]["raw"])
                )
                for event in answer["events"]
                if event["type"] == "comment" and not event["data"].get("hidden")
            ]

        path = f"/api/models/{repo_id}/discussions/{number}"
        return self._reader.json(path, read, subject=f"pull request #{number} of {repo_id}")

    def date(self, repo_id: str, sha: str) -> datetime:
        """When a commit was made, as it says itself."""
        path = f"/api/models/{repo_id}/commits/{sha}"
        params = {"limit": 1, "p": 0}
        return self._reader.json(path, lambda answer: _time(answer[0]["date"]), params=params, subject=repo_id)

    def files(self, repo_id: str, revision: str) -> dict[str, StoredFile]:
        """Every file of a revision, by path, as the Hub says it stores them."""
        from huggingface_hub import RepoFile

        with translated(self.endpoint, f"{repo_id}@{revision}"):
            entries = list(self.api.list_repo_tree(repo_id, revision=revision, recursive=True))
        return {
            entry.path: StoredFile(entry.path, entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs else None)
            for entry in entries
            if isinstance(entry, RepoFile)
        }

    def read(self, repo_id: str, revision: str, path: str) -> bytes:
        """A small file's bytes, in one request.

        Raises:
            NotFound: no such file at that revision.
            HubFailed: it is larger than 32 MiB, of which no more is read.
            HubUnreachable: it arrived cut short, three times.
        """
        url = f"/{repo_id}/resolve/{quote(revision, safe='')}/{quote(path)}"
        return self._reader.get(url, subject=f"{repo_id}@{revision}:{path}")

    def read_if_there(self, repo_id: str, revision: str, path: str) -> bytes | None:
        """Like `read`, but None where there is no such file."""
        try:
            return self.read(repo_id, revision, path)
        except NotFound:
            return None

    @property
    def _plain_token(self) -> str | Literal[False]:
        # False, and not None: None would make the client look for a token of its own.
        token = self.token
        return token.get_secret_value() if token else False

    @property
    def _reader(self) -> Reader:
        return Reader(self.endpoint, self._plain_token)

    @property
    def api(self) -> HfApi:
        """The Hub's own client, with the token that is good now: importing it takes a third of a second."""
        from huggingface_hub import HfApi

        return HfApi(
            endpoint=self.endpoint, token=self._plain_token, library_name="hubver", library_version=__version__
        )


def _time(text: str) -> datetime:
    """A time as the Hub writes it, `2026-11-01T12:00:00.000Z`, which Python reads with the final Z only since 3.11."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
