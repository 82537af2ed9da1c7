from __future__ import annotations

import pickle
import re
import zipfile
from collections import OrderedDict
from fractions import Fraction

import pytest

from hubver.errors import BadInput, Unsafe
from hubver.record.folder.files import select


def travelling(folder) -> set[str]:
    return set(select(folder).files)


def test_what_belongs_to_the_model_travels_and_the_rest_stays_with_a_reason(adapter):
    tokenizer = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "merges.txt", "spiece.model"}
    for name in (*tokenizer, "generation_config.json", "chat_template.jinja"):
        (adapter / name).write_text("{}")
    (adapter / "additional_chat_templates").mkdir()
    (adapter / "additional_chat_templates" / "tools.jinja").write_text("x")
    stays = [
        "README.md",
        "trainer_state.json",
        "notes.txt",
        "modeling.py",
    ]
    for name in (*stays, "hubver-run.json", "hubver-run.diff", "hubver.json", ".env"):
        (adapter / name).write_text("x")
    for name in ("checkpoint-10", "runs", ".cache"):
        (adapter / name).mkdir()
    for name in ("training_args.bin", "optimizer.pt", "rng_state_0.pth", "scheduler.pt"):
        (adapter / name).write_bytes(pickle.dumps(OrderedDict()))

    selection = select(adapter)
    assert selection.kind == "adapter"
    assert set(selection.files) == {
        *tokenizer,
        "adapter_model.safetensors",
        "adapter_config.json",
        "generation_config.json",
        "chat_template.jinja",
        "additional_chat_templates/tools.jinja",
    }
    assert {item.path for item in selection.left_out} == {
        *stays,
        "checkpoint-10/",
        "runs/",
        "training_args.bin",
        "optimizer.pt",
        "rng_state_0.pth",
        "scheduler.pt",
    }
    assert all(item.reason for item in selection.left_out)
    assert set(selection.tokenizer) == {*tokenizer, "chat_template.jinja", "additional_chat_templates/tools.jinja"}


def test_a_sharded_model(tmp_path, safetensors_bytes):
    shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for name in shards:
        (tmp_path / name).write_bytes(safetensors_bytes({"w": (2,)}))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors.index.json").write_text(
        f'{{"weight_map": {{"a": "{shards[0]}", "b": "{shards[1]}"}}}}'
    )
    assert select(tmp_path).kind == "full"
    (tmp_path / shards[1]).unlink()
    with pytest.raises(BadInput, match=f"{shards[1]} is missing"):
        select(tmp_path)


class Evil:
    def __reduce__(self):
        return (print, ("ran",))


