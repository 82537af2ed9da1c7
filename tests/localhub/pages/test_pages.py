from __future__ import annotations

from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

ROUTER = "/acme/ticket-router"


def test_every_link_of_every_page_leads_somewhere(site, visit):
    todo, seen, html = ["/"], set(), 0
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = visit(site, path)
        if answer.status == 307:
            todo.append(answer.headers["Location"])
            continue
        # One comment leads to a file that is not there, and files behind a gate are not for strangers.
        expected = (
            404
            if path == f"{ROUTER}/blob/main/docs/numbers.md"
            else 401
            if path.startswith("/acme/restricted/blob/")
            else 200
        )
        assert answer.status == expected, path
        html += answer.headers.get_content_type() == "text/html"
        for tag, attribute in (("a", "href"), ("img", "src"), ("link", "href"), ("script", "src")):
            for link in answer.all(tag, attribute):
                target = urlsplit(urljoin(site.url + path, urldefrag(link)[0]))
                if target.netloc == urlsplit(site.url).netloc:
                    todo.append(target.path + (f"?{target.query}" if target.query else ""))
    assert html > 100


def test_addresses_that_the_api_answers_are_pages(hub, api, visit):
    made = api.create_repo("acme/router")
    commit = api.create_commit(
        "acme/router", [CommitOperationAdd("a b%.txt", b"x\n")], commit_message="Add it", create_pr=True
    )
    discussion = api.create_discussion("acme/router", "Why?")
    data = api.create_repo("acme/data", repo_type="dataset")
    talk = api.create_discussion("acme/data", "Where from?", repo_type="dataset")
    for url, words in {
        str(made): "There is no card yet",
        commit.commit_url: "a b%.txt",
        commit.pr_url: "Add it",
        f"{commit.pr_url}/files": "a b%.txt",
        discussion.url: "Why?",
        str(data): "There is no card yet",
        talk.url: "Where from?",
    }.items():
        answer = visit(hub, url.removeprefix(hub.url))
        assert (answer.status, words in answer.text) == (200, True), url


SHOWN = {
    "all repos": ("/", ["ticket-router", "tickets", "v1.2.0", "gated"]),
    "models alone": ("/models", ["ticket-router"]),
    "by name": ("/?search=tiny", ["tiny-base"]),
    "a namespace": ("/acme", ["ticket-router", "tickets"]),
    "a user without repos": ("/mira", ["Nothing here yet"]),
    "card": (ROUTER, ["About this model", "production", "rollback/2026-03-14-v1.1.0", "v1.2.0", "text-generation"]),
    "snippet at the newest tag": (ROUTER, ["AutoPeftModelForCausalLM", "revision=&#34;v1.2.0&#34;", "git clone http"]),
    "files at a tag": (f"{ROUTER}/tree/v1.0.0", ["adapter_model.safetensors", "Publish v1.0.0", "LFS"]),
    "files of a branch with a slash": (f"{ROUTER}/tree/rollback%2F2026-03-14-v1.1.0", ["Publish v1.1.0"]),
    "a folder": (f"{ROUTER}/tree/main/tokenizer", ["tokenizer.json", "special_tokens_map.json"]),
    "JSON": (f"{ROUTER}/blob/main/adapter_config.json", ["target_modules", 'id="L5"']),
    "tensors": (
        f"{ROUTER}/blob/main/adapter_model.safetensors",
        ["layers.3.self_attn.v_proj.lora_B.weight", "64 \u00d7 16", "F32", "16,384 numbers"],
    ),
    "Markdown": (f"{ROUTER}/blob/main/README.md", ['<h2 id="card-results">Results</h2>']),
    "its source": (f"{ROUTER}/blob/main/README.md?code=true", ["base_model_relation"]),
    "history with names": (f"{ROUTER}/commits/main", ["initial commit", "Publish v1.1.0", "ledger"]),
    "history of a tag": (f"{ROUTER}/commits/v1.0.0", ["Publish v1.0.0"]),
    "a commit by a short id or name": (f"{ROUTER}/commit/v1.1.0", ["adapter_config.json", "Publish v1.1.0"]),
    "refs": (f"{ROUTER}/refs", ["production", "rollback/2026-03-14-v1.1.0", "v1.0.0"]),
    "refs by name": (f"{ROUTER}/refs?search=roll", ["rollback/2026-03-14-v1.1.0", "No tag has"]),
    "open discussions": (f"{ROUTER}/discussions", ["Raise the rank of the adapter to 32", "Loosen the gate"]),
    "closed ones": (f"{ROUTER}/discussions?status=closed", ["Add the license", "Does it read French?"]),
    "dataset": ("/datasets/acme/tickets", ["Synthetic tickets", "load_dataset", "cc-by-4.0"]),
}


@pytest.mark.parametrize(("path", "words"), SHOWN.values(), ids=SHOWN.keys())
def test_page_shows(site, visit, path, words):
    answer = visit(site, path)
    assert (answer.status, [word for word in words if word not in answer.text]) == (200, [])


def test_pull_request_shows_what_was_said_and_what_it_changes(site, visit):
    talk = visit(site, f"{ROUTER}/discussions/{site.numbers['pull']}").text
    said = ["The returns queue is long", "committed", "What does it cost", "renamed it", "<strong>0.4 %</strong>"]
    places = [talk.index(words) for words in said[:4]]
    assert places == sorted(places)
    assert said[4] in talk
    assert "cannot be merged" not in talk
    files = visit(site, f"{ROUTER}/discussions/{site.numbers['pull']}/files").text
    for words in ("lora_dropout&#34;: 0.05", "67.7 kB → 133 kB", "verb-deleted", "It routes tickets"):
        assert words in files


