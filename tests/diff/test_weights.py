"""What is said of weights, against the same computed the long way round: the whole matrix, and its SVD."""

from __future__ import annotations

import math

import numpy as np
import pytest
from adapters import PREFIX, bf16, factors, write, write_whole
from huggingface_hub import HfApi
from hypothesis import given, settings
from hypothesis import strategies as st

from hubver.diff.difference import difference, show
from hubver.diff.weights import reading
from hubver.diff.weights.compare import compare
from hubver.diff.weights.files import open_folder, open_revision
from hubver.diff.weights.numbers import Half, cosine, effective_rank, inner_product, measure
from hubver.errors import BadDocument, BadInput, NotFound
from hubver.hub.client import Hub
from hubver.settings import Settings

SIZES = st.integers(1, 9)


def silent(_done: int, _of: int) -> None:
    pass


def compared(a, b):
    return compare(open_folder(a), open_folder(b), silent)


def whole(tensors, module: str, scale: float) -> np.ndarray:
    return scale * tensors[f"{module}.lora_B.weight"].astype(float) @ tensors[f"{module}.lora_A.weight"].astype(float)


@given(seed=st.integers(0, 9999), rank=SIZES, other=SIZES, wide=SIZES, high=SIZES, scale=st.floats(0.1, 10))
@settings(max_examples=60)
def test_the_factors_say_what_the_whole_matrix_says(seed, rank, other, wide, high, scale):
    random = np.random.default_rng(seed)

    def draw(inner: int) -> Half:
        a = random.standard_normal((inner, wide)).astype("f4")
        return Half(a, random.standard_normal((high, inner)).astype("f4"), scale)

    one, two = draw(rank), draw(other)
    formed = [scale * half.b.astype(float) @ half.a.astype(float) for half in (one, two)]
    found = measure(one)
    values = np.linalg.svd(formed[0], compute_uv=False)
    assert found.norm == pytest.approx(np.linalg.norm(formed[0]), rel=1e-4)
    assert found.singular_values[: len(values)] == pytest.approx(
        values[: len(found.singular_values)], abs=2e-3 * values[0]
    )
    assert inner_product(one, two) == pytest.approx(
        np.sum(formed[0] * formed[1]), abs=1e-4 * np.linalg.norm(formed[0]) * np.linalg.norm(formed[1])
    )


def test_effective_rank_is_the_exponential_of_the_entropy():
    assert effective_rank([1.0, 1.0, 1.0, 1.0]) == pytest.approx(4.0)
    assert effective_rank([5.0, 0.0, 0.0]) == pytest.approx(1.0)
    assert effective_rank([3.0, 1.0]) == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))
    assert effective_rank([0.0, 0.0]) == 0.0


def test_an_update_of_nothing_has_no_direction():
    nothing = Half(np.ones((2, 3), "f4"), np.zeros((4, 2), "f4"), 1.0)
    found = measure(nothing)
    assert (found.norm, found.effective_rank) == (0.0, 0.0)
    assert cosine(0.0, 0.0, 1.0) is None
    assert cosine(math.nan, 1.0, 1.0) is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_said_and_spoils_nothing_else(tmp_path, value):
    broken = factors(1)
    broken[f"{PREFIX}.0.mlp.q_proj.lora_B.weight"][2, 1] = value
    found = compared(write(tmp_path / "a", broken), write(tmp_path / "b", factors(2)))
    first = {module.name: module for module in found.modules}["model.layers.0.mlp.q_proj"]
    assert (first.a, first.cosine) == (None, None)
    assert first.b is not None
    assert found.a.notes == ("the updates of 1 module hold NaN or infinity",)
    assert math.isfinite(found.a.norm)
    assert math.isfinite(found.cosine)


SCALES = {
    "alpha / r": ({}, 16 / 4),
    "alpha / sqrt(r)": ({"use_rslora": True}, 16 / 2),
    "a pattern for one": ({"alpha_pattern": {"1.mlp.q_proj": 2}}, 16 / 4),
    "a pattern for all": ({"alpha_pattern": {r".*\.q_proj|.*up_proj": 2}}, 2 / 4),
    "a pattern that would never end": ({"alpha_pattern": {"(a|a)*(a|a)*b": 2}}, 16 / 4),
    "no alpha": ({"lora_alpha": None}, 1.0),
}


