"""Every kind of trainer, on a model of a few thousand weights: built in this process, or run as a script of its own.

python tests/tiny_trainers.py sft OUT '{"max_steps": 4}' '{"push_to": "acme/router", "checkpoints": "all"}'
"""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("plain", "sft", "sft-lora", "dpo", "dpo-lora", "kto", "reward", "grpo", "grpo-lora")
_WORDS = ["<pad>", "<eos>", "<unk>", "ticket", "queue", ":", *map(str, range(10))]
_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{{ eos_token }}{% endfor %}"


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(_WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    made = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    made.chat_template = _TEMPLATE
    return made


def model(kind: str, width: int) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(_WORDS),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        num_labels=1,
    )
    return LlamaForSequenceClassification(config) if kind == "reward" else LlamaForCausalLM(config)


def rows(kind: str) -> list[dict[str, Any]]:
    pairs = [(f"ticket {n % 5} :", f" queue {n % 3}", f" queue {9 - n % 3}") for n in range(16)]
    if kind in ("dpo", "reward"):
        return [{"prompt": prompt, "chosen": good, "rejected": bad} for prompt, good, bad in pairs]
    if kind == "kto":
        return [
            {"prompt": prompt, "completion": good, "label": n % 2 == 0} for n, (prompt, good, _) in enumerate(pairs)
        ]
    if kind == "grpo":
        return [{"prompt": prompt} for prompt, _, _ in pairs]
    return [{"prompt": prompt, "completion": good} for prompt, good, _ in pairs]


def length(completions: list[str], **_kwargs: Any) -> list[float]:
    """A reward."""
    return [float(len(completion)) for completion in completions]


def trainer(kind: str, output: Path | str, callback: Any, *, width: int = 16, **changes: Any) -> Any:
    """A trainer of a kind that saves and evaluates every other step of four, and keeps one checkpoint."""
    from datasets import Dataset

    kind, _, lora = kind.partition("-")
    arguments = {
        "output_dir": str(output),
        "max_steps": 4,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 2,
        "save_strategy": "steps",
        "save_steps": 2,
        "save_total_limit": 1,
        "logging_steps": 1,
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
    }
    cls, config, extra = _kind(kind)
    examples = Dataset.from_list(rows(kind))
    words = tokenizer()
    if kind == "plain":
        from transformers import DataCollatorForLanguageModeling

        examples = examples.map(lambda row: words(row["prompt"]), remove_columns=examples.column_names)
        extra = {"data_collator": DataCollatorForLanguageModeling(words, mlm=False)}
    if kind in ("dpo", "kto") and not lora:
        extra["ref_model"] = model(kind, width)  # they would load it by its name
    if lora:
        from peft import LoraConfig

        extra["peft_config"] = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    if changes.get("eval_strategy", "no") != "no":
        extra["eval_dataset"] = examples
    return cls(
        model=model(kind, width),
        args=config(**{**arguments, **changes}),
        train_dataset=examples,
        processing_class=words,
        callbacks=[callback],
        **extra,
    )


def _kind(kind: str) -> tuple[Any, Any, dict[str, Any]]:
    """The trainer's class, a maker of its arguments, and what else it is given."""
    if kind == "plain":
        import transformers

        return transformers.Trainer, transformers.TrainingArguments, {}
    import trl

    if kind == "kto":
        from trl.experimental.kto import KTOConfig, KTOTrainer

        return KTOTrainer, KTOConfig, {}
    if kind == "grpo":

        def config(**values: Any) -> Any:
            return trl.GRPOConfig(**values, num_generations=2, max_completion_length=4)

        return trl.GRPOTrainer, config, {"reward_funcs": length}
    name = {"sft": "SFT", "dpo": "DPO", "reward": "Reward"}[kind]
    return getattr(trl, f"{name}Trainer"), getattr(trl, f"{name}Config"), {}


def main(kind: str, output: str, arguments: str = "{}", options: str = "{}") -> None:
    from hubver.callback import HubverCallback

    # A shell that runs the tests in the background has its children ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    values = json.loads(arguments)
    resume = values.pop("resume", None)
    callback = HubverCallback(**json.loads(options))
    trainer(kind, output, callback, **values).train(resume_from_checkpoint=resume)
    if callback.failure is not None:
        raise callback.failure


if __name__ == "__main__":
    main(*sys.argv[1:])
