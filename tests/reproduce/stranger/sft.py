"""Fine-tuning with argparse and the plain Trainer: one file, in no repository."""

from __future__ import annotations

import argparse

import torch
from datasets import load_dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
    set_seed,
)

from hubver import HubverCallback

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="acme/tiny-base")
parser.add_argument("--file", required=True)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int)
args = parser.parse_args()

if args.threads:
    torch.set_num_threads(args.threads)
set_seed(args.seed)
tokenizer = AutoTokenizer.from_pretrained(args.model)
model = AutoModelForCausalLM.from_pretrained(args.model)
rows = load_dataset("json", data_files=args.file, split="train")
rows = rows.map(lambda row: tokenizer(row["prompt"] + row["chosen"]), remove_columns=rows.column_names)
trainer = Trainer(
    model=model,
    args=TrainingArguments(
        "result",
        max_steps=4,
        seed=args.seed,
        learning_rate=1e-3,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
    ),
    train_dataset=rows,
    data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
    processing_class=tokenizer,
    callbacks=[HubverCallback(data=[args.file])],
)
trainer.train()
trainer.save_model("result")
