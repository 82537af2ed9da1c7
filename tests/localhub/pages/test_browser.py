"""The pages as a browser shows them: in light and dark, at a desk and on a phone, with and without scripts."""

from __future__ import annotations

import pytest

ROUTER = "/acme/ticket-router"
PAGES = {
    "home": "/",
    "card": ROUTER,
    "dataset": "/datasets/acme/tickets",
    "no card": "/acme/tiny-base",
    "gate": "/acme/restricted",
    "files": f"{ROUTER}/tree/main",
    "source": f"{ROUTER}/blob/main/README.md?code=true",
    "tensors": f"{ROUTER}/blob/main/adapter_model.safetensors",
    "commits": f"{ROUTER}/commits/main",
    "commit": f"{ROUTER}/commit/v1.2.0",
    "versions": f"{ROUTER}/refs",
    "discussions": f"{ROUTER}/discussions?status=all",
    "pull request": f"{ROUTER}/discussions/1",
    "its files": f"{ROUTER}/discussions/1/files",
    "conflict": f"{ROUTER}/discussions/3",
    "sign in": "/login",
    "missing": "/acme/none",
}
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

# The least contrast of any text with what is behind it, by the formula of WCAG 2, and the text that has it.
CONTRAST = """() => {
  const channels = (color) => {
    const context = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d");
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const known = new Map();
  const parse = (color) => known.get(color) ?? known.set(color, channels(color)).get(color);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const grounds = new Map();
  const ground = (element) => {
    if (!grounds.has(element)) {
      const color = parse(getComputedStyle(element).backgroundColor);
      grounds.set(element, color[3] === 255 || !element.parentElement ? color : ground(element.parentElement));
    }
    return grounds.get(element);
  };
  const seen = new Set();
  let worst = [99, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || seen.has(element)) continue;
    seen.add(element);
    if (!element.checkVisibility() || element.closest("script")) continue;
    const [a, b] = [parse(getComputedStyle(element).color), ground(element)].map((c) => light(c.slice(0, 3)));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, walker.currentNode.data.trim()];
  }
  return worst;
}"""


# What can be clicked and has no name to say aloud.
NAMELESS = """() => [...document.querySelectorAll("main a[href], header a[href], button, summary, input:not([type=hidden])")]
  .filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.hidden)).map((e) => e.outerHTML)"""


class Watch:
    """A window, with what it complained of and the addresses that it asked for."""

    def __init__(self, context):
        self.complaints, self.asked = [], []
        self.page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def check(self, site):
        assert [text for text in self.complaints if "401 (Unauthorized)" not in text] == []
        assert [url for url in self.asked if not url.startswith(site.url)] == []


@pytest.fixture(scope="module")
def looks(site, browser):
    """Each page looked at in each size and scheme: what is to be said of it."""
    context = browser.new_context()
    watch, found = Watch(context), {}
    for name, path in PAGES.items():
        watch.page.goto(site.url + path)
        facts = found[name] = {"contrast": {}, "width": {}, "ground": {}}
        for size in (PHONE, DESK):
            watch.page.set_viewport_size(size)
            facts["width"][size["width"]] = watch.page.evaluate("document.documentElement.scrollWidth")
        for scheme in ("light", "dark"):
            watch.page.emulate_media(color_scheme=scheme)
            facts["contrast"][scheme] = watch.page.evaluate(CONTRAST)
            facts["ground"][scheme] = watch.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        facts["nameless"] = watch.page.evaluate(NAMELESS)
        facts["title"] = watch.page.title()
        facts["headings"] = watch.page.locator("h1").count()
    context.close()
    watch.check(site)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_read_by_everybody(looks, name):
    facts = looks[name]
    for scheme, (contrast, text) in facts["contrast"].items():
        assert contrast >= 4.5, (scheme, text)
    for width, needed in facts["width"].items():
        assert needed <= width
    assert facts["ground"]["light"] != facts["ground"]["dark"]
    assert facts["nameless"] == []
    assert facts["title"].endswith(" · Local Hub")
    assert facts["headings"] >= 1


@pytest.fixture
def opened(site, browser):
    """Opens a window; afterwards it must have complained of nothing, and asked no other host for anything."""
    contexts, watches = [], []

    def page(**settings):
        contexts.append(browser.new_context(**settings))
        watches.append(Watch(contexts[-1]))
        return watches[-1].page

    yield page
    for context in contexts:
        context.close()
    for watch in watches:
        watch.check(site)


def test_keyboard_reaches_what_a_mouse_does(site, opened):
    page = opened(viewport=DESK)
    page.goto(f"{site.url}{ROUTER}/tree/main")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.get_by_role("link", name="v1.0.0", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/tree/v1.0.0")
    assert page.get_by_text("Publish v1.0.0").is_visible()


def test_snippet_is_copied(site, browser):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(site.url + ROUTER)
    page.get_by_role("button", name="Copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    context.close()
    assert copied == f"git clone {site.url}{ROUTER}"


def test_all_can_be_read_without_scripts(site, opened):
    page = opened(java_script_enabled=False)
    page.goto(site.url + ROUTER)
    assert page.get_by_text("git clone").is_visible()
    assert page.locator("button.copy:visible").count() == 0
    page.goto(f"{site.url}{ROUTER}/discussions/1/files")
    assert page.get_by_text("lora_dropout").first.is_visible()


def test_image_of_a_card_is_shown(site, opened):
    page = opened()
    page.goto(f"{site.url}/datasets/acme/tickets")
    page.wait_for_function("document.querySelector('.prose img').complete")
    assert page.evaluate("document.querySelector('.prose img').naturalWidth") == 1


def test_person_signs_in_and_out(site, opened):
    page = opened()
    page.goto(f"{site.url}/acme/draft")
    page.get_by_role("main").get_by_role("link", name="sign in").click()
    page.get_by_label("Token").fill("hf_wrong")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").is_visible()
    page.get_by_label("Token").fill(site.token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/acme/draft")
    assert page.get_by_text("private").is_visible()
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{site.url}/")
    assert page.goto(f"{site.url}/acme/draft").status == 401


def test_file_is_downloaded_and_not_opened(site, opened):
    page = opened()
    page.goto(f"{site.url}{ROUTER}/blob/main/README.md")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "README.md"
