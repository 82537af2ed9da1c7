"""Preference tuning, as one finds it in many repositories: HfArgumentParser, DPO, a file of pairs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, HfArgumentParser
from trl import DPOConfig, DPOTrainer

from hubver import HubverCallback


@dataclass
class ScriptArguments:
    model_name_or_path: str = field(metadata={"help": "the model to tune"})
    pairs: str = field(metadata={"help": "JSON Lines with prompt, chosen and rejected"})
    lora_rank: int = field(default=8)


def main():
    script_args, training_args = HfArgumentParser((ScriptArguments, DPOConfig)).parse_args_into_dataclasses()
    with Path(script_args.pairs).open() as lines:
        pairs = Dataset.from_list([json.loads(line) for line in lines])
    model = AutoModelForCausalLM.from_pretrained(script_args.model_name_or_path)
    tokenizer = AutoTokenizer.from_pretrained(script_args.model_name_or_path)
    trainer = DPOTrainer(
        model=model,
        args=training_args,
        train_dataset=pairs,
        processing_class=tokenizer,
        peft_config=LoraConfig(r=script_args.lora_rank, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[HubverCallback(data=[script_args.pairs])],
    )
    trainer.train()
    trainer.save_model(training_args.output_dir)


if __name__ == "__main__":
    main()
