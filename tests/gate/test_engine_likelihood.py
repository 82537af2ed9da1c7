from __future__ import annotations

import random
import shutil
import warnings

import pytest

from hubver.errors import BadInput
from hubver.gate.asking.requests import Chat, Likelihood, Message
from hubver.gate.engine import Engine, ModelSource
from hubver.gate.engine.encoding import Encoder

pytestmark = pytest.mark.slow

CHOICES = (" yes", " no", "x", "y", " {a}", " the invoice", " the invoice is", "q")


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A tokenizer of pieces that span words, so that where a prompt ends changes its tokens; with and without a BOS."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    texts = [
        "the invoice is wrong and the parcel is late",
        "yes the parcel",
        "no the invoice",
        "is it late or wrong",
    ] * 9
    made = {}
    for bos in (False, True):
        raw = Tokenizer(models.BPE())
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
        raw.train_from_iterator(
            texts,
            trainers.BpeTrainer(
                vocab_size=330,
                special_tokens=["<bos>", "<eos>"],
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            ),
        )
        if bos:
            raw.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 0)])
        names = {"bos_token": "<bos>"} if bos else {}
        made[bos] = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", pad_token="<eos>", **names)
    return made


@pytest.fixture(scope="module")
def model(tiny):
    return Engine().load(ModelSource("candidate", tiny.adapter("one", seed=1), tiny.base))


def plain(model, pairs):
    """The plain way: one prompt with one continuation, no batch, no padding, every logit."""
    import torch

    total, greedy = 0.0, True
    for context, continuation in pairs:
        with model.network.wearing(model._worn) as module, torch.no_grad():
            logits = module(input_ids=torch.tensor([context + continuation])).logits[0].float()
        rows = logits[len(context) - 1 : -1].log_softmax(-1)
        total += sum(float(row[token]) for row, token in zip(rows, continuation, strict=True))
        greedy &= rows.argmax(-1).tolist() == list(continuation)
    return total, sum(len(continuation) for _, continuation in pairs), greedy


def assert_as_plain(model, requests):
    answers = model.answer(requests)
    for request, answer in zip(requests, answers, strict=True):
        for pairs, found in zip(model.encoder.continuations([request])[0], answer, strict=True):
            total, tokens, greedy = plain(model, pairs)
            assert found.log_probability == pytest.approx(total, abs=1e-4)
            assert (found.tokens, found.greedy) == (tokens, greedy)
    return answers


def test_continuations_are_as_likely_as_one_by_one(model, tiny):
    requests = [Likelihood(prompt, CHOICES) for prompt in tiny.prompts]
    answers = assert_as_plain(model, requests)
    assert len({max(range(len(CHOICES)), key=lambda at: answer[at].log_probability) for answer in answers}) > 1
    shuffled = random.Random(2).sample(requests, len(requests))
    again = dict(zip(shuffled, model.answer(shuffled), strict=True))
    assert [again[request] for request in requests] == answers, "the order of the requests shows"


@pytest.mark.parametrize(
    "continuations",
    [
        ("x",),
        (" the invoice",),
        ("x", "y", "z"),
        (" the invoice", " the parcel", " the"),
        ("x", " the invoice is wrong"),
        ("xa", "xab", "xabc", "x", "xb"),
        ("same", "samf", "samg"),
    ],
)
def test_any_number_and_length_of_continuations(model, continuations):
    assert_as_plain(model, [Likelihood(prompt, continuations) for prompt in ("alpha", "a", "", "x: {1}  ")])


def test_what_the_model_itself_would_say_is_greedy(model, tiny):
    from hubver.gate.asking.requests import Generation

    prompts = tiny.prompts[:6]
    said = model.answer([Generation(prompt, 6) for prompt in prompts])
    answers = model.answer([Likelihood(p, (text, text[:-1] + "~")) for p, text in zip(prompts, said, strict=True)])
    assert [(own.greedy, other.greedy) for own, other in answers] == [(True, False)] * 6


