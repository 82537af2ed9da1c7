"""What people write, and what they upload, must not run in the pages, nor break them."""

from __future__ import annotations

import re

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hubver.localhub import LocalHub
from hubver.localhub.pages.links import Base
from hubver.localhub.pages.rich_text import render

BASE = Base("/acme/router", "v1", "docs")
SAFE_TAGS = {"p", "a", "img", "div", "span", "table", "pre", "code", "h1", "h2", "b", "details", "li", "ul", "em"}

HARMFUL = {
    "script": "<script>alert(1)</script>",
    "script in capitals": "<ScRiPt >alert(1)</sCrIpT>",
    "script split by another": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "handler": '<img src="x.png" onerror="alert(1)">',
    "handler without quotes": "<img src=x.png/onerror=alert(1)>",
    "handler on a plain element": "<p onclick=alert(1) onmouseover='alert(1)'>x</p>",
    "link to a script": "[x](javascript:alert(1))",
    "link to a script in HTML": '<a href="javascript:alert(1)">x</a>',
    "link to a script, hidden": '<a href="jav&#x0A;ascript:alert(1)">x</a> <a href=" &#14; javascript:alert(1)">x</a>',
    "link to another scheme": '<a href="vbscript:x">x</a> <a href="file:///etc/passwd">x</a> <a href="data:text/html,x">x</a>',
    "autolink": "<javascript:alert(1)> <data:text/html,x>",
    "link that is no address": '<a href="http://[">x</a>',
    "data image": "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "image of another host": "![x](https://example.org/pixel.png) <img src='//example.org/p.png'>",
    "several images": '<img srcset="https://example.org/p.png 2x" src="/\\example.org/p.png">',
    "SVG": '<svg onload="alert(1)"><script>alert(1)</script><a xlink:href="javascript:alert(1)">x</a></svg>',
    "MathML": "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "style": "<style>* { display: none }</style>",
    "style of an element": '<p style="position:fixed;inset:0;background:url(//example.org)">x</p>',
    "class of the page": '<div class="refusal">x</div><p class="notice">x</p>',
    "frame": '<iframe src="/login"></iframe><object data="/x"></object><embed src="/x">',
    "form": '<form action="https://example.org"><input name="token"><button>Sign in</button></form>',
    "base": '<base href="https://example.org/">',
    "refresh": '<meta http-equiv="refresh" content="0;url=https://example.org">',
    "stylesheet": '<link rel="stylesheet" href="https://example.org/x.css">',
    "element inside an attribute": "<a title='<table x onmouseover=alert(1)>'>x</a>",
    "end of the page": "</article></main></body></html><script>alert(1)</script>",
    "open comment": "<!-- <script>alert(1)</script> --><!--",
    "script in code": "```html\n<script>alert(1)</script>\n```\n`<script>alert(1)</script>`",
    "script as a language": '```"><script>alert(1)</script>\nx\n```',
    "script in a heading": '# <script>alert(1)</script>" onload="x',
    "id of the page": '<h2 id="content">x</h2>',
    "name of a form": '<a name="cookie" id="cookie">x</a>',
    "target": '<a href="https://example.org" target="_top" ping="https://example.org">x</a>',
    "cell": "| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |",
}


def elements(visit, html):
    from email.message import Message

    headers = Message()
    headers["Content-Type"] = "text/html"
    return visit.__globals__["Answer"](200, headers, html.encode("utf-8", "replace")).elements


def assert_harmless(found):
    for tag, attributes in found:
        assert tag in SAFE_TAGS | {"br", "tr", "td", "th", "thead", "tbody", "strong"}, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in {"style", "target", "ping", "srcset", "name", "action"}, name
            if name == "href":
                assert re.match(r"https?://|mailto:|/|#", value), value
            if name == "src":
                assert re.match(r"/acme/router/|/[^/\\]", value), value
            if name == "class":
                assert len(value) <= 3, value
            if name == "id":
                assert value.startswith("card-"), value


@pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL.keys())
def test_text_can_do_no_harm(visit, text):
    assert_harmless(elements(visit, str(render(text, BASE))))


LINKS = {
    "file beside it": ("[x](a.md)", "/acme/router/blob/v1/docs/a.md"),
    "file above it": ("[x](../LICENSE)", "/acme/router/blob/v1/LICENSE"),
    "with a part": ("[x](a.md#L3)", "/acme/router/blob/v1/docs/a.md#L3"),
    "with a space": ("[x](<a b.md>)", "/acme/router/blob/v1/docs/a%20b.md"),
    "quoted": ("[x](a%20b%25.md)", "/acme/router/blob/v1/docs/a%20b%25.md"),
    "of the Hub": ("[x](/acme/other)", "/acme/other"),
    "part of the text": ("[x](#results)", "#card-results"),
    "another host": ("[x](https://example.org/a)", "https://example.org/a"),
    "mail": ("[x](mailto:a@example.org)", "mailto:a@example.org"),
    "outside the repo": ("[x](../../x)", None),
    "folder": ("[x](.)", "/acme/router/blob/v1/docs"),
    "root": ("[x](..)", "/acme/router/blob/v1"),
    "image": ("![x](img/a.png)", "/acme/router/resolve/v1/docs/img/a.png"),
    "image in HTML": ('<img src="./a.png" width="100" alt="x">', "/acme/router/resolve/v1/docs/a.png"),
}


