"""A model repository on the Hub: refs, commits, files, uploads.

Reads go straight to the documented endpoints, because importing the Hub's own API class takes a third of a second that
`hubver log` need not spend; writes and downloads go through that class. Repositories are models throughout.

Source of the endpoints: the Hub's OpenAPI document, and huggingface_hub 2.4.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from hubver import __version__
from hubver.errors import AlreadyExists, BadToken, HubFailed, NotFound
from hubver.hub.answers import translated
from hubver.hub.contents import Comment, Commit, PullRequest, Refs, StoredFile
from hubver.hub.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huggingface_hub import HfApi
    from pydantic import SecretStr

    from hubver.hub.contents import Upload
    from hubver.settings import Settings


_WRITE_TIMEOUT_S = 60.0
_PULLS_A_PAGE = 100


class Hub:
    """One Hub, as one account.

    Args:
        endpoint: its address, without a final slash.
        token: sent as a bearer token; anonymous if None. It never leaves this class but to the Hub.
    """

    def __init__(self, endpoint: str, token: SecretStr | None = None) -> None:
        self.endpoint = endpoint
        self.token = token

    @classmethod
    def of(cls, settings: Settings, repo_id: str | None = None) -> Hub:
        """The Hub that the settings name, for writing to a repository, or for reading any."""
        return cls(settings.endpoint, settings.token_for(repo_id))

    def need_token(self) -> None:
        """Raise now, not after minutes of work, where there is no token to write with.

        Raises:
            BadToken: no token is set.
        """
        if self.token is None:
            raise BadToken(
                f"There is no token for {self.endpoint}.", hint="Set HF_TOKEN to a write token, or run: hf auth login"
            )

    def need_write(self, repo_id: str) -> None:
        """Raise now where the token may not write to a repository: `GET /api/models/ID/auth-check/write`.

        Raises:
            BadToken: it may not.
        """
        with translated(self.endpoint, repo_id):
            self.api.auth_check(repo_id, write=True)

    def whoami(self) -> str:
        """The account's name.

        Raises:
            BadToken: the token is not valid.
        """
        return self._reader.json("/api/whoami-v2", lambda answer: str(answer["name"]), subject="this account")

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

    def open_pulls(self, repo_id: str) -> tuple[int, dict[int, str]]:
        """How many pull requests are open (refs cannot tell: those of merged ones stay), and titles of the newest 50."""
        path = f"/api/models/{repo_id}/discussions"
        only: dict[str, int | str] = {"type": "pull_request", "status": "open", "limit": 50}

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

    def create_repo(self, repo_id: str, *, private: bool = False) -> None:
        """Create a model repository; one that exists already is left as it is."""
        with translated(self.endpoint, repo_id):
            self.api.create_repo(repo_id, private=private, exist_ok=True)

    def commit(
        self,
        repo_id: str,
        uploads: Sequence[Upload],
        *,
        delete: Sequence[str] = (),
        title: str,
        description: str,
        parent: str,
        branch: str = "main",
        pull_request: bool = False,
    ) -> tuple[str, int | None]:
        """Put files into one commit on a branch, or into a new pull request against it.

        Args:
            delete: files of the parent that the new commit no longer has.
            parent: the head that the commit is made for; it is refused if the branch is elsewhere.
            branch: it must exist.

        Returns:
            The commit's sha, and the number of the pull request, if one was asked for.

        Raises:
            StaleRef: the branch is no longer at `parent`.
            HubUnreachable, HubFailed: the answer was lost; the commit may have landed, so look before trying again.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        operations: list[CommitOperationAdd | CommitOperationDelete] = []
        for upload in uploads:
            add = CommitOperationAdd(path_in_repo=upload.path, path_or_fileobj=upload.content)
            add.upload_info.sha256 = bytes.fromhex(upload.sha256)  # hashed once already, by us
            operations.append(add)
        operations += [CommitOperationDelete(path_in_repo=path) for path in delete]
        try:
            with translated(self.endpoint, f"{repo_id}@{branch}"):
                info = self.api.create_commit(
                    repo_id,
                    operations,
                    commit_message=title,
                    commit_description=description,
                    revision=branch,
                    parent_commit=parent,
                    create_pr=pull_request,
                )
        except AlreadyExists as error:
            # The Hub's lock on a repository: its 409 to a commit means that another one is being written.
            raise HubFailed(
                f"{repo_id} is busy with another commit.", found=str(error), hint="Run the same command again."
            ) from error
        return info.oid, info.pr_num

    def create_branch(
        self, repo_id: str, name: str, *, at: str | None = None, empty: bool = False, move: bool = False
    ) -> None:
        """Create a branch, or move one, fast-forward or not: `POST /api/models/ID/branch/NAME`.

        Args:
            at: the commit that it shall point to.
            empty: give it an empty commit of its own instead.
            move: whether the branch is there and shall move. The Hub compares nothing before it does so.

        Raises:
            AlreadyExists: there is one, and it was not to be moved.
        """
        from huggingface_hub.utils import get_session, hf_raise_for_status

        asked: dict[str, object] = {"emptyBranch": True} if empty else {"startingPoint": at}
        url = f"{self.endpoint}/api/models/{repo_id}/branch/{quote(name, safe='')}"
        # The client's own method cannot move a branch, so this goes by its session.
        with translated(self.endpoint, f"{repo_id}@{name}"):
            response = get_session().post(
                url,
                json=asked | ({"overwrite": True} if move else {}),
                headers=self._reader.headers(),
                timeout=_WRITE_TIMEOUT_S,
            )
            hf_raise_for_status(response)

    def delete_branch(self, repo_id: str, name: str) -> None:
        """Delete a branch."""
        with translated(self.endpoint, f"{repo_id}@{name}"):
            self.api.delete_branch(repo_id, branch=name)

    def delete_pull_ref(self, repo_id: str, number: int) -> None:
        """Delete the commits of a pull request that is closed: `DELETE /api/models/ID/discussions/N/ref`."""
        from huggingface_hub.utils import get_session, hf_raise_for_status

        url = f"{self.endpoint}/api/models/{repo_id}/discussions/{number}/ref"
        with translated(self.endpoint, f"pull request #{number} of {repo_id}"):
            hf_raise_for_status(get_session().delete(url, headers=self._reader.headers(), timeout=_WRITE_TIMEOUT_S))

    def hide_comment(self, repo_id: str, number: int, comment: str) -> None:
        """Take a comment's text away for good: `POST /api/models/ID/discussions/N/comment/C/hide`.

        The client's own method warns each time that it is for good.
        """
        from huggingface_hub.utils import get_session, hf_raise_for_status

        url = f"{self.endpoint}/api/models/{repo_id}/discussions/{number}/comment/{quote(comment, safe='')}/hide"
        with translated(self.endpoint, f"pull request #{number} of {repo_id}"):
            hf_raise_for_status(get_session().post(url, headers=self._reader.headers(), timeout=_WRITE_TIMEOUT_S))

    def create_tag(self, repo_id: str, tag: str, sha: str) -> None:
        """Tag a commit.

        Raises:
            AlreadyExists: there is such a tag, whichever commit it is on.
        """
        with translated(self.endpoint, f"{repo_id}@{tag}"):
            self.api.create_tag(repo_id, tag=tag, revision=sha)

    def delete_tag(self, repo_id: str, tag: str) -> None:
        """Delete a tag."""
        with translated(self.endpoint, f"{repo_id}@{tag}"):
            self.api.delete_tag(repo_id, tag=tag)

    def snapshot(self, repo_id: str, sha: str, patterns: Sequence[str] | None = None) -> Path:
        """A local folder with the files of exactly this commit, from the user's cache where it has them.

        Args:
            sha: a commit, never a branch: a cached branch may be stale.
            patterns: which files, as glob patterns; all if None.
        """
        from huggingface_hub import snapshot_download

        with translated(self.endpoint, f"{repo_id}@{sha[:8]}"):
            folder = snapshot_download(
                repo_id,
                revision=sha,
                allow_patterns=list(patterns) if patterns is not None else None,
                endpoint=self.endpoint,
                token=self._plain_token,
            )
        return Path(folder)

    @property
    def _plain_token(self) -> str | Literal[False]:
        # False, and not None: None would make the client look for a token of its own.
        return self.token.get_secret_value() if self.token else False

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.endpoint, self._plain_token)

    @cached_property
    def api(self) -> HfApi:
        """The Hub's own client, made when first needed: importing it takes a third of a second."""
        from huggingface_hub import HfApi

        return HfApi(
            endpoint=self.endpoint, token=self._plain_token, library_name="hubver", library_version=__version__
        )


def _time(text: str) -> datetime:
    """A time as the Hub writes it, `2026-11-01T12:00:00.000Z`, which Python reads with the final Z only since 3.11."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