def test_sharing_a_prompt_changes_no_decision(tiny):
    """The same adapter on a base that is its own, where nothing is shared: both ways of scoring are asked."""
    source = ModelSource("candidate", tiny.adapter("one", seed=1), tiny.base)
    shared, whole = Engine().load(source), Engine().load(source)
    whole.shares_base = False
    assert shared._can_share()
    assert not whole._can_share()
    requests = [Likelihood(prompt, CHOICES) for prompt in [*tiny.prompts, ""]]
    for one, other in zip(shared.answer(requests), whole.answer(requests), strict=True):
        for left, right in zip(one, other, strict=True):
            assert left.log_probability == pytest.approx(right.log_probability, abs=1e-4)
            assert (left.tokens, left.greedy) == (right.tokens, right.greedy)


def test_a_model_that_forgets_what_is_far_away_shares_nothing(tiny, tmp_path):
    import torch
    from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM

    torch.manual_seed(3)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = MistralConfig(vocab_size=60, num_key_value_heads=2, sliding_window=5, max_position_embeddings=128, **sizes)
    MistralForCausalLM(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny.base).save_pretrained(tmp_path)
    model = Engine().load(ModelSource("candidate", tmp_path))
    assert not model._can_share()
    assert_as_plain(model, [Likelihood(prompt, CHOICES) for prompt in tiny.prompts[:5]])


def test_positions_that_are_learned_are_shared_too(tiny, tmp_path):
    import torch
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(3)
    GPT2LMHeadModel(GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=128)).save_pretrained(
        tmp_path
    )
    AutoTokenizer.from_pretrained(tiny.base).save_pretrained(tmp_path)
    model = Engine().load(ModelSource("candidate", tmp_path))
    assert model._can_share()
    assert_as_plain(model, [Likelihood(prompt, CHOICES) for prompt in tiny.prompts[:5]])


def test_a_model_that_makes_something_else_of_a_mask_shares_nothing(tiny, tmp_path):
    """Attention that reads any mask as the usual one: nobody would hear of it but by the numbers."""
    shutil.copytree(tiny.base, tmp_path / "deaf")
    model = Engine().load(ModelSource("candidate", tmp_path / "deaf"))
    usual = model.network.module.model.forward

    def forward(*args, attention_mask=None, **options):
        plain = attention_mask is not None and attention_mask.ndim == 2
        return usual(*args, attention_mask=attention_mask if plain else None, **options)

    model.network.module.model.forward = forward
    assert not model._can_share()
    assert_as_plain(model, [Likelihood(prompt, CHOICES) for prompt in tiny.prompts[:5]])


def test_more_continuations_than_one_tree_holds(model):
    words = tuple(f" {first}{second}{third}{'ab' * 9}" for first in "abcd" for second in "xyz" for third in "klmno")
    assert_as_plain(model, [Likelihood("alpha", words)])


def test_a_document_longer_than_the_model_sees_is_cut_into_windows(model):
    text = "the invoice is wrong " * 15
    ((pairs,),) = model.encoder.continuations([Likelihood("", (text,))])
    assert [len(continuation) for _, continuation in pairs] == [128, 128, len(text) - 256]
    assert all(len(context) + len(continuation) <= 129 for context, continuation in pairs)
    assert [token for _, continuation in pairs for token in continuation] == model.encoder.prompts([text[:100]])[
        0
    ] + list(model.encoder.tokenizer(text[100:])["input_ids"])
    assert_as_plain(model, [Likelihood("", (text,))])


@pytest.mark.parametrize(
    ("prompt", "continuation", "message"),
    [
        ("alpha", "", "makes no tokens of a continuation"),
        ("", "", "makes no tokens of a continuation"),
        ("a" * 100, "b" * 30, "do not fit"),
    ],
)
def test_what_cannot_be_asked_is_refused(model, prompt, continuation, message):
    with pytest.raises(BadInput, match=message):
        model.answer([Likelihood(prompt, ("x", continuation))])


def test_the_longest_that_fits_is_answered(model):
    assert_as_plain(model, [Likelihood("a" * 100, ("b" * 29, "c"))])


