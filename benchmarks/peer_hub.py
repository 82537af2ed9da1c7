"""What huggingface_hub itself offers to have a branch point elsewhere: delete and create it, or upload the folder to it."""

from __future__ import annotations

from huggingface_hub import HfApi
from huggingface_hub.utils import disable_progress_bars
from peer_loop import serve

disable_progress_bars()
api = HfApi()


def replace(repo: str, branch: str, revision: str) -> str:
    api.delete_branch(repo, branch=branch)
    api.create_branch(repo, branch=branch, revision=revision)
    return revision


serve(
    {
        "replace": replace,
        "upload": lambda repo, branch, folder: api.upload_folder(repo_id=repo, folder_path=folder, revision=branch).oid,
        "status": lambda repo, branch: api.model_info(repo, revision=branch).sha,
        "log": lambda repo, branch: len(api.list_repo_commits(repo, revision=branch)),
    }
)
