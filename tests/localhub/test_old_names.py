"""Repos by the names that they had before, where those lead to the new ones as on the Hub."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, get_session, hf_hub_download, snapshot_download

from hubver.localhub import LocalHub, Switches


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_old_name_may_lead_to_the_new_one(git, tmp_path, kind):
    with LocalHub(tmp_path / "hub", switches=Switches(old_names="redirect")) as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/old", repo_type=kind, private=True)
        sha = api.upload_file(path_or_fileobj=b"x", path_in_repo="a b", repo_id="acme/old", repo_type=kind).oid
        api.move_repo("acme/old", "acme/new", repo_type=kind)
        place = "datasets/" if kind == "dataset" else ""
        file = f"{place}acme/old/resolve/main/a%20b?download=true"
        led = get_session().head(
            f"{hub.url}/{file}", headers={"Authorization": f"Bearer {hub.token}"}, follow_redirects=False
        )
        assert (led.status_code, led.headers["Location"]) == (307, "/" + file.replace("old", "new"))
        assert "X-Repo-Commit" not in led.headers
        assert get_session().head(f"{hub.url}/{file}", follow_redirects=False).status_code == 401
        at = {"endpoint": hub.url, "token": hub.token, "repo_type": kind, "cache_dir": tmp_path / "cache"}
        assert Path(hf_hub_download("acme/old", "a b", **at)).read_bytes() == b"x"
        assert Path(snapshot_download("acme/old", **at)).name == sha
        assert api.repo_info("acme/old", repo_type=kind).id == "acme/new"
        later = api.upload_file(path_or_fileobj=b"y", path_in_repo="c", repo_id="acme/old", repo_type=kind).oid
        url = hub.url.replace("http://", f"http://anyone:{hub.token}@")
        for end in ("", ".git"):
            git("clone", "-q", f"{url}/{place}acme/old{end}", tmp_path / f"clone{end}")
            assert git("rev-parse", "HEAD", cwd=tmp_path / f"clone{end}") == later