def zipped_pickle(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02.")


@pytest.mark.parametrize("name", ["weights.txt", "model.ckpt", "tokenizer.json", "vocab.json", "adapter.pt"])
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_by_its_content(adapter, name, protocol):
    (adapter / name).write_bytes(pickle.dumps(Evil(), protocol=protocol))
    with pytest.raises(Unsafe, match=f"{name} is a pickle"):
        select(adapter)


def test_a_pickle_in_a_zip_is_refused(adapter):
    zipped_pickle(adapter / "extra.safetensors.bak")
    with pytest.raises(Unsafe, match="is a pickle"):
        select(adapter)


OLD_PICKLES = {
    "an object of a class": pickle.dumps(Fraction(1, 2), protocol=0),
    "an ordered dictionary": pickle.dumps(OrderedDict(a=1), protocol=0),
    "a function": pickle.dumps(print, protocol=0),
    "a function, protocol 1": pickle.dumps(print, protocol=1),
    "INST": b"(S'true'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'true'\no.",
    "REDUCE without a memo": b"cos\nsystem\n(S'true'\ntR.",
    "an import alone, not text": b"U\1\xff0cos\nsystem\n.",
    "longer than is looked at": pickle.dumps([Evil(), "x" * (2 << 20)], protocol=0),
}


@pytest.mark.parametrize("content", OLD_PICKLES.values(), ids=OLD_PICKLES)
def test_an_old_pickle_that_runs_code_is_found(adapter, content):
    (adapter / "notes.txt").write_bytes(content)
    with pytest.raises(Unsafe, match="is a pickle"):
        select(adapter)


NO_PICKLES = [
    b"",
    b"P",
    b"PK",
    b"PK\3\4 no zip",
    b"cats\nand\ndogs\n.",
    b"cats\nhats\n.",
    b"cats\nhats\n." + "\u00e9".encode() * (1 << 20),
    b"ideas\nmore\n.\n",
    b"(in short\nideas\n.\n",
    b"oR.",
    b"(a.",
    b"N.",
    b"\x80",
    pickle.dumps(["only", {"data": 1}], protocol=0),
]


@pytest.mark.parametrize("content", NO_PICKLES, ids=lambda content: repr(content[:20]))
def test_what_only_looks_a_little_like_a_pickle_is_none(adapter, content):
    (adapter / "notes.txt").write_bytes(content)
    assert "notes.txt" not in travelling(adapter)


@pytest.mark.parametrize("name", ["adapter_model.bin", "pytorch_model.bin"])
def test_pickled_weights_alone_are_refused_with_the_way_out(tmp_path, name):
    zipped_pickle(tmp_path / name)
    with pytest.raises(Unsafe, match=f"{name} is the only weights file") as raised:
        select(tmp_path)
    assert "save_pretrained" in raised.value.hint


def test_pickled_weights_beside_safe_ones_stay(adapter):
    zipped_pickle(adapter / "adapter_model.bin")
    assert "adapter_model.bin" not in travelling(adapter)


def test_a_secret_in_a_configuration_is_refused(adapter):
    (adapter / "tokenizer_config.json").write_text('{"use_auth_token": "hf_' + "a1B2" * 8 + '"}')
    with pytest.raises(Unsafe, match=r"tokenizer_config\.json holds what looks like a secret") as raised:
        select(adapter)
    assert "a1B2" not in str(raised.value)


def test_links(adapter, tmp_path):
    (adapter / "vocab.json").symlink_to("adapter_config.json")
    assert "vocab.json" in travelling(adapter)
    (tmp_path / "secret.json").write_text("{}")
    (adapter / "merges.txt").symlink_to(tmp_path / "secret.json")
    with pytest.raises(Unsafe, match=r"merges\.txt is a link to a file outside"):
        select(adapter)


@pytest.mark.parametrize("target", ["nowhere", "loop"])
def test_links_that_lead_nowhere(adapter, target):
    (adapter / "loop").symlink_to(target)
    with pytest.raises(Unsafe, match="leads nowhere"):
        select(adapter)


def test_no_folder(tmp_path):
    with pytest.raises(BadInput, match="is not a folder"):
        select(tmp_path / "missing")


@pytest.mark.parametrize(
    ("present", "found"),
    [
        pytest.param([], "none of them", id="empty"),
        pytest.param(["adapter_config.json"], "adapter_config.json", id="no weights"),
        pytest.param(["adapter_model.safetensors"], "adapter_model.safetensors", id="no configuration"),
        pytest.param(["model.safetensors"], "model.safetensors", id="model without configuration"),
        pytest.param(["config.json", "tokenizer.json"], "config.json, tokenizer.json", id="only configuration"),
    ],
)
def test_nothing_to_publish(tmp_path, present, found):
    for name in present:
        (tmp_path / name).write_text("{}")
    with pytest.raises(BadInput, match="There is no model") as raised:
        select(tmp_path)
    assert raised.value.found == found
    assert "adapter_model.safetensors" in raised.value.expected


def test_only_checkpoints(tmp_path):
    for step in (9, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    with pytest.raises(BadInput) as raised:
        select(tmp_path)
    assert str(tmp_path / "checkpoint-100") in raised.value.hint


@pytest.mark.parametrize(
    ("lying", "hint"),
    [
        pytest.param([], r"^Save the model into the folder: trainer\.save_model\(\)\.$", id="nothing"),
        pytest.param(["hubver-run.json"], r"^The run's record lies here, but its model does not", id="record"),
        pytest.param(
            ["hubver-run.json", "checkpoint-7/x"], r"checkpoint-7\. The run's record lies here", id="checkpoint"
        ),
        pytest.param(
            ["hubver-run.json", "hubver-final/hubver-run.json"], r"name that folder, .*/hubver-final\.$", id="saved"
        ),
    ],
)
def test_where_the_model_may_be_if_it_is_not_here(tmp_path, lying, hint):
    for name in lying:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    with pytest.raises(BadInput) as raised:
        select(tmp_path)
    assert re.search(hint, raised.value.hint)


@pytest.mark.parametrize("name", ["adapter_config.json", "config.json", "tokenizer_config.json"])
def test_a_configuration_is_not_larger_than_4_mib(adapter, name):
    file = adapter / name
    file.write_text("{" + " " * ((4 << 20) - 2) + "}")
    assert name in travelling(adapter)
    file.write_text("{" + " " * ((4 << 20) - 1) + "}")
    with pytest.raises(BadInput, match=f"{name} is too large") as raised:
        select(adapter)
    assert raised.value.found == "4,194,305 bytes"


@pytest.mark.parametrize("name", ["adapter_config.json", "config.json", "tokenizer_config.json", "tokenizer.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"text"', b"[" * 100_000, "{}".encode("utf-16"), b"\xef\xbb\xbf{}", b'{"a": "\xff"}'],
    ids=lambda content: repr(content[:9]),
)
def test_a_configuration_that_nobody_can_read_is_refused(adapter, name, content):
    (adapter / name).write_bytes(content)
    with pytest.raises(BadInput, match=f"{name} cannot be read") as raised:
        select(adapter)
    assert raised.value.expected == "a JSON object in UTF-8"
    assert str(adapter / name) in raised.value.hint


def test_a_configuration_in_any_language_travels(adapter):
    (adapter / "tokenizer_config.json").write_text('{"bos_token": "\u304a\u65e9\u3046"}', encoding="utf-8")
    assert "tokenizer_config.json" in travelling(adapter)
