"""The page: what it shows, that it can do nothing, and how it looks in a browser."""

from __future__ import annotations

import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from adapters import factors, write, write_whole
from tools import needs

from hubver.diff import Change, pictures
from hubver.diff.difference import difference
from hubver.diff.page import html
from hubver.settings import Settings

EVIL = "<img src=x onerror=alert(1)> {{ 7*7 }} </style><script>alert(2)</script>"
CHROMIUM = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = tmp_path_factory.mktemp("pages")
    one, other = factors(1, layers=12), factors(2, layers=12, rank=8)
    for tensors in (one, other):
        tensors["base_model.model.model.layers.3.head.weight"] = np.ones((3, 3), "f4") * len(tensors)
    other["base_model.model.model.layers.3.head.weight"] *= 2
    write(root / "a", one, r=2)
    write(root / "b", other)
    compared = difference(str(root / "a"), str(root / "b"), weights=True, settings=Settings())
    changes = (
        Change("data", "train", None, None, EVIL),
        Change("hyperparameters", "steps", 1, 2, "steps 1 → 2", "consequence"),
        Change("metrics", "loss", 0.5, 0.25, "loss 0.5 → 0.25 (better)", "consequence"),
    )
    return replace(compared, changes=changes, summary=f"One factor changed: data. {EVIL}")


def parsed(page: str) -> list[tuple[str, dict[str, str | None]]]:
    tags: list[tuple[str, dict[str, str | None]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda name, attributes: tags.append((name, dict(attributes)))
    parser.feed(page)
    return tags


def test_it_shows_all_that_was_found(found):
    page = html(found)
    for text in ("steps 1 → 2", "better", "adapter_config.json says r = 2", "effective rank"):
        assert text in page
    classes = [attributes.get("class") for _, attributes in parsed(page)]
    assert classes.count("bar-a") == 12
    # Twelve layers of updates, and the layer of the saved module.
    assert classes.count("bar-b") == 13
    assert classes.count("aligned") + classes.count("opposed") == 24
    assert classes.count("line-a") == 2 + 1  # two targets, and the legend


def test_it_can_run_nothing_and_load_nothing(found):
    page = html(found)
    tags = parsed(page)
    assert not {"script", "img", "iframe", "object", "form"} & {name for name, _ in tags}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on") or name == "style"]
    assert "{{ 7*7 }}" in page
    assert "default-src 'none'" in page


def test_whole_models_have_a_picture_of_their_own(tmp_path):
    tensors = {f"model.layers.{layer}.w": np.ones((4, 4), "f4") for layer in range(3)}
    moved = {**tensors, "model.layers.1.w": 3 * tensors["model.layers.1.w"]}
    one, other = write_whole(tmp_path / "a", tensors), write_whole(tmp_path / "b", moved)
    from hubver.diff.weights.compare import compare
    from hubver.diff.weights.files import open_folder

    drawn = pictures.movements(compare(open_folder(one), open_folder(other), lambda _done, _of: None).tensors)
    assert [bar.height for bar in drawn.b] == [0.0, pictures.HEIGHT, 0.0]
    assert drawn.most == "2"


def test_cosines_of_opposites_look_other_than_those_of_the_alike(tmp_path):
    tensors = factors(1, layers=1)
    flipped = {name: -value if ".lora_B." in name and "q_proj" in name else value for name, value in tensors.items()}
    settings = Settings()
    compared = difference(
        str(write(tmp_path / "a", tensors)), str(write(tmp_path / "b", flipped)), weights=True, settings=settings
    )
    strips = {strip.target: strip for strip in pictures.strips(compared.weights.modules)}
    assert strips["q_proj"].cells[0].opposed
    assert not strips["up_proj"].cells[0].opposed
    assert strips["q_proj"].mean == "\N{MINUS SIGN}1.000"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_on_a_phone_without_a_word_of_complaint(found, tmp_path, scheme):
    needs("chromium")
    from playwright.sync_api import sync_playwright

    file = tmp_path / "page.html"
    file.write_text(html(found), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme=scheme)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(Path(file).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
        bars = page.evaluate("[...document.querySelectorAll('.bar-a')].map(bar => bar.getBoundingClientRect().width)")
        assert min(bars) > 2
        browser.close()
    assert said == []
