from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd

from hubver.localhub import LocalHub


@pytest.fixture
def private(hub, api):
    api.create_repo("acme/draft", private=True)
    api.create_commit("acme/draft", [CommitOperationAdd("a.txt", b"secret\n")], commit_message="a")
    return "/acme/draft"


def sign_in(visit, hub, token, **fields):
    answer = visit(hub, "/login", method="POST", form={"token": token, **fields})
    return answer, (answer.headers["Set-Cookie"] or "").partition(";")[0]


def test_session_opens_pages_and_files_until_it_ends(hub, visit, private):
    answer, cookie = sign_in(visit, hub, hub.token, next=private)
    assert (answer.status, answer.headers["Location"]) == (303, private)
    page = visit(hub, private, Cookie=cookie)
    assert (page.status, "Sign out" in page.text) == (200, True)
    assert visit(hub, f"{private}/resolve/main/a.txt", Cookie=cookie).text == "secret\n"
    assert visit(hub, "/logout", method="POST", Cookie=cookie).status == 303
    assert visit(hub, private, Cookie=cookie).status == 401


def test_session_is_named_and_kept_so_that_nobody_else_gets_it(hub, visit):
    answer, cookie = sign_in(visit, hub, hub.token)
    assert hub.token not in answer.headers["Set-Cookie"]
    sent = answer.headers["Set-Cookie"].lower()
    assert all(word in sent for word in ("httponly", "samesite=strict", "path=/"))
    assert "domain" not in sent
    _, other = sign_in(visit, hub, hub.token)
    assert other != cookie
    with LocalHub() as neighbour:  # on the same host, whose cookies it gets
        name = sign_in(visit, neighbour, neighbour.token)[1].partition("=")[0]
    assert name != cookie.partition("=")[0]


def test_session_can_neither_use_the_api_nor_change_anything(hub, api, visit, private):
    _, cookie = sign_in(visit, hub, hub.token)
    assert visit(hub, "/api/models/acme/draft", Cookie=cookie).status == 401
    assert visit(hub, "/api/whoami-v2", Cookie=cookie).status == 401
    assert visit(hub, "/api/models/acme/draft/tag/main", method="POST", Cookie=cookie).status == 401
    assert visit(hub, f"{private}/ask-access", method="POST", Cookie=cookie).status == 401
    api.update_repo_settings("acme/draft", private=False, gated="auto")
    assert visit(hub, f"{private}/ask-access", method="POST", Cookie=cookie).status in {400, 401}
    assert visit(hub, f"{private}/git-receive-pack", method="POST", Cookie=cookie).status in {401, 403}


@pytest.mark.parametrize("token", ["", "hf_wrong", "x" * 20_000], ids=["none", "wrong", "too long"])
def test_wrong_token_opens_nothing(hub, visit, token):
    answer, cookie = sign_in(visit, hub, token)
    assert (answer.status in {401, 413}, cookie) == (True, "")
    assert "hf_wrong" not in answer.text


@pytest.mark.parametrize("way", ["/login", "/logout"])
def test_another_site_cannot_sign_anybody_in_or_out(hub, visit, way):
    form = {"token": hub.token}
    for site in ("cross-site", "same-site"):
        answer = visit(hub, way, method="POST", form=form, **{"Sec-Fetch-Site": site})
        assert (answer.status, answer.headers["Set-Cookie"]) == (403, None)


PLACES = {
    "a page": ("/acme/router?p=1", "/acme/router?p=1"),
    "another host": ("https://example.org/", "/"),
    "another host without a scheme": ("//example.org/", "/"),
    "a backslash": ("/\\example.org", "/"),
    "a script": ("javascript:alert(1)", "/"),
    "another header": ("/a\r\nSet-Cookie: a=b", "/"),
    "nothing": ("", "/"),
}


@pytest.mark.parametrize(("asked", "reached"), PLACES.values(), ids=PLACES.keys())
def test_signing_in_leads_to_a_page_of_this_hub(hub, visit, asked, reached):
    answer, _ = sign_in(visit, hub, hub.token, next=asked)
    assert (answer.headers["Location"], answer.headers["A"]) == (reached, None)


def test_form_comes_back_to_where_the_person_was(hub, visit):
    refused = visit(hub, "/acme/none?a=1&b=2")
    link = next(place for place in refused.all("a", "href") if place.startswith("/login"))
    form = visit(hub, link)
    assert "/acme/none?a=1&b=2" in form.all("input", "value")


def test_basic_credentials_do_as_well(hub, visit, private):
    assert visit(hub, private, token=hub.token).status == 200
    assert visit(hub, private, token="hf_wrong").status == 401
