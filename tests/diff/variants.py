"""A user's script that trains one adapter after the other, each with one thing changed. The test runs it as a process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer

from hubver import HubverCallback


def train(output: Path, *, base: str, tokenizer: str, revision: str, data: Path, seed: int, rank: int) -> None:
    examples = load_dataset("json", data_files=str(data), split="train")
    words = AutoTokenizer.from_pretrained(tokenizer, **({"revision": revision} if tokenizer == base else {}))
    trainer = SFTTrainer(
        model=base,
        processing_class=words,
        train_dataset=examples,
        peft_config=LoraConfig(r=rank, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"),
        args=SFTConfig(
            output_dir=str(output),
            num_train_epochs=1,
            per_device_train_batch_size=8,
            learning_rate=5e-3,
            logging_steps=2,
            save_strategy="no",
            report_to="none",
            max_length=128,
            seed=seed,
            model_init_kwargs={"revision": revision},
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            dataloader_pin_memory=False,
            disable_tqdm=True,
        ),
        callbacks=[HubverCallback(data=[str(data)])],
    )
    trainer.train()
    trainer.save_model()


def main(plan: Path) -> None:
    for name, run in json.loads(plan.read_text()).items():
        if run.pop("dirty"):
            with Path(__file__).open("a", encoding="utf-8") as script:
                script.write("# tried something\n")
        train(plan.parent / name, **run)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