@pytest.mark.parametrize(("config", "scale"), SCALES.values(), ids=SCALES)
def test_the_scale_is_peft_s(tmp_path, config, scale):
    tensors = factors(1)
    found = compared(write(tmp_path / "a", tensors, **config), write(tmp_path / "b", factors(2)))
    first = found.modules[0]
    assert first.name == "model.layers.0.mlp.q_proj"
    assert first.a.measured.norm == pytest.approx(
        np.linalg.norm(whole(tensors, f"{PREFIX}.0.mlp.q_proj", scale)), rel=1e-4
    )
    assert found.a.notes == (() if scale != 1.0 else ("alpha is not known, so the norms are of B A without its scale",))


def test_peft_agrees(tmp_path):
    """The delta that PEFT itself would add to the base."""
    torch = pytest.importorskip("torch")
    from peft import LoraConfig, get_peft_model

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.q_proj = torch.nn.Linear(24, 16)
            self.table = torch.nn.Embedding(12, 8)

    deltas = []
    for seed, rank in ((0, 4), (1, 2)):
        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "table"])
        net = get_peft_model(Net(), config)
        for name, parameter in net.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(parameter)
        net.save_pretrained(tmp_path / str(seed))
        modules = (net.base_model.model.q_proj, net.base_model.model.table)
        deltas.append([module.get_delta_weight("default").detach().numpy() for module in modules])
    found = compared(tmp_path / "0", tmp_path / "1")
    by_name = {module.name: module for module in found.modules}
    for place, name in enumerate(("q_proj", "table")):
        one, other = deltas[0][place], deltas[1][place]
        module = by_name[name]
        assert module.a.measured.norm == pytest.approx(np.linalg.norm(one), rel=1e-4)
        assert module.b.measured.norm == pytest.approx(np.linalg.norm(other), rel=1e-4)
        expected = np.sum(one * other) / np.linalg.norm(one) / np.linalg.norm(other)
        assert module.cosine == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, "BF16"], ids=str)
def test_every_number_format_is_read(tmp_path, dtype):
    exact = compared(write(tmp_path / "a", factors(1)), write(tmp_path / "b", factors(2)))
    found = compared(write(tmp_path / "c", factors(1), dtype=dtype), write(tmp_path / "d", factors(2), dtype=dtype))
    assert found.cosine == pytest.approx(exact.cosine, abs=5e-3)
    assert found.a.norm == pytest.approx(exact.a.norm, rel=1e-2)


def test_cosines_know_opposites_and_other_ranks(tmp_path):
    tensors = factors(1)
    flipped = {name: -value if ".lora_B." in name else value for name, value in tensors.items()}
    padded = {
        name: np.concatenate([value, np.zeros_like(value)], axis=0 if ".lora_A." in name else 1)
        for name, value in tensors.items()
    }
    one = write(tmp_path / "a", tensors)
    assert compared(one, write(tmp_path / "b", flipped)).cosine == pytest.approx(-1.0, abs=1e-5)
    wider = compared(one, write(tmp_path / "c", padded))
    assert wider.cosine == pytest.approx(1.0, abs=1e-5)
    assert (wider.a.ranks, wider.b.ranks) == ((4,), (8,))
    # Twice the rank at the same alpha is half the update; the added directions hold nothing.
    assert wider.b.norm == pytest.approx(wider.a.norm / 2, rel=1e-4)
    assert wider.b.effective_rank == pytest.approx(wider.a.effective_rank, rel=1e-2)


def test_the_same_bytes_are_not_read_twice(tmp_path):
    one, other = write(tmp_path / "a", factors(1)), write(tmp_path / "b", factors(1))
    same = compared(one, other)
    assert same.identical
    assert same.cosine == 1.0
    assert same.read == sum(value.nbytes for value in factors(1).values())
    # The same factors at another alpha are another update.
    assert not compared(one, write(tmp_path / "c", factors(1), lora_alpha=32)).identical


