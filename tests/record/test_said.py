from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from hubver.errors import BadInput, NotFound
from hubver.record import draft
from hubver.record.schema import Base, DataSource, Gap, RunRecord

SHA, OTHER = "b" * 40, "c" * 40


def fields(taken) -> dict[str, str]:
    return {gap.field: gap.reason for gap in taken.record.gaps}


def leave(folder, **parts) -> None:
    record = RunRecord(run_id="run-1", created=datetime(2026, 1, 2, tzinfo=timezone.utc), **parts)
    draft.write(folder, draft.Draft(record, None))


def test_data_that_is_named_fills_the_gap(adapter, complete, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}\n", encoding="utf-8")
    taken = complete(adapter, data=[str(rows), f"acme/tickets@{SHA}"])
    assert [(source.name, source.hub_sha, len(source.files)) for source in taken.record.data] == [
        ("rows.jsonl", None, 1),
        ("acme/tickets", SHA, 0),
    ]
    assert "data" not in fields(taken)


def test_data_that_the_run_knows_is_not_listed_twice(adapter, complete):
    seen = DataSource(name="train", role="train", hub_id="acme/tickets", hub_sha=SHA, rows=3)
    leave(adapter, data=(seen,), gaps=(Gap(field="data.eval.content_sha256", reason="a stream"),))
    taken = complete(adapter, data=[f"acme/tickets@{SHA}", f"acme/tickets@{OTHER}"])
    assert [source.hub_sha for source in taken.record.data] == [SHA, OTHER]
    assert taken.record.data[0] == seen
    assert "data.eval.content_sha256" in fields(taken)


@pytest.mark.parametrize("word", ["nowhere.jsonl", "acme/tickets@main", "acme/tickets", f"acme/tickets@{SHA[:7]}"])
def test_data_that_pins_nothing_is_refused(adapter, complete, word):
    with pytest.raises(BadInput, match="is not there"):
        complete(adapter, data=[word])


def test_a_base_with_its_commit_leaves_no_doubt(adapter, complete):
    taken = complete(adapter, base=f"acme/base@{SHA}")
    assert (taken.record.base_model.id, taken.record.base_model.sha) == ("acme/base", SHA)
    assert not {"base_model.id", "base_model.sha"} & fields(taken).keys()


def test_a_base_without_its_commit_is_what_the_hub_has_now(adapter, complete):
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/home/me/base"}))
    taken = complete(adapter, base="acme/base")
    assert (taken.record.base_model.id, taken.record.base_model.sha) == ("acme/base", SHA)
    assert "base_model.id" not in fields(taken)
    assert fields(taken)["base_model.sha"] == "the run did not say; main was resolved at push"
    assert json.loads(taken.files["adapter_config.json"])["base_model_name_or_path"] == "acme/base"
    assert taken.hints == ()


def test_another_base_than_the_folder_names_is_the_user_s_word(adapter, complete):
    leave(adapter, base_model=Base(id="acme/quantised", sha=OTHER, config_sha256="d" * 64, dtype="bfloat16"))
    taken = complete(adapter, base=f"acme/base@{SHA}")
    base = taken.record.base_model
    assert (base.id, base.sha, base.dtype, base.config_sha256) == ("acme/base", SHA, "bfloat16", None)
    assert fields(taken)["base_model.id"] == "named at the push; the run says acme/quantised"


def test_the_files_of_a_base_without_a_name_stay_its_own(adapter, complete):
    leave(adapter, base_model=Base(config_sha256="d" * 64, weights_sha256="e" * 64))
    assert complete(adapter, base=f"acme/base@{SHA}").record.base_model.config_sha256 == "d" * 64


@pytest.mark.parametrize("revision", ["", f"@{SHA}", "@v2"])
def test_a_base_that_the_run_saw_can_be_named_again(adapter, complete, revision):
    leave(adapter, base_model=Base(id="acme/base", sha=SHA, config_sha256="d" * 64))
    taken = complete(adapter, base=f"acme/base{revision}")
    assert (taken.record.base_model.sha, taken.record.base_model.config_sha256) == (SHA, "d" * 64)


def test_another_commit_than_the_run_saw_is_refused(adapter, complete):
    leave(adapter, base_model=Base(id="acme/base", sha=OTHER))
    with pytest.raises(BadInput, match=r"did not start from acme/base@v2") as caught:
        complete(adapter, base="acme/base@v2")
    assert (OTHER in caught.value.expected, caught.value.found) == (True, SHA)


@pytest.mark.parametrize("word", ["", "./base", "/home/me/base", "a/b/c", "acme/base@", "acme base", "@main"])
def test_what_is_no_base_s_name_is_refused(adapter, complete, word):
    with pytest.raises(BadInput, match="names no base model"):
        complete(adapter, base=word)


def test_a_base_that_the_hub_does_not_know_is_a_slip_and_no_gap(adapter, complete):
    def missing(_id, _revision):
        raise NotFound("no such repo")

    with pytest.raises(NotFound):
        complete(adapter, base="acme/bsae", resolve_base=missing)
