"""Lists of repos, and which properties of a repo are told."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from huggingface_hub import HfApi, get_session
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import ExpandDatasetProperty_T, ExpandModelProperty_T, ExpandSpaceProperty_T


def status_of(call, *arguments, **keywords):
    with pytest.raises(HfHubHTTPError) as refused:
        call(*arguments, **keywords)
    return refused.value.response.status_code


HELD = {"model": "acme/first", "dataset": "acme/tickets", "space": "acme/demo"}


@pytest.fixture
def shelf(api):
    """Three models, a dataset and a space that differ in what they say of themselves."""
    for number, name in enumerate(("first", "second", "third")):
        api.create_repo(f"acme/{name}")
        card = f"---\npipeline_tag: {'text-generation' if number else 'fill-mask'}\ntags: [t{number}, all]\nlanguage: en\n{'' if number else 'co2_eq_emissions: 7'}\n---\n"
        api.upload_file(path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id=f"acme/{name}")
    api.update_repo_settings("acme/third", gated="auto")
    api.create_repo("acme/demo", repo_type="space", space_sdk="static")
    api.create_repo("acme/tickets", repo_type="dataset")
    card = b"---\nlanguage: [en, de]\nsize_categories: n<1K\n---\n"
    api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id="acme/tickets", repo_type="dataset")


FILTERS = {
    "nothing": ({}, ["third", "second", "first"]),
    "tag": ({"filter": "t1"}, ["second"]),
    "tags": ({"filter": ["t1", "all"]}, ["second"]),
    "tags of different repos": ({"filter": ["t1", "t2"]}, []),
    "a field of the card": ({"filter": "co2_eq_emissions"}, ["first"]),
    "language": ({"filter": "en"}, ["third", "second", "first"]),
    "task": ({"pipeline_tag": "text-generation"}, ["third", "second"]),
    "gated": ({"gated": True}, ["third"]),
    "not gated": ({"gated": False}, ["second", "first"]),
    "words": ({"search": "IR"}, ["third", "first"]),
    "the first two": ({"limit": 2}, ["third", "second"]),
    "last changed": ({"sort": "last_modified"}, ["third", "second", "first"]),
    "most loved": ({"sort": "likes"}, ["third", "second", "first"]),
}


@pytest.mark.parametrize(("filters", "expected"), FILTERS.values(), ids=FILTERS.keys())
def test_models_are_filtered(api, shelf, filters, expected):
    found = [m.id.partition("/")[2] for m in api.list_models(**filters)]
    assert sorted(found) == sorted(expected) if "sort" in filters else found == expected


def test_list_tells_more_when_asked(api, shelf):
    plain = next(iter(api.list_models(filter="t0")))
    assert (plain.siblings, plain.card_data, plain.pipeline_tag) == (None, None, "fill-mask")
    full = next(iter(api.list_models(filter="t0", full=True, cardData=True)))
    assert ([s.rfilename for s in full.siblings], full.card_data.language) == ([".gitattributes", "README.md"], "en")
    some = next(iter(api.list_models(filter="t0", expand=["gated", "usedStorage", "downloadsAllTime"])))
    assert (some.gated, some.tags, some.downloads_all_time) == (False, None, 0)
    assert some.used_storage == sum(f.size for f in api.list_repo_tree(some.id))


@pytest.mark.parametrize(
    ("kind", "properties"),
    [("model", ExpandModelProperty_T), ("dataset", ExpandDatasetProperty_T), ("space", ExpandSpaceProperty_T)],
)
def test_unknown_properties_are_refused_with_those_there_are(hub, api, shelf, kind, properties):
    listing = {"model": api.list_models, "dataset": api.list_datasets, "space": api.list_spaces}[kind]
    for ask in (
        lambda names: list(listing(expand=names)),
        lambda names: api.repo_info(HELD[kind], repo_type=kind, expand=names),
    ):
        ask(list(get_args(properties)))
        with pytest.raises(HfHubHTTPError) as refused:
            ask(["sha", "beauty"])
        message = refused.value.response.json()["error"]
        assert set(re.findall(r'"([^"]+)"', message)) == set(get_args(properties))
        assert (refused.value.response.status_code, "at expand[1]" in message) == (400, True)


def test_spaces_are_filtered_by_what_they_use(api, shelf):
    card = b"---\nsdk: static\nmodels: [acme/first, acme/second]\ndatasets: acme/tickets\n---\n"
    api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id="acme/demo", repo_type="space")
    api.create_repo("acme/idle", repo_type="space", space_sdk="docker")
    cases = {
        (): ["acme/idle", "acme/demo"],
        ("linked", True): ["acme/demo"],
        ("models", "acme/first"): ["acme/demo"],
        ("datasets", "acme/tickets"): ["acme/demo"],
        ("models", "acme/third"): [],
    }
    for case, expected in cases.items():
        assert [s.id for s in api.list_spaces(**dict([case] if case else []))] == expected
    for asked in ({"linked": True}, {"models": "acme/first"}, {"expand": ["models", "datasets"], "search": "demo"}):
        (told,) = api.list_spaces(**asked)
        assert (told.models, told.datasets) == (["acme/first", "acme/second"], ["acme/tickets"])
    assert {(told.models, told.datasets) for told in api.list_spaces()} == {(None, None)}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"architectures": ["A"], "model_type": "bert", "dim": 3}', {"architectures": ["A"], "model_type": "bert"}),
        (b"{}", None),
        (b"[]", None),
        (b"none", None),
    ],
)
def test_configuration_is_told_in_part(api, repo, content, told):
    api.upload_file(path_or_fileobj=content, path_in_repo="config.json", repo_id=repo)
    assert (api.model_info(repo).config or None) == told
    assert [(model.config or None) for model in api.list_models(fetch_config=True)] == [told]
    assert [model.config for model in api.list_models()] == [None]


def test_filters_that_mean_nothing_here_are_refused(api, shelf):
    for filters in ({"apps": "ollama"}, {"inference": "warm"}, {"num_parameters": "min:1B"}):
        assert status_of(lambda given=filters: list(api.list_models(**given))) == 400


def test_datasets_are_filtered_by_what_their_cards_say(api, shelf):
    assert [d.id for d in api.list_datasets(language="de", size_categories="n<1K")] == ["acme/tickets"]
    assert list(api.list_datasets(language="fr")) == []
    assert list(api.list_datasets(dataset_name="tick", search="nothing")) == []


def test_list_comes_in_pages(hub, shelf):
    first = get_session().get(f"{hub.url}/api/models?limit=2&filter=all")
    second = get_session().get(first.links["next"]["url"])
    assert [m["id"] for m in first.json() + second.json()] == ["acme/third", "acme/second", "acme/first"]
    assert "next" not in second.links
    assert get_session().get(f"{hub.url}/api/models?sort=beauty").status_code == 400


def test_repos_of_all_kinds_are_listed_with_their_sizes(hub, api):
    api.create_repo("acme/router", private=True)
    api.create_repo("acme/tickets", repo_type="dataset")
    api.upload_file(path_or_fileobj=b"\0" * 3000, path_in_repo="w.bin", repo_id="acme/router")
    rival = HfApi(endpoint=hub.url, token=hub.add_user("rival", orgs=("lab",)))
    rival.create_repo("lab/app", repo_type="space", space_sdk="static")
    mine = {repo.id: repo for repo in api.list_user_repos()}
    assert {name: (repo.type, repo.visibility) for name, repo in mine.items()} == {
        "acme/router": ("model", "private"),
        "acme/tickets": ("dataset", "public"),
    }
    assert mine["acme/router"].storage > 3000
    assert sum(repo.storage_percent for repo in mine.values()) == pytest.approx(100)
    assert [repo.id for repo in rival.list_user_repos("lab")] == ["lab/app"]
    assert list(rival.list_user_repos()) == []
    assert status_of(lambda: list(api.list_user_repos("lab"))) == 403
