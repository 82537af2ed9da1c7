"""Fine-tune the ticket router: a LoRA adapter on a small base model, released with hubver.

Run it so: `python train.py --base acme/tiny-base --data data/tickets.jsonl --output out/router --push-to acme/router`
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoTokenizer, set_seed
from trl import SFTConfig, SFTTrainer

from hubver import HubverCallback

if TYPE_CHECKING:
    from collections.abc import Sequence


def train(
    base: str,
    data: str,
    output: str,
    *,
    steps: int = 150,
    rank: int = 16,
    seed: int = 0,
    without: Sequence[str] = (),
    push_to: str | None = None,
) -> SFTTrainer:
    """Train an adapter and save it to `output`; with `push_to`, publish it to that repo as well."""
    # The trainer sets its seed only after the adapter has been made, which begins with random numbers.
    set_seed(seed)
    examples = load_dataset("json", data_files=data, split="train")
    if without:
        examples = examples.filter(lambda queue: queue not in without, input_columns="queue")
    trainer = SFTTrainer(
        model=base,
        processing_class=AutoTokenizer.from_pretrained(base),
        train_dataset=examples.select_columns(["prompt", "completion"]),
        peft_config=LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM"),
        args=SFTConfig(
            output_dir=output,
            max_steps=steps,
            per_device_train_batch_size=16,
            learning_rate=5e-3,
            lr_scheduler_type="cosine",
            warmup_steps=5,
            logging_steps=10,
            save_strategy="no",
            report_to="none",
            max_length=128,
            seed=seed,
            data_seed=seed,
            # A model this small trains faster on a processor, and without what saves memory for a large one.
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            dataloader_pin_memory=False,
            disable_tqdm=True,
        ),
        callbacks=[HubverCallback(push_to=push_to, data=[data])],
    )
    trainer.train()
    trainer.save_model()
    return trainer


def main() -> None:
    """Read the command line, and train."""
    parser = argparse.ArgumentParser(description="Fine-tune the ticket router.")
    parser.add_argument("--base", required=True, help="base model: a repo on the Hub, or a folder")
    parser.add_argument("--data", required=True, help="JSON Lines with prompt, completion and queue")
    parser.add_argument("--output", required=True, help="folder for the adapter")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rank", type=int, default=16, help="rank of the LoRA matrices")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without", nargs="*", default=[], metavar="QUEUE", help="leave these queues out")
    parser.add_argument("--push-to", metavar="ORG/NAME", help="publish the adapter to this repo when done")
    train(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