CONTRADICTIONS = {
    "rank": ({"r": 8}, "adapter_config.json says r = 8, the tensors have rank 4 (4 modules)"),
    "rank of some": (
        {"rank_pattern": {"0.mlp.q_proj": 2}},
        "adapter_config.json says r = 2, the tensors have rank 4 (1 module)",
    ),
    "a target too many": (
        {"target_modules": ["q_proj", "up_proj", "v_proj"]},
        "adapter_config.json targets v_proj, of which there are no tensors",
    ),
    "a target too few": (
        {"target_modules": ["q_proj"]},
        "adapter_config.json does not target up_proj, which the tensors change",
    ),
}


@pytest.mark.parametrize(("config", "sentence"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_tensors_are_believed_and_names_are_not(tmp_path, config, sentence):
    one, other = write(tmp_path / "a", factors(1), **config), write(tmp_path / "b", factors(2))
    found = compared(one, other)
    assert found.a.contradictions == (sentence,)
    assert found.b.contradictions == ()
    assert found.a.ranks == (4,)
    asked = difference(str(one), str(other), weights=True, settings=Settings())
    assert asked.contradictions == (f"A: {sentence}",)
    # The record of the push has the headers, so that this needs no look at the weights.
    assert show(str(one), settings=Settings()).contradictions == (sentence,)


def test_what_is_no_pair_is_compared_as_a_tensor(tmp_path):
    random = np.random.default_rng(0)
    head = random.standard_normal((5, 6), dtype=np.float32)
    magnitude = f"{PREFIX}.0.mlp.q_proj.lora_magnitude_vector"
    one = {**factors(1), "base_model.model.lm_head.weight": head, magnitude: np.ones(16, "f4")}
    other = {**factors(1), "base_model.model.lm_head.weight": 1.5 * head, magnitude: np.ones(16, "f4")}
    other["extra.bias"] = np.zeros(3, "f4")
    other[f"{PREFIX}.0.mlp.broken.lora_A.weight"] = np.zeros((4, 24), "f4")
    found = compared(write(tmp_path / "a", one, use_dora=True), write(tmp_path / "b", other, use_dora=True))
    by_name = {tensor.name: tensor for tensor in found.tensors}
    assert by_name["base_model.model.lm_head.weight"].relative == pytest.approx(0.5)
    assert by_name[magnitude].same
    assert by_name["extra.bias"].where == "b"
    assert "model.layers.0.mlp.broken has only one half of its update" in found.b.contradictions
    assert any(note.startswith("DoRA") for note in found.a.notes)


def test_experts_in_one_tensor_are_not_taken_for_one_update(tmp_path):
    config = {"target_parameters": ["mlp.up_proj.weight"]}
    found = compared(write(tmp_path / "a", factors(1), **config), write(tmp_path / "b", factors(2), **config))
    assert {module.target for module in found.modules} == {"q_proj"}
    assert len(found.tensors) == 4
    assert any("experts" in note for note in found.a.notes)


WHOLE = {f"model.layers.{layer}.w": np.full((8, 8), layer + 1.0, "f4") for layer in range(4)}


@pytest.mark.parametrize("shards", [1, 3])
def test_whole_models_are_compared_tensor_by_tensor(tmp_path, monkeypatch, shards):
    moved = {**WHOLE, "model.layers.2.w": WHOLE["model.layers.2.w"] * np.float32(1.25)}
    one, other = write_whole(tmp_path / "a", WHOLE), write_whole(tmp_path / "b", moved, shards=shards)
    for piece in (reading.PIECE, 64):
        # A piece smaller than a tensor takes the way of the large ones.
        monkeypatch.setattr("hubver.diff.weights.reading.PIECE", piece)
        monkeypatch.setattr("hubver.diff.weights.tensors.PIECE", piece)
        found = compared(one, other)
        changed = {tensor.name: tensor.relative for tensor in found.tensors if not tensor.same}
        assert changed == {"model.layers.2.w": pytest.approx(0.25)}
        assert not found.identical


def test_whole_models_that_are_the_same_are_not_read(tmp_path):
    found = compared(write_whole(tmp_path / "a", WHOLE), write_whole(tmp_path / "b", WHOLE))
    assert found.identical
    assert found.read == 0
    assert all(tensor.same for tensor in found.tensors)


def test_numbers_that_mean_nothing_are_compared_as_bytes(tmp_path):
    codes = np.arange(64, dtype=np.uint8)
    other = {"a": codes, "b": codes + np.uint8(1)}
    one = write_whole(tmp_path / "a", {"a": codes, "b": codes})
    found = {tensor.name: tensor for tensor in compared(one, write_whole(tmp_path / "b", other)).tensors}
    assert found["a"].same
    assert (found["b"].same, found["b"].relative) == (False, None)


def test_an_adapter_and_a_whole_model_are_not_compared(tmp_path):
    found = compared(write(tmp_path / "a", factors(1)), write_whole(tmp_path / "b", WHOLE))
    assert found.not_compared == "A is an adapter and B a whole model"
    assert (found.a.ranks, found.b.kind) == ((4,), "full")


BROKEN = {
    "no weights": (lambda folder: (folder / "adapter_model.safetensors").unlink(), NotFound),
    "cut short": (
        lambda folder: (folder / "adapter_model.safetensors").write_bytes(bf16(factors(1))[:-9]),
        BadInput,
    ),
    "no header": (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"\xff" * 40), BadInput),
    "empty": (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b""), BadInput),
    "a configuration that is none": (lambda folder: (folder / "adapter_config.json").write_text("[1]"), BadInput),
}


