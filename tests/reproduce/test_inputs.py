from __future__ import annotations

import pytest

from hubver.errors import BadInput, NotFound
from hubver.record.digest import entry, sha256
from hubver.record.schema import Base
from hubver.reproduce.inputs import Paths, check_base, lay_data, need_base
from hubver.reproduce.place import Place
from hubver.reproduce.plan import Given, Wanted

ROWS = b'{"a": 1}\n'


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "place")
    made.code.mkdir(parents=True)
    made.lay_out()
    return made


def wanted(path="data/rows.jsonl", name="train") -> Wanted:
    return Wanted((name,), (entry(path, ROWS),))


def put(folder, path, content=ROWS):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)
    return folder / path


def test_data_in_the_code(place):
    put(place.code, "data/rows.jsonl")
    found, deviations = lay_data([wanted()], Given(), place)
    assert (found, deviations) == ({"rows.jsonl": place.code / "data/rows.jsonl"}, ())


def test_data_that_the_record_knows_by_its_name_alone(place):
    put(place.code, "wrong/rows.jsonl", b"other")
    there = put(place.code, "right/rows.jsonl")
    assert lay_data([wanted("rows.jsonl")], Given(), place)[0] == {"rows.jsonl": there}


@pytest.mark.parametrize("name", ["rows.jsonl", "train", "data/rows.jsonl"])
def test_data_that_the_user_has(place, tmp_path, name):
    mine = put(tmp_path, "mine.jsonl")
    lay_data([wanted()], Given(data={name: mine}), place)
    assert (place.code / "data/rows.jsonl").read_bytes() == ROWS


def test_a_folder_of_data(place, tmp_path):
    source = Wanted(("corpus",), (entry("corpus/a.txt", b"a"), entry("corpus/b/c.txt", b"c")))
    put(tmp_path, "mine/a.txt", b"a")
    put(tmp_path, "mine/b/c.txt", b"c")
    found, _ = lay_data([source], Given(data={"corpus": tmp_path / "mine"}), place)
    assert found["corpus"] == place.code / "corpus"
    assert (place.code / "corpus/b/c.txt").read_bytes() == b"c"


def test_missing_data_is_named(place):
    with pytest.raises(NotFound, match=r"'rows\.jsonl'.*9 bytes") as caught:
        lay_data([wanted()], Given(), place)
    assert caught.value.hint == "Say where it is: --data rows.jsonl=PATH"


def test_other_data_is_refused_or_named(place):
    put(place.code, "data/rows.jsonl", b"other")
    with pytest.raises(BadInput, match="not what the run read"):
        lay_data([wanted()], Given(), place)
    _, (deviation,) = lay_data([wanted()], Given(anyway=True), place)
    assert (deviation.group, "rows.jsonl" in deviation.sentence) == ("data", True)


def test_data_that_the_run_never_had(place, tmp_path):
    put(place.code, "data/rows.jsonl")
    with pytest.raises(BadInput, match=r"'nothing'.*its own: rows\.jsonl"):
        lay_data([wanted()], Given(data={"nothing": tmp_path}), place)


def test_a_path_out_of_the_repository_is_refused(place):
    with pytest.raises(BadInput, match="outside"):
        lay_data([wanted("../../rows.jsonl")], Given(), place)


def test_a_base_from_a_folder(tmp_path):
    base = Base(config_sha256=sha256(b"{}"), weights_file="model.safetensors", weights_sha256=sha256(b"w"))
    folder = tmp_path / "base"
    put(folder, "config.json", b"{}")
    put(folder, "model.safetensors", b"w")
    assert check_base(folder, base, Given()) == ()
    need_base(tmp_path, base)
    put(folder, "model.safetensors", b"x")
    with pytest.raises(BadInput, match=r"model\.safetensors"):
        check_base(folder, base, Given())
    (deviation,) = check_base(folder, base, Given(anyway=True))
    assert deviation.group == "base"
    put(folder, "config.json", b"[]")
    with pytest.raises(NotFound) as caught:
        need_base(tmp_path, base)
    assert "--base" in caught.value.hint


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--out", "/data/me/out"], ["--out", "{elsewhere}/data/me/out"]),
        (["--out=~/out"], ["--out={elsewhere}/out"]),
        (["--out", "[elsewhere]/out"], ["--out", "{elsewhere}/out"]),
        (["--out", "out"], ["--out", "out"]),
        (["--file", "[elsewhere]/rows.jsonl"], ["--file", "{code}/data/rows.jsonl"]),
        (["--file=/x/rows.jsonl"], ["--file={code}/data/rows.jsonl"]),
        (["--file", "data/rows.jsonl"], ["--file", "data/rows.jsonl"]),
        (["--model", "[elsewhere]/tiny"], ["--model", "{base}"]),
        (["--base-model=/models/tiny"], ["--base-model={base}"]),
        (["--model", "gpt2"], ["--model", "gpt2"]),
        (["--lr", "1e-4", "--flag"], ["--lr", "1e-4", "--flag"]),
    ],
    ids=" ".join,
)
def test_where_the_paths_of_a_command_lead(place, tmp_path, words, expected):
    put(place.code, "data/rows.jsonl")
    paths = Paths(place.elsewhere, place.code, {"rows.jsonl": place.code / "data/rows.jsonl"}, tmp_path / "base")
    names = {"{elsewhere}": place.elsewhere, "{code}": place.code, "{base}": tmp_path / "base"}
    for name, path in names.items():
        expected = [word.replace(name, str(path)) for word in expected]
    assert paths.placed(words) == expected


def test_a_path_does_not_climb_out_of_elsewhere(place):
    with pytest.raises(BadInput, match="outside"):
        Paths(place.elsewhere, place.code, {}, None).placed(["--out", "/../../../etc/out"])
