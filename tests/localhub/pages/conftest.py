"""A Hub with a team's work on it, served once for all tests of the pages, and a browser to look at it."""

from __future__ import annotations

import http.client
import json
import shutil
import struct
import subprocess
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from tools import needs

from hubver.localhub import LocalHub

ROUTER = "acme/ticket-router"
TICKETS = "acme/tickets"
CARDS = Path(__file__).parents[3] / "model_cards"
PNG = bytes.fromhex(  # one red dot
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def safetensors(**shapes):
    """A file of zeros in float32."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


def weights(rank):
    layers = {}
    for number in range(4):
        for part in ("q_proj", "v_proj"):
            start = f"base_model.model.model.layers.{number}.self_attn.{part}"
            layers[f"{start}.lora_A.weight"] = (rank, 64)
            layers[f"{start}.lora_B.weight"] = (64, rank)
    return safetensors(**layers)


CONFIG = {
    "base_model_name_or_path": "acme/tiny-base",
    "bias": "none",
    "inference_mode": True,
    "lora_alpha": 32,
    "lora_dropout": 0.0,
    "peft_type": "LORA",
    "revision": "cae662172fd450bb0cd710a769079c05bfc5d8e3",
    "target_modules": ["q_proj", "v_proj"],
    "task_type": "CAUSAL_LM",
}


def version(number, rank, note):
    card = (CARDS / "example.md").read_text(encoding="utf-8")
    card = card.replace("example-org", "acme").replace("v1.2.0", number)
    config = json.dumps({**CONFIG, "r": rank}, indent=2) + "\n"
    return {
        "README.md": card.replace("Trained on the returns queue as well", note).encode(),
        "adapter_config.json": config.encode(),
        "adapter_model.safetensors": weights(rank),
        "hubver.json": (CARDS / "example.hubver.json").read_bytes(),
        "tokenizer/tokenizer.json": json.dumps({"version": "1.0", "model": {"type": "BPE"}}, indent=2).encode(),
        "tokenizer/special_tokens_map.json": b'{\n  "eos_token": "</s>"\n}\n',
        "gates/routing.py": b"def gate(model):\n    # every queue is routed\n    assert model.accuracy > 0.95\n",
    }


def commit(api, repo, files, title, **more):
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api.create_commit(repo, operations, commit_message=title, **more)


def fill_router(api, reviewer):
    api.create_repo(ROUTER)
    oids = {}
    for number, rank, note in (
        ("v1.0.0", 4, "First version"),
        ("v1.1.0", 8, "Trained longer, on the billing queue"),
        ("v1.2.0", 16, "Trained on the returns queue as well"),
    ):
        oids[number] = commit(api, ROUTER, version(number, rank, note), f"Publish {number}").oid
        api.create_tag(ROUTER, tag=number, revision=oids[number], tag_message=note)
    api.create_branch(ROUTER, branch="production", revision=oids["v1.2.0"])
    api.create_branch(ROUTER, branch="rollback/2026-03-14-v1.1.0", revision=oids["v1.1.0"])
    api.create_branch(ROUTER, branch="ledger", revision=oids["v1.0.0"])
    change = version("v1.2.0", 16, "Trained on the returns queue as well")
    card = change["README.md"].replace(
        b"What is it for, and what not? Write it here", b"It routes tickets; it answers none. It is kept here"
    )
    config = change["adapter_config.json"].replace(b'"lora_dropout": 0.0', b'"lora_dropout": 0.05')
    files = {"README.md": card, "adapter_config.json": config, "adapter_model.safetensors": weights(32)}
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    operations.append(CommitOperationDelete("tokenizer/special_tokens_map.json"))
    pull = reviewer.create_commit(
        ROUTER,
        operations,
        commit_message="Raise the rank to 32",
        commit_description="The returns queue is long and varied.\n\n- rank 32 gains **0.4 %** on `router`\n- the file doubles",
        create_pr=True,
    ).pr_num
    api.comment_discussion(ROUTER, pull, "What does it cost at run time? See [the numbers](docs/numbers.md).")
    text = "Nothing to speak of:\n\n```python\nassert latency(32) < 1.05 * latency(16)\n```\n\n| rank | ms |\n|-:|-:|\n| 16 | 41.2 |\n| 32 | 41.9 |"
    reviewer.comment_discussion(ROUTER, pull, text)
    reviewer.rename_discussion(ROUTER, pull, "Raise the rank of the adapter to 32")
    merged = reviewer.create_commit(
        ROUTER, [CommitOperationAdd("LICENSE", b"Apache-2.0\n")], commit_message="Add the license", create_pr=True
    ).pr_num
    api.merge_pull_request(ROUTER, merged, comment="Thanks")
    conflict = reviewer.create_commit(
        ROUTER,
        [CommitOperationAdd("gates/routing.py", b"def gate(model):\n    assert model.accuracy > 0.9\n")],
        commit_message="Loosen the gate",
        create_pr=True,
    ).pr_num
    commit(
        api, ROUTER, {"gates/routing.py": b"def gate(model):\n    assert model.accuracy > 0.97\n"}, "Tighten the gate"
    )
    question = reviewer.create_discussion(ROUTER, "Does it read French?", description="Some of our tickets are.")
    api.comment_discussion(ROUTER, question.num, "Not yet.")
    api.change_discussion_status(ROUTER, question.num, "closed")
    return {"pull": pull, "merged": merged, "conflict": conflict, "question": question.num}


def fill(hub):
    """Put a team's work on a Hub; answers the numbers of its pull requests."""
    api = HfApi(endpoint=hub.url, token=hub.token)
    reviewer = HfApi(endpoint=hub.url, token=hub.add_user("mira"))
    api.create_repo("acme/tiny-base")
    commit(api, "acme/tiny-base", {"model.safetensors": weights(8), "notes.txt": b"No card yet.\n"}, "Train the base")
    api.create_repo(TICKETS, repo_type="dataset")
    lines = "".join(json.dumps({"text": f"ticket {n}", "queue": "returns"}) + "\n" for n in range(60))
    card = "---\nlicense: cc-by-4.0\ntask_categories:\n- text-classification\n---\n# Tickets\n\nSynthetic tickets, by queue.\n\n![Curve](curve.png)\n"
    commit(
        api,
        TICKETS,
        {"README.md": card.encode(), "train.jsonl": lines.encode(), "curve.png": PNG},
        "Add tickets",
        repo_type="dataset",
    )
    api.create_repo("acme/draft", private=True)
    api.create_repo("acme/restricted")
    commit(
        api,
        "acme/restricted",
        {"README.md": b"---\nlicense: mit\n---\n# Restricted\n\nOnly for members.\n"},
        "Write the card",
    )
    api.update_repo_settings("acme/restricted", gated="manual")
    return fill_router(api, reviewer)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The filled Hub. Read it, do not change it; `numbers` names its pull requests."""
    with LocalHub(tmp_path_factory.mktemp("site") / "hub") as hub:
        hub.numbers = fill(hub)
        yield hub


@pytest.fixture(scope="session")
def browser():
    needs("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        yield running
        running.close()


class Answer:
    """What a browser without scripts gets: status, headers, text, and the addresses that the text leads to."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode("utf-8", "replace")
        self.elements = []
        if headers.get_content_type() == "text/html":
            parser = HTMLParser()
            parser.handle_starttag = lambda tag, attributes: self.elements.append((tag, dict(attributes)))
            parser.feed(self.text)

    def all(self, tag, attribute):
        return [found[attribute] for name, found in self.elements if name == tag and attribute in found]


def ask(hub, path, *, token=None, method="GET", form=None, **headers):
    """Send one request and follow nothing."""
    connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=30)
    sent = {"Accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if token:
        sent["Authorization"] = "Basic " + b64encode(f"anyone:{token}".encode()).decode()
    body = None
    if form is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(form)
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


@pytest.fixture(scope="session")
def plant():
    """Commits files to a repo's `main` behind the Hub's back, as no check of metadata would let them pass."""

    def planted(hub, repo, files, message="Add files"):
        git_dir = hub.root / "models" / repo / "repo.git"

        def git(*arguments, **more):
            return subprocess.run(["git", *arguments], cwd=git_dir, check=True, capture_output=True, **more).stdout

        head = git("rev-parse", "refs/heads/main").strip()
        stream = [
            b"commit refs/heads/main",
            b"committer dev <dev@example.org> 1700000000 +0000",
            _data(message.encode()),
        ]
        stream.append(b"from " + head)
        for path, content in files.items():
            stream += [f"M 644 inline {path}".encode(), _data(content)]
        git("fast-import", "--quiet", input=b"\n".join(stream) + b"\n")
        git("pack-refs", "--all")

    return planted


def _data(content):
    return b"data %d\n%s" % (len(content), content)


@pytest.fixture(scope="session")
def visit():
    """Sends one request to a Hub and follows nothing."""
    return ask