@pytest.mark.parametrize(("spoil", "error"), BROKEN.values(), ids=BROKEN)
def test_broken_weights_are_named(tmp_path, spoil, error):
    folder = write(tmp_path / "a", factors(1))
    spoil(folder)
    with pytest.raises(error):
        compared(folder, write(tmp_path / "b", factors(2)))


def test_an_index_that_names_no_files_is_named(tmp_path):
    folder = write_whole(tmp_path / "a", WHOLE, shards=2)
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../../etc/passwd"}}')
    with pytest.raises(BadDocument):
        open_folder(folder)


@pytest.fixture
def pushed(local_hub, tmp_path):
    """Two adapters on the Hub, without records, and the same two here."""
    api = HfApi(endpoint=local_hub.url, token=local_hub.token)
    folders = [write(tmp_path / name, factors(seed, layers=40)) for name, seed in (("a", 1), ("b", 2))]
    api.create_repo("acme/plain", private=True)
    shas = [api.upload_folder(repo_id="acme/plain", folder_path=folder).oid for folder in folders]
    hub = Hub.of(Settings(endpoint=local_hub.url, token=local_hub.token))
    return hub, shas, folders


def test_parts_of_the_hub_s_files_say_what_the_files_here_say(pushed, monkeypatch):
    hub, shas, folders = pushed
    # Headers that do not fit into the first read, and more pieces than one.
    monkeypatch.setattr("hubver.diff.weights.files._FIRST", 100)
    monkeypatch.setattr("hubver.diff.weights.reading.PIECE", 9_000)
    here = compared(*folders)
    there = compare(*(open_revision(hub, "acme/plain", sha) for sha in shas), silent)
    assert there == here
    assert there.read == sum(value.nbytes for value in factors(1, layers=40).values()) * 2


def test_the_same_file_on_the_hub_is_known_by_its_digest(pushed):
    hub, shas, folders = pushed
    told: list[int] = []
    found = compare(*(open_revision(hub, "acme/plain", shas[0]) for _ in range(2)), lambda done, of: told.append(of))
    assert found.identical
    assert set(told) == {sum(value.nbytes for value in factors(1, layers=40).values())}
    assert compare(open_folder(folders[0]), open_revision(hub, "acme/plain", shas[0]), silent).identical


def test_revisions_without_records_are_compared_by_their_weights_alone(pushed):
    hub, shas, _ = pushed
    chosen = Settings(endpoint=hub.endpoint, token=hub.token)
    found = difference(f"acme/plain@{shas[0]}", shas[1], weights=True, settings=chosen)
    assert found.summary == "No record in A and B, so only the weights are compared."
    assert found.weights.cosine is not None
    with pytest.raises(NotFound, match=r"has no hubver\.json"):
        difference(f"acme/plain@{shas[0]}", shas[1], settings=chosen)
    with pytest.raises(NotFound, match=r"has no hubver\.json"):
        show(f"acme/plain@{shas[0]}", settings=chosen)
