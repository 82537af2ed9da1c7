"""What a test may ask for that the embedded Hub does not offer: each with a rule to tell it by, and a reason to show.

A test is not applicable if one of these rules holds for it. All other tests that do not pass are failures.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PRODUCTION = "reads what is on huggingface.co"
"""Said of tests that mark themselves so, or use the fixture `api_prod`: they are not run, but for `READ_SAMPLES`."""

NO_XET = "needs Xet, without which the Hub was started"
"""Said of tests that mark themselves as made for Xet, where they are not run for want of it."""

READ_SAMPLES = (
    "test_cache_layout.py::",
    "test_cache_no_symlinks.py::",
    "test_file_download.py::TestCachedDownload::",
    "test_file_download.py::TestFileDownloadDryRun::",
    "test_repocard.py::TestSpaceCard::",
    "test_repocard.py::test_load_from_hub_if_repo_id_or_path_is_a_dir",
    "test_xet_download.py::",
)
"""Beginnings of the names of those that find what they read here too; see `samples`.

What they check is how the client and a Hub get along, whatever the files hold.
"""

READ_SHELF = tuple(
    f"test_hf_api.py::{name}"
    for name in (
        *("TestExpandPropertyType::", "TestListGitRefs::test_list_refs_with_prs"),
        "TestHfApiDiscussions::test_get_repo_discussion_pagination",
        *(
            f"TestHfApiPublicProduction::test_{name}"
            for name in (
                *("list_models_search", "list_models_complex_query", "list_models_sort"),
                *("list_models_with_config", "list_models_without_config", "list_models_expand"),
                *("list_models_gated_only", "list_models_non_gated_only", "model_info_expand"),
                *("filter_datasets_by_author", "filter_datasets_by_lang", "filter_datasets_by_multi"),
                *("filter_datasets_by_size", "filter_datasets_by_ta", "filter_datasets_with_card_data"),
                *("list_datasets_author", "list_datasets_search", "list_datasets_expand"),
                *(
                    "list_datasets_gated_only",
                    "list_datasets_non_gated_only",
                    "dataset_info_with",
                    "dataset_info_expand",
                ),
                *("space_info_expand", "filter_models_by_author", "failing_filter_models", "filter_models_with_task"),
                *("filter_models_by_language", "filter_models_with_tag", "filter_models_with_card_data"),
                *("filter_emissions", "list_spaces_author", "list_spaces_search", "list_spaces_limit"),
                *("list_spaces_with_", "list_spaces_linked", "list_spaces_expand"),
                *("get_sharded_safetensors_metadata", "not_a_safetensors", "get_safetensors_metadata_from_revision"),
            )
        ),
    )
)
"""The same for the repos of `shelf`."""

BY_NAME = {
    "test_cache_no_symlinks.py::TestCacheLayoutIfSymlinksNotSupported::test_scan_and_delete_cache_no_symlinks": (
        "reads a commit of huggingface.co by its id"
    ),
    "test_file_download.py::TestCachedDownload::test_get_hf_file_metadata_basic": (
        "reads a commit of huggingface.co by its id"
    ),
    "test_file_download.py::TestCachedDownload::test_get_hf_file_metadata_from_a_lfs_file": (
        "reads a repo of huggingface.co that has no namespace"
    ),
    "test_file_download.py::TestCachedDownload::test_hf_hub_download_with_user_agent": (
        "counts the requests by which huggingface.co leads to its cache of small files"
    ),
    "test_cli.py::TestJsonShorthand::test_json_on_command_without_format": (
        "expects a Hub without the repo that is made here for other tests"
    ),
    "test_utils_http.py::test_fix_hf_endpoint_in_url": "expects the client to be pointed at no Hub but its default",
    "test_hf_api.py::TestCommitApi::test_create_repo_private_by_default": (
        "expects an organisation whose settings make new repos private"
    ),
    "test_utils_cache.py::TestTryDeletePath::test_delete_path_on_local_folder_with_wrong_permission": (
        "expects not to be run as root"
    ),
}
"""Beginnings of the names of tests that can only work with the real Hubs for a reason that shows in no request."""

_ADDRESSES = {
    r"/api/(collections|daily_papers|papers|arxiv)\b": "collections and papers",
    r"/api/(buckets|jobs|scheduled-jobs|resolve-cache|kernels|agents|mcp)\b": "buckets, jobs and other services",
    r"/api/(models|datasets|spaces)/[^?]+/(like|likers)\b|/api/users/[^/]+/likes\b": "likes",
    r"/api/spaces/[^?]+/(runtime|secrets|variables|hardware|storage|sleeptime|pause|restart|volumes|logs|events)\b": (
        "running spaces"
    ),
    r"/api/(users|organizations)/[^/]+/(overview|followers|following|members|socials)\b": "profiles of users",
    r"/api/(models|datasets|spaces)/semantic-search\b": "search by meaning",
    r"/api/(models|datasets)-tags-by-type\b": "the list of all tags there are",
    r"/this-hub-has-no-xet/": "Xet, without which the Hub was started",
}
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(/[^\s']*)")
# A test that looks for the staging Hub should have been led to the embedded one: that is a failure, no excuse.
_THERE = re.compile(r"127\.0\.0\.1|localhost|::1|0\.0\.0\.0|hub-ci\.huggingface\.co")


def elsewhere(hosts: Iterable[str]) -> str | None:
    """With whom beyond this machine a test talks; None if with nobody.

    Even where it passes, what it says is not about the embedded Hub.
    """
    others = sorted(host for host in set(hosts) if not _THERE.fullmatch(host))
    return f"talks to {', '.join(others)}" if others else None


def reason(test: str, detail: str, requests: Iterable[str]) -> str | None:
    """Why a test that failed could not pass; None if it could have.

    Args:
        test: its name, as `test_file.py::TestClass::test_name`.
        detail: what it said. It may hold an address of a fixture that several tests share, and that asked but once.
        requests: addresses that the test asked for, without the host.
    """
    for beginning, why in BY_NAME.items():
        if test.startswith(beginning):
            return why
    for address in [*requests, *_ADDRESS.findall(detail)]:
        for pattern, what in _ADDRESSES.items():
            if re.match(pattern, address):
                return f"asks for {what}"
    return None