# Prompt and continuation; which tokens are whose is where harnesses differ.
PAIRS = [
    ("the invoice is", " wrong"),
    ("the invoice is ", "wrong"),
    ("the invoice is  ", "wrong"),
    ("the invoice is\n", "wrong"),
    ("the invo", "ice is wrong"),
    ("yes", " the parcel is late"),
    ("<bos>the parcel", " is late"),
    ("<eos>the parcel", " is late"),
    ("", "the parcel is late"),
    ("", "<bos>the parcel"),
    ("", "<eos>the parcel"),
    ("é the", " invoice ü"),
]


@pytest.mark.parametrize("bos", [False, True])
@pytest.mark.parametrize(("prompt", "continuation"), PAIRS)
def test_white_space_moves_and_tokens_are_split_where_the_prompt_ends(words, bos, prompt, continuation):
    """The rule of lm-evaluation-harness, written down a second time."""
    tokenizer = words[bos]
    prefix = "<bos>" if bos else "<eos>"
    ((((context, tokens),),),) = Encoder("candidate", tokenizer, 128).continuations(
        [Likelihood(prompt, (continuation,))]
    )
    if not prompt:
        whole = tokenizer.encode(continuation, add_special_tokens=False)
        first = tokenizer.convert_tokens_to_ids(prefix)
        assert context == (first,)
        assert list(tokens) == (whole[1:] if whole[0] == first else whole)
        return
    special = not prompt.startswith(prefix)
    before = tokenizer.encode(prompt.rstrip(), add_special_tokens=special)
    whole = tokenizer.encode(prompt + continuation, add_special_tokens=special)
    assert list(context) == before
    assert list(tokens) == whole[len(before) :]


@pytest.mark.parametrize("bos", [False, True])
def test_tokens_and_decisions_are_those_of_lm_evaluation_harness(words, tiny, tmp_path, bos):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed")
        from lm_eval.api.instance import Instance
        from lm_eval.models.huggingface import HFLM

        folder = model_with(tmp_path / "words", words[bos])
        model = Engine().load(ModelSource("candidate", folder))
        harness = HFLM(pretrained=str(folder), device="cpu", batch_size=3, dtype="float32")

        def instances(kind, all_arguments):
            return [Instance(kind, {}, arguments, 0, ("t", 0, 1)) for arguments in all_arguments]

        # One at a time: where two pairs are the same tokens cut at two places, its cache mixes them up.
        theirs = [harness.loglikelihood(instances("loglikelihood", [pair]), disable_tqdm=True)[0] for pair in PAIRS]
        document = "the invoice is wrong and the parcel is late " * 20
        prompts = ["the invoice", "is it late", "yes", "the parcel is"]
        stops = ["e", " the", "is"]
        said = harness.generate_until(
            instances("generate_until", [(p, {"until": stops, "max_gen_toks": 16}) for p in prompts]), disable_tqdm=True
        )
        (rolling,) = harness.loglikelihood_rolling(instances("loglikelihood_rolling", [(document,)]), disable_tqdm=True)
    ours = [answer[0] for answer in model.answer([Likelihood(prompt, (text,)) for prompt, text in PAIRS])]
    assert [answer.log_probability for answer in ours] == pytest.approx([value for value, _ in theirs], abs=1e-4)
    assert [answer.greedy for answer in ours] == [greedy for _, greedy in theirs]
    from hubver.gate.asking.requests import Generation

    assert model.answer([Generation(prompt, 16, stop=tuple(stops)) for prompt in prompts]) == said
    if not bos:  # with one, the harness's rolling likelihood has a second beginning in it
        ((whole,),) = model.answer([Likelihood("", (document,))])
        assert whole.log_probability == pytest.approx(rolling, abs=1e-2)


def model_with(folder, tokenizer):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(4)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_chat_comes_before_continuations_too(tiny, tmp_path):
    from transformers import AutoTokenizer

    shutil.copytree(tiny.base, tmp_path / "chat")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "chat")
    tokenizer.chat_template = "{% for m in messages %}{{ m.role + ': ' + m.content + '. ' }}{% endfor %}"
    tokenizer.save_pretrained(tmp_path / "chat")
    model = Engine().load(ModelSource("candidate", tmp_path / "chat"))
    chat = Likelihood(Chat((Message("user", "hello"),)), CHOICES)
    assert model.answer([chat]) == model.answer([Likelihood("user: hello. ", CHOICES)])
    assert_as_plain(model, [chat])
