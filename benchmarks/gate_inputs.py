"""What the gate is measured on: a random Llama and two LoRA adapters on it, and the demo's tickets to ask them about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.gate_speed import Scenario

MODELS = ("base", "production", "candidate")
NEW_TOKENS, STOP = 24, "\n"
SIZES = {
    "tiny": {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 2, "num_attention_heads": 4},
    "100M": {"hidden_size": 768, "intermediate_size": 2560, "num_hidden_layers": 12, "num_attention_heads": 12},
}


def make_models(folder: Path, size: str) -> None:
    """A base and two adapters that change its answers, with a tokenizer of the demo's tickets."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer(folder / "base")
    config = LlamaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=512, initializer_range=0.05, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, **SIZES[size],
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder / "base")
    for seed, name in enumerate(MODELS[1:], start=1):
        torch.manual_seed(seed)
        base = LlamaForCausalLM.from_pretrained(folder / "base")
        model = get_peft_model(
            base, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
        )
        for weight_name, weight in model.named_parameters():
            if "lora_B" in weight_name:
                torch.nn.init.normal_(weight, std=0.05)
        model.save_pretrained(folder / name)


def make_tokenizer(folder: Path):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from hubver.demo import tickets

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1024, special_tokens=["<pad>", "<eos>"], initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(tickets.corpus(4000, "speed"), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>")
    tokenizer.save_pretrained(folder)
    return tokenizer


def make_task(folder: Path, scenario: Scenario) -> None:
    """The same examples for both sides: rows, and the harness's task over them."""
    from hubver.demo import tickets

    choices = sorted({tickets.answer(queue, priority) for queue in tickets.SUBJECTS for priority in tickets.URGENCIES})
    rows = [
        {
            "prompt": row["prompt"],
            "choices": choices,
            "target": choices.index(row["completion"]),
            "text": row["completion"],
        }
        for row in tickets.rows(scenario.examples, "speed")
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    common = (
        f"task: {scenario.kind}\ndataset_path: json\ndataset_kwargs:\n  data_files:\n    test: {folder}/rows.jsonl\n"
        'test_split: test\ndoc_to_text: "{{prompt}}"\ntarget_delimiter: ""\n'
    )
    kinds = {
        "choices": (
            "output_type: multiple_choice\ndoc_to_choice: choices\ndoc_to_target: target\n"
            "metric_list:\n  - metric: acc\n"
        ),
        "texts": (
            "output_type: generate_until\ndoc_to_target: text\n"
            f"generation_kwargs:\n  until: [{json.dumps(STOP)}]\n  max_gen_toks: {NEW_TOKENS}\n  do_sample: false\n"
            "metric_list:\n  - metric: exact_match\n"
        ),
    }
    (folder / "task.yaml").write_text(common + kinds[scenario.kind])
