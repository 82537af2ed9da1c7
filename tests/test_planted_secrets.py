"""Secrets of every kind, planted wherever a run could leave them: a real training and a real push let none of them out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from secret_kinds import KEYED, SHAPED, forms

PLACES = [
    "environment",
    "arguments",
    "diff",
    "notebook",
    "configuration",
    "log",
    "exception",
    "trainer",
    "card",
    "known",
]

SCRIPT = """
import json, os, sys
from pathlib import Path
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments
from hubver.callback import HubverCallback

planted = json.loads(Path(os.environ["PLANTED"]).read_text())


class Broken:
    def __init__(self, text):
        object.__setattr__(self, "text", text)

    def __getattribute__(self, name):
        raise RuntimeError(object.__getattribute__(self, "text"))


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, _):
        return {"input_ids": torch.tensor([1, 2, 3]), "labels": torch.tensor([1, 2, 3])}


class Talks(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        for number, text in enumerate(planted["log"] + planted["known"]):
            state.log_history.append({"step": number, f"note {text}"[:150]: 1, "note": f"failed: {text}"})


model = LlamaForCausalLM(LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                     num_attention_heads=1, max_position_embeddings=8))
arguments = TrainingArguments("out", max_steps=1, report_to="none", use_cpu=True, save_strategy="no",
                              hub_token=planted["trainer"][0], label_names=planted["trainer"])
data = [Broken(text) for text in planted["exception"]]
trainer = Trainer(model, arguments, train_dataset=Rows(), callbacks=[HubverCallback(data=data), Talks()])
trainer.train()
trainer.save_model()
"""


def texts_of() -> tuple[list[str], dict[str, str]]:
    """What is planted in a place: one text for each kind, and the secrets in them by kind."""
    secrets = {kind: make() for kind, make in SHAPED.items()}
    keyed = {kind: make() for kind, (_, make) in KEYED.items()}
    texts = list(secrets.values()) + [KEYED[kind][0].format(secret) for kind, secret in keyed.items()]
    return texts, {**secrets, **keyed}


def run(command, folder, **environment):
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


def everything_in(root: Path) -> bytes:
    """All bytes that a Hub keeps: its files as they lie, and every git object unpacked."""
    parts = []
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        data = file.read_bytes()
        parts.append(data)
        if "objects" in file.parts and len(file.name) == 38:
            parts.append(zlib.decompress(data))
    for repository in {path.parent for path in root.rglob("HEAD") if (path.parent / "objects").is_dir()}:
        command = ["git", "-C", repository, "-c", "safe.directory=*", "cat-file", "--batch-all-objects", "--batch"]
        parts.append(subprocess.run(command, capture_output=True, check=True).stdout)
    return b"\n".join(parts)


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """What was planted, and where its run was published: the Hub's folder, and what both processes said."""
    from hubver.localhub import LocalHub

    folder = tmp_path_factory.mktemp("planted")
    planted, secrets = {}, {}
    for place in PLACES:
        planted[place], secrets[place] = texts_of()
    # These are told by the environment alone.
    planted["known"] = list(secrets["known"].values())
    project = folder / "project"
    project.mkdir()
    (project / "train.py").write_text(SCRIPT, encoding="utf-8")
    (project / "explore.ipynb").write_text('{"cells": []}', encoding="utf-8")
    (project / "notes.py").write_text("", encoding="utf-8")
    (project / "train.yaml").write_text("a: 1\n", encoding="utf-8")
    git(project, "init", "-q", "-b", "main")
    remote = SHAPED["GitHub"]()
    secrets["remote"] = {"GitHub": remote}
    git(project, "remote", "add", "origin", f"https://oauth2:{remote}@git.acme.example/org/project.git")
    git(project, "add", "-A")
    git(project, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "start")
    cells = [{"source": [f"!{text}\n", f"print('{text}')\n"]} for text in planted["notebook"]]
    (project / "explore.ipynb").write_text(json.dumps({"cells": cells}, indent=1), encoding="utf-8")
    (project / "notes.py").write_text("\n".join(f"# {text}" for text in planted["diff"]), encoding="utf-8")
    lines = [f"- {json.dumps(text)}" for text in planted["configuration"]]
    (project / "train.yaml").write_text("notes:\n" + "\n".join(lines), encoding="utf-8")
    (folder / "planted.json").write_text(json.dumps(planted), encoding="utf-8")
    environment = {f"PLANTED_{n}": text for n, text in enumerate(planted["environment"])}
    environment |= {f"PLANTED_{n}_TOKEN": text for n, text in enumerate(secrets["known"].values())}
    environment |= {"OMP_NUM_THREADS": "1", "CUBLAS_WORKSPACE_CONFIG": planted["environment"][0]}
    said = run(
        ["train.py", *planted["arguments"]],
        project,
        **environment,
        PLANTED=str(folder / "planted.json"),
        HF_HUB_OFFLINE="1",
    )
    (project / "out" / "README.md").write_text("\n\n".join(planted["card"]), encoding="utf-8")
    with LocalHub(folder / "hub") as hub:
        token = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token}
        push = ["-m", "hubver", "push", "out", "acme/planted"]
        said += run(push, project, **token, **environment)
        said += run(push, project, **token, **environment, HUBVER_DEBUG="1")
    assert (project / "out" / "hubver-run.json").is_file()
    draft = (project / "out" / "hubver-run.json").read_bytes() + (project / "out" / "hubver-run.diff").read_bytes()
    return secrets, everything_in(folder / "hub"), said.encode(), draft


@pytest.mark.slow
@pytest.mark.parametrize("place", [*PLACES, "remote"])
def test_no_secret_is_published_said_or_left_in_the_draft(pushed, place):
    secrets, published, said, draft = pushed
    for where, data in (("the Hub", published), ("what was said", said), ("the draft", draft)):
        left = [(kind, form) for kind, secret in secrets[place].items() for form in forms(secret) if form in data]
        assert not left, f"{where} holds {left}"


@pytest.mark.slow
def test_what_was_planted_was_met(pushed):
    """Else the test above would show nothing."""
    _, published, _, _ = pushed
    for trace in (b"git.acme.example/org/project.git", b"run/code.diff", b"explore.ipynb", b"note", b"RuntimeError"):
        assert trace in published, trace
    assert published.count(b"[redacted]") > 5 * (len(SHAPED) + len(KEYED))


@pytest.mark.parametrize("file", ["adapter_config.json", "tokenizer_config.json", "chat_template.jinja", "weights"])
def test_a_file_that_would_travel_with_a_secret_is_refused(tmp_path, file):
    from outputs import write_adapter
    from safetensors.numpy import load_file, save_file

    from hubver.errors import Unsafe
    from hubver.record.folder.files import select

    folder = write_adapter(tmp_path / "out")
    weights = folder / "adapter_model.safetensors"
    tensors = load_file(weights)
    texts, secrets = texts_of()
    for text, (kind, secret) in zip(texts, secrets.items(), strict=True):
        if file == "weights":
            save_file(tensors, weights, metadata={"format": "pt", "arguments": f"a {text}"})
        elif file.endswith(".json"):
            value = json.loads((folder / file).read_text(encoding="utf-8")) | {"noted": text}
            (folder / file).write_text(json.dumps(value), encoding="utf-8")
        else:
            (folder / file).write_text(f"{{# {text} #}}", encoding="utf-8")
        with pytest.raises(Unsafe, match="holds what looks like a secret") as caught:
            select(folder)
        assert not any(form in f"{caught.value}{caught.value.hint}".encode() for form in forms(secret)), kind
