"""The child process that loads one commit as applications do, and has it answer. What it finds is written as JSON.

A process of its own, because a model may take all memory, or crash in the libraries below it, and the answer of `smoke`
must be a sentence then, too. Code of the repository is executed only where the settings say so, as by `hubver.load` always;
elsewhere a model that cannot be loaded without is at fault.
"""

from __future__ import annotations

import errno
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.errors import BadToken, HubFailed, HubverError, MissingPackage
from hubver.gate.running.child import PROGRESS
from hubver.settings import Settings
from hubver.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of different kinds, since a model that was tuned for one may have nothing to say to another.
PROMPTS = ("Hello! Who are you?", "Once upon a time", "1, 2, 3,")
_NEW_TOKENS = 16
_OF_THE_MACHINE = {errno.ENOSPC, errno.ENOMEM, errno.EDQUOT, errno.EMFILE, errno.ENFILE}


def main() -> None:
    """Load `ORG/NAME@SHA` and write what it answers to a file: the arguments are the target, the file and the prompts."""
    target, out, *prompts = sys.argv[1:]
    found = probe(Target.parse(target, need_revision=True), prompts or PROMPTS, Settings.load())
    Path(out).write_text(json.dumps(found), encoding="utf-8")


def probe(target: Target, prompts: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Load a revision and ask it, until it has answered one prompt.

    Returns:
        `load_seconds` and `answers`, each with `prompt`, `text`, `seconds` and `finite`; or, where that failed, `fact`,
        `hint` and `kind`: `release` where it is the revision's own fault, `input` or `hub` or `machine` where it is not.
    """
    from hubver.loading import load

    try:
        _tell(f"loading {target.repo_id} at {str(target.revision)[:8]}")
        began = time.monotonic()
        model, tokenizer, _ = load(target.repo_id, target.revision, settings=settings)
        loaded = time.monotonic() - began
        _tell("asking it")
        return {"load_seconds": loaded, "answers": _answers(model, tokenizer, prompts)}
    except HubverError as error:
        kind = "hub" if isinstance(error, HubFailed) else "release"
        if isinstance(error, BadToken | MissingPackage):
            kind = "input"
        return {"kind": kind, "fact": str(error), "hint": error.hint}
    except ImportError as error:
        return {"kind": "input", "fact": f"Loading it needs a package that is not there: {_said(error)}.", "hint": None}
    except Exception as error:  # noqa: BLE001  # each library below has its own; most mean that the files are no model
        kind = "machine" if _is_of_the_machine(error) else "release"
        return {"kind": kind, "fact": f"{target.repo_id} cannot be loaded and asked: {_said(error)}", "hint": None}


def _answers(model: Any, tokenizer: Any, prompts: Sequence[str]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    for prompt in prompts:
        answers.append(_answer(model, tokenizer, prompt))
        if answers[-1]["text"].strip() or not answers[-1]["finite"]:
            break
    return answers


def _answer(model: Any, tokenizer: Any, prompt: str) -> dict[str, Any]:
    import torch

    text, special = _as_turn(tokenizer, prompt), True
    if text is None:
        text = prompt
    else:
        special = False  # the template has written them
    read = tokenizer(text, return_tensors="pt", add_special_tokens=special)
    inputs = {name: read[name].to(model.device) for name in ("input_ids", "attention_mask")}
    began = time.monotonic()
    with torch.inference_mode():
        # Greedily, so that the same model gives the same answer.
        out = model.generate(
            **inputs,
            max_new_tokens=_NEW_TOKENS,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
            pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
            tokenizer=tokenizer,
        )
    seconds = time.monotonic() - began
    new = out.sequences[0][inputs["input_ids"].shape[1] :]
    said = tokenizer.decode(new, skip_special_tokens=True)
    return {"prompt": prompt, "text": said, "seconds": seconds, "finite": _all_finite(torch, out.logits)}


def _as_turn(tokenizer: Any, prompt: str) -> str | None:
    """A prompt as the model's own template puts it; None where it has none that takes a single turn."""
    from jinja2 import TemplateError

    if not getattr(tokenizer, "chat_template", None):
        return None
    turn = [{"role": "user", "content": prompt}]
    try:
        return str(tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False))
    except TemplateError:
        return None


def _all_finite(torch: Any, logits: Sequence[Any]) -> bool:
    """Whether every step knew a next token; -inf forbids one, and is no fault as long as it does not forbid all."""
    return all(
        not torch.isnan(step).any() and not torch.isposinf(step).any() and torch.isfinite(step).any() for step in logits
    )


def _is_of_the_machine(error: Exception) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _OF_THE_MACHINE):
        return True
    words = str(error).lower()
    return "out of memory" in words or "can't allocate memory" in words


def _said(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _tell(text: str) -> None:
    print(f"{PROGRESS}{text}", flush=True)  # noqa: T201  # to the parent, which shows it


if __name__ == "__main__":
    main()