def test_conflict_is_told_with_its_file(site, visit):
    for rest in ("", "/files"):
        text = visit(site, f"{ROUTER}/discussions/{site.numbers['conflict']}{rest}").text
        assert "It cannot be merged: 1 file changed on both sides" in text
        assert "<code>gates/routing.py</code>" in text


def test_merged_pull_request_shows_what_it_changed_then(site, visit):
    text = visit(site, f"{ROUTER}/discussions/{site.numbers['merged']}/files").text
    assert "LICENSE" in text
    assert "routing.py" not in text


@pytest.mark.parametrize("private", [False, True])
def test_empty_hub_says_what_to_do(hub, visit, private):
    if private:
        HfApi(endpoint=hub.url, token=hub.token).create_repo("acme/draft", private=True)
    assert f"export HF_ENDPOINT={hub.url}" in visit(hub, "/").text


REFUSED = {
    "no repo": ("/acme/none", 401, "RepoNotFound", "sign in"),
    "somebody's private repo": ("/acme/draft", 401, "RepoNotFound", "sign in"),
    "files of a private repo": ("/acme/draft/tree/main", 401, "RepoNotFound", "sign in"),
    "discussions of a private repo": ("/acme/draft/discussions/1", 401, "RepoNotFound", "sign in"),
    "no revision": (f"{ROUTER}/tree/nope", 404, "RevisionNotFound", f'href="{ROUTER}/refs"'),
    "no file": (f"{ROUTER}/blob/main/nope", 404, "EntryNotFound", f'href="{ROUTER}/tree"'),
    "no commit": (f"{ROUTER}/commit/{'0' * 40}", 404, "RevisionNotFound", f'href="{ROUTER}/refs"'),
    "no discussion": (f"{ROUTER}/discussions/99", 404, None, f'href="{ROUTER}"'),
    "number that is none": (f"{ROUTER}/discussions/²", 404, None, f'href="{ROUTER}"'),
    "page that is no number": (f"{ROUTER}/commits/main?p=x", 400, None, f'href="{ROUTER}"'),
    "nobody": ("/nobody", 404, None, 'href="/"'),
    "dataset of one name": ("/datasets/squad", 404, None, 'href="/"'),
    "nothing at all": ("/a/b/c/d/e", 404, None, 'href="/"'),
    "file of a gated repo": ("/acme/restricted/blob/main/README.md", 401, "GatedRepo", "sign in"),
}


@pytest.mark.parametrize(("path", "status", "code", "way_on"), REFUSED.values(), ids=REFUSED.keys())
def test_refusal_says_what_to_do_next(site, visit, path, status, code, way_on):
    answer = visit(site, path.replace("²", "%C2%B2"))
    assert (answer.status, answer.headers["X-Error-Code"]) == (status, code)
    assert way_on in answer.text
    assert len(answer.all("h1", "class")) == 0


def test_gated_repo_shows_itself_and_not_its_files(site, visit):
    stranger = visit(site, "/acme/restricted")
    assert (stranger.status, "gated" in stranger.text, "Only for members" in stranger.text) == (200, True, False)
    commit = visit(site, "/acme/restricted/commit/main")
    assert (commit.status, "Only for members" in commit.text) == (200, False)
    assert "Only for members" in visit(site, "/acme/restricted", token=site.token).text
    assert "Only for members" in visit(site, "/acme/restricted/commit/main", token=site.token).text


def test_owner_sees_what_is_private(site, visit):
    assert visit(site, "/acme/draft", token=site.token).status == 200
    assert "acme/</span>draft" in visit(site, "/", token=site.token).text
    assert "draft" not in visit(site, "/acme").text
    assert visit(site, "/", token="hf_wrong").status == 401


def test_pages_stand_in_nobodys_way(site, visit):
    api = visit(site, "/api/models/acme/nothing", Accept="application/json")
    assert (api.headers.get_content_type(), api.headers["X-Error-Code"]) == ("application/json", "RepoNotFound")
    assert visit(site, "/api/none/at/all/here").headers.get_content_type() == "application/json"
    assert visit(site, "/a/b/c/d/e", Accept="*/*").headers.get_content_type() == "application/json"
    program = visit(site, "/acme/none", Accept="*/*")
    assert (program.status, program.headers.get_content_type()) == (401, "application/json")
    git = visit(site, f"{ROUTER}.git/info/refs?service=git-upload-pack", Accept="*/*")
    assert git.headers.get_content_type() == "application/x-git-upload-pack-advertisement"
    assert visit(site, f"{ROUTER}/resolve/main/LICENSE").text == "Apache-2.0\n"
    assert visit(site, ROUTER, method="POST").status == 405


def test_file_and_folder_lead_to_each_other(site, visit):
    for asked, place in (
        ("/tree", "/tree/main"),
        ("/commits", "/commits/main"),
        ("/tree/main/LICENSE", "/blob/main/LICENSE"),
        ("/blob/rollback%2F2026-03-14-v1.1.0/gates", "/tree/rollback%2F2026-03-14-v1.1.0/gates"),
    ):
        answer = visit(site, ROUTER + asked)
        assert (answer.status, answer.headers["Location"]) == (307, ROUTER + place)


def test_page_may_ask_only_its_own_host_and_run_only_its_own_script(site, visit):
    one, two = visit(site, ROUTER), visit(site, ROUTER)
    policy = one.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy != two.headers["Content-Security-Policy"]  # the nonce
    assert one.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("style.css", "copy.js", "icon.svg"):
        place = next(p for p in [*one.all("link", "href"), *one.all("script", "src")] if name in p)
        assert "immutable" in visit(site, place).headers["Cache-Control"]
    assert visit(site, "/-/style.css%2F..%2F__init__.py").status == 404
