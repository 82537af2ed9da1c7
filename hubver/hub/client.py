"""A model repository on the Hub, to be written to and fetched from; what can be asked of it is in `hubver.hub.queries`.

Writes and downloads go through the Hub's own client. Repositories are models throughout.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from hubver.errors import AlreadyExists, HubFailed
from hubver.hub import keyless
from hubver.hub.answers import translated
from hubver.hub.queries import Queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubver.hub.contents import Upload
    from hubver.settings import Settings

_WRITE_TIMEOUT_S = 60.0


class Hub(Queries):
    """One Hub, as one account; made as `Queries` is."""

    @classmethod
    def of(cls, settings: Settings, repo_id: str | None = None) -> Hub:
        """The Hub that the settings name.

        Args:
            repo_id: the repository that is to be read or written: it may need a token of its own. None for any other
                that is to be read.
        """
        return cls(settings.endpoint, keyless.source(settings, repo_id) or settings.token_for(repo_id))

    def need_write(self, repo_id: str) -> None:
        """Raise now where the token may not write to a repository: `GET /api/models/ID/auth-check/write`.

        Raises:
            BadToken: it may not.
        """
        with translated(self.endpoint, repo_id):
            self.api.auth_check(repo_id, write=True)

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
