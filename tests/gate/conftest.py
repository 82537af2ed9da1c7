from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789 .:{}",<>'


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    return Tiny(tmp_path_factory.mktemp("tiny"))


class Tiny:
    """A random Llama with a character tokenizer, and LoRA adapters on it, as folders."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.base = self._base("base", seed=0)

    def _base(self, name: str, seed: int) -> Path:
        import torch
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers
        from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

        folder = self.root / name
        vocabulary = {"<pad>": 0, "<eos>": 1, "<unk>": 2} | {c: i + 3 for i, c in enumerate(ALPHABET)}
        raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
        raw.pre_tokenizer = pre_tokenizers.Split("", "isolated")
        raw.decoder = decoders.Fuse()
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="right"
        )
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=len(vocabulary),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=128,
            bos_token_id=None,
            eos_token_id=1,
            pad_token_id=0,
        )
        LlamaForCausalLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    def another_base(self) -> Path:
        return self._base("another-base", seed=7)

    def adapter(self, name: str, *, seed: int, dead: bool = False, base: Path | None = None) -> Path:
        """A LoRA whose B is random, so that it changes the answers; or zero, so that it changes nothing."""
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        folder = self.root / name
        if folder.is_dir():
            return folder
        base = base or self.base
        torch.manual_seed(seed)
        config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM")
        with warnings.catch_warnings():  # peft uses what transformers deprecated
            warnings.simplefilter("ignore")
            model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
        if not dead:
            for weight_name, weight in model.named_parameters():
                if "lora_B" in weight_name:
                    torch.nn.init.normal_(weight, std=0.5)
        model.save_pretrained(folder)
        config = json.loads((folder / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = str(base)
        (folder / "adapter_config.json").write_text(json.dumps(config))
        return folder

    @property
    def prompts(self) -> list[str]:
        words = ["alpha", "beta gamma", "a", "the invoice is wrong", "x: {1}", "hello there", "zz 99", "q"]
        return [f"{word} {number}" for number in range(2) for word in words]