@pytest.mark.parametrize(("text", "place"), LINKS.values(), ids=LINKS.keys())
def test_relative_links_lead_into_the_revision(visit, text, place):
    found = elements(visit, str(render(text, BASE)))
    attributes = next(attributes for tag, attributes in found if tag in {"a", "img"})
    assert attributes.get("href", attributes.get("src")) == place


def test_revision_in_a_link_is_quoted():
    base = Base("/acme/router", "refs/pr/1", "")
    assert base.link("a.md") == "/acme/router/blob/refs%2Fpr%2F1/a.md"


NASTY = "<b onclick=alert(1)>\"'&amp;</b>"


@pytest.fixture(scope="module")
def nasty(tmp_path_factory, plant):
    """A repo in which everything that people can name is named with HTML."""
    with LocalHub(tmp_path_factory.mktemp("nasty") / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("acme/router")
        front = "---\ntags:\n- '<script>alert(1)</script>'\nlicense: '\"><img src=x onerror=alert(1)>'\nbase_model: <b>x</b>\n---\n"
        card = front + "\n\n".join(HARMFUL.values())
        # A name has no slash, and what runs needs none.
        files = {"README.md": card, f"{NASTY.replace('/', '')}.txt": NASTY, "x.html": "<script>alert(1)</script>"}
        files["bad.md"] = NASTY
        plant(hub, "acme/router", {path: content.encode() for path, content in files.items()}, f"{NASTY}\n\n{NASTY}")
        api.create_tag("acme/router", tag="<img/src=x'onerror=alert(1)>")
        api.create_branch("acme/router", branch='"><script>alert(1)</script>')
        pull = api.create_commit(
            "acme/router",
            [CommitOperationAdd("x.html", b"<script>alert(2)</script>")],
            commit_message=NASTY,
            commit_description=HARMFUL["handler"],
            create_pr=True,
        ).pr_num
        for text in HARMFUL.values():
            api.comment_discussion("acme/router", pull, text)
        api.rename_discussion("acme/router", pull, NASTY * 2)
        yield hub


PAGES = [
    "/",
    "/acme",
    "/?search=%3Cscript%3E%22",
    "/login?next=/%22%3E%3Cscript%3E",
    "/acme/router",
    "/acme/router/tree/main",
    "/acme/router/tree/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/acme/router/blob/main/x.html",
    "/acme/router/blob/main/README.md",
    "/acme/router/blob/main/README.md?code=true",
    "/acme/router/blob/main/%3Cb%20onclick=alert(1)%3E%22'&amp;%3Cb%3E.txt",
    "/acme/router/commits/main",
    "/acme/router/commit/main",
    "/acme/router/refs",
    "/acme/router/refs?search=%22%3E%3Cscript%3E",
    "/acme/router/discussions",
    "/acme/router/discussions/1",
    "/acme/router/discussions/1/files",
    "/acme/router/tree/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/acme/router/blob/main/%3Cscript%3E",
    "/%3Cscript%3E",
    "/a/b/c/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
]


@pytest.mark.parametrize("path", PAGES)
def test_page_of_nasty_names_has_only_its_own_elements(nasty, visit, path):
    answer = visit(nasty, path)
    assert answer.status == (404 if path in PAGES[-4:] else 200)
    scripts = [attributes for tag, attributes in answer.elements if tag == "script"]
    assert [attributes.get("src", "").partition("?")[0] for attributes in scripts] == ["/-/copy.js"]
    for tag, attributes in answer.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        assert tag not in {"iframe", "object", "embed", "base", "style"}
        assert not (tag == "b" and attributes), attributes
        assert not re.match(r"\s*(javascript|data|vbscript):", attributes.get("href", ""), re.IGNORECASE)


def test_nothing_runs_in_a_browser(nasty, browser):
    context = browser.new_context()
    page = context.new_page()
    ran, asked = [], []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES:
        page.goto(nasty.url + path)
        page.evaluate(
            "for (const e of document.querySelectorAll('main *')) e.dispatchEvent(new MouseEvent('mouseover'))"
        )
    context.close()
    assert ran == []
    assert [url for url in asked if not url.startswith(nasty.url)] == []


@pytest.mark.parametrize("verb", ["resolve", "raw"])
def test_file_never_runs_with_the_rights_of_a_page(nasty, visit, verb):
    answer = visit(nasty, f"/acme/router/{verb}/main/x.html")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers.get_content_type() not in {"text/html", "image/svg+xml", "text/javascript", "text/css"}
