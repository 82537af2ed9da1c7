"""Memory that really runs out: a child process that may not have more address space than its model and a little."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="limits address space by RLIMIT_AS")]

CHILD = """
import json, os, resource, sys
from pathlib import Path
from hubver.errors import HubverError
from hubver.gate.engine import Engine, ModelSource
from hubver.gate.asking.requests import Likelihood, Generation, to_json

folder, rooms = Path(sys.argv[1]), map(int, sys.argv[2:])
told = []
model = Engine(told.append).load(ModelSource("candidate", folder))
model.answer([Likelihood("a", ("b", "bcd")), Generation("a", 2)])
requests = [Likelihood("x" * number, ("y" * 20,)) for number in range(1, 33)]
for room in rooms:
    if child := os.fork():  # torch is loaded once, and every one starts from the same memory
        assert os.waitpid(child, 0)[1] == 0
        continue
    if room:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
    try:
        answers, error = [to_json(answer) for answer in model.answer(requests)], None
    except HubverError as raised:
        answers, error = None, f"{type(raised).__name__}: {raised}"
    print(json.dumps({"answers": answers, "error": error, "told": told, "sequences": model.budget.sequences}), flush=True)
    os._exit(0)
"""
FREE, TIGHT, TOO_TIGHT = 0, 80, 2


@pytest.fixture(scope="module")
def wide(tiny, tmp_path_factory):
    """A small model whose vocabulary is large: its logits are what takes the memory."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("wide")
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=60_000, max_position_embeddings=128, **sizes)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny.base).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def found(wide):
    """What became of the same requests, by how many MB there were for them; no limit if 0."""
    rooms = (FREE, TIGHT, TOO_TIGHT)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(wide), *(str(room << 20) for room in rooms)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "TOKENIZERS_PARALLELISM": "false"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(rooms, map(json.loads, done.stdout.splitlines()[-len(rooms) :]), strict=True))


def test_a_batch_that_does_not_fit_is_halved_until_it_does(found):
    free, tight = found[FREE], found[TIGHT]
    assert free["sequences"] > tight["sequences"]
    assert not [line for line in free["told"] if "memory ran out" in line]
    assert [line for line in tight["told"] if "memory ran out" in line]
    assert tight["error"] is None
    for ours, theirs in zip(tight["answers"], free["answers"], strict=True):
        assert ours[0][0] == pytest.approx(theirs[0][0], abs=1e-4)
        assert ours[0][1:] == theirs[0][1:]


def test_a_request_that_does_not_fit_alone_is_named(found):
    assert found[TOO_TIGHT]["answers"] is None
    assert found[TOO_TIGHT]["error"].startswith("HarnessFailed: candidate does not fit into memory")
