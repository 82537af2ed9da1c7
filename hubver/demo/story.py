"""The whole road, told while it happens: every figure is measured, every command is run.

The story needs a Hub that answers and `HF_ENDPOINT`, `HF_TOKEN` set for it, before anything imports huggingface_hub,
which reads them once.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubver.demo import base, runs, tickets, workspace
from hubver.errors import HarnessFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hubver.demo.runs import Run
    from hubver.localhub import LocalHub

BASE = "acme/tiny-base"
DATA = "acme/tickets"
ROUTER = "acme/router"

_LOGGED = re.compile(r"'loss': '?([0-9.e-]+)'?.*'epoch'")


@dataclass(frozen=True)
class Teller:
    """How the story reaches its reader.

    Attributes:
        chapter: begins a part, with its title.
        say: a paragraph.
        step: what is being done now, in a few words; shown while one waits.
        command: runs `hubver` with these arguments, showing both them and what it prints; returns the exit code.
    """

    chapter: Callable[[str], None]
    say: Callable[[str], None]
    step: Callable[[str], None]
    command: Callable[..., int]


def tell(hub: LocalHub, project: Path, teller: Teller) -> None:
    """Tell the story.

    Args:
        hub: a running Hub whose user owns the namespace `acme`.
        project: the project that `workspace.create` laid out, and the working directory; output and reports go there.
        teller: how to tell it.

    Raises:
        HarnessFailed: a step did not end as the story says it does.
    """
    story = _Story(hub, project, teller)
    teller.chapter("A Hub of our own")
    teller.say(f"A Hugging Face Hub answers at {hub.url}: real git, real HTTP, nothing leaves this machine.")
    story.publish_base()
    story.first_release()
    story.blind_version()
    story.good_version()
    story.regret()
    story.load()


@dataclass
class _Story:
    hub: LocalHub
    project: Path
    teller: Teller
    before: dict[str, Any] = field(default_factory=dict)

    def publish_base(self) -> None:
        """A base model and a dataset, as a team would find them on the Hub."""
        model = base.train_base(self.project.parent / "base", progress=self.teller.step)
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self.hub.url, token=self.hub.token)
        self.teller.step(f"publishing {BASE} and the dataset {DATA}")
        for repo_id, kind, files in ((BASE, "model", model), (DATA, "dataset", self.project / "data")):
            api.create_repo(repo_id, repo_type=kind)
            api.upload_folder(repo_id=repo_id, repo_type=kind, folder_path=files)
        self.teller.say(
            f"{BASE} is on it, a Llama of half a million parameters trained just now. It writes like a help desk and "
            "knows nothing of queues. Three fine-tunes will teach it to route support tickets."
        )

    def first_release(self) -> None:
        """v1.0.0: weak, but better than nothing: gated, promoted."""
        self.teller.chapter("v1.0.0: the first release")
        output = self.train(runs.WEAK)
        self.teller.say("One command makes the run one tagged commit: adapter, tokenizer, record and model card.")
        self.run("push", output, ROUTER, "--message", runs.WEAK.message)
        self.teller.say("Then pytest judges exactly that commit. With nothing in production, its floors decide.")
        self.before = self.gate("v1.0.0", expect=0)
        self.run("promote", f"{ROUTER}@v1.0.0")

    def blind_version(self) -> None:
        """v1.1.0: twice as good on average, and blind to one queue: refused."""
        self.teller.chapter("v1.1.0: better on average, and refused")
        output = self.train(runs.BLIND)
        self.run("push", output, ROUTER, "--message", runs.BLIND.message)
        report = self.gate("v1.1.0", expect=1)
        overall = _of(report, "floor")
        worst = min(_of(report, "worst_slice")["slices"], key=lambda one: one["value"])
        was = next(one for one in _of(self.before, "worst_slice")["slices"] if one["name"] == worst["name"])
        self.teller.say(
            f"On average it is a triumph: exact match {_of(self.before, 'floor')['value']:.2f} → {overall['value']:.2f}, and a gate on the average "
            f"would have let it through. But of {worst['n']} tickets for {worst['name']!r} it routes "
            f"{worst['value']:.0%} right, where production routes {was['value']:.0%}. So the answer is no:"
        )
        self.run("promote", f"{ROUTER}@v1.1.0", expect=1)

    def good_version(self) -> None:
        """v1.2.0: a candidate in a pull request, gated, promoted, merged."""
        self.teller.chapter("v1.2.0: a candidate in a pull request")
        output = self.train(runs.GOOD)
        self.teller.say("With --pr the run waits in a pull request on the Hub, as a candidate of its version.")
        self.run("push", output, ROUTER, "--pr", "--message", runs.GOOD.message)
        self.gate("v1.2.0-rc.1", expect=0)
        self.teller.say(
            "Promotion moves production to the commit that was judged, never to the merge; names it v1.2.0; and tags "
            "what it replaces. One git push does all of it, or none."
        )
        self.run("promote", f"{ROUTER}@v1.2.0-rc.1")

    def regret(self) -> None:
        """A rollback, and forward again."""
        self.teller.chapter("And back")
        self.teller.say("Suppose it misbehaves. Rolling back costs the same for any model: no file is touched.")
        began = time.monotonic()
        self.run("rollback", ROUTER, "--reason", "misroutes in the evening")
        seconds = time.monotonic() - began
        self.teller.say(
            f"That took {seconds:.1f} s. It was a false alarm, so forward again: its verdict against v1.0.0 still holds."
        )
        self.run("promote", f"{ROUTER}@v1.2.0")
        self.run("log", ROUTER)

    def load(self) -> None:
        """Two versions side by side, each loaded by its pin, asked the same question."""
        self.teller.chapter("What an application does")
        ticket = next(row for row in tickets.rows(50, "question") if row["queue"] == "returns")
        self.teller.say(
            "  import hubver\n"
            f'  model, tokenizer, record = hubver.load("{ROUTER}", "production")   # or "v1.0.0": one commit, pinned'
        )
        self.teller.say(ticket["prompt"])
        for revision in ("v1.0.0", "production"):
            version, answer = self.ask(revision, ticket["prompt"])
            self.teller.say(f"  {revision:<11}{version:<12}{answer}")
        self.teller.say(f"  right is{'':<15}{ticket['completion'].strip()}")

    def ask(self, revision: str, prompt: str) -> tuple[str, str]:
        """Load a revision and complete one prompt. Returns its version and its answer."""
        import hubver

        model, tokenizer, _record = hubver.load(ROUTER, revision)
        inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        inputs.pop("token_type_ids", None)
        output = model.generate(**inputs, max_new_tokens=24, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        answer = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return hubver.resolve(f"{ROUTER}@{revision}").version or "", answer.strip()

    def train(self, run: Run) -> str:
        """Run the project's own train.py, showing its losses as progress. Returns the output folder."""
        output = f"out/{run.version}"
        began = time.monotonic()
        with _progress(lambda text: self.teller.step(f"training {run.version}: {text}"), run.steps):
            workspace.train(self.project, run, base=BASE, output=Path(output))
        self.teller.say(f"{run.message}: {run.steps} steps of LoRA in {time.monotonic() - began:.0f} s.")
        return output

    def gate(self, revision: str, *, expect: int) -> dict[str, Any]:
        """Judge a revision with the project's gates. Returns the report."""
        reports = f"reports/{revision}"
        self.run("gate", f"{ROUTER}@{revision}", "--full", "--out", reports, expect=expect)
        report: dict[str, Any] = json.loads((self.project / reports / "gate-report.json").read_bytes())
        return report

    def run(self, *arguments: str, expect: int = 0) -> None:
        """Run a command of hubver, which must end with the code that the story expects."""
        code = self.teller.command(*arguments)
        if code != expect:
            raise HarnessFailed(
                f"The demo expected `hubver {arguments[0]}` to end with {expect}.",
                found=f"exit code {code}",
                hint="Look above for its reason. With --keep DIR everything stays for inspection.",
            )


def _of(report: dict[str, Any], policy: str) -> dict[str, Any]:
    found: dict[str, Any] = next(gate for gate in report["gates"] if gate["policy"] == policy)
    return found


@contextlib.contextmanager
def _progress(tell: Callable[[str], None], steps: int) -> Iterator[None]:
    """Turn the losses that a trainer prints into progress, and keep the rest of its output off the page."""

    class Watching(io.StringIO):
        seen = 0

        def write(self, text: str) -> int:
            if match := _LOGGED.search(text):
                self.seen += 10
                tell(f"step {min(self.seen, steps)} of {steps}, loss {float(match.group(1)):.2f}")
            return len(text)

    with contextlib.redirect_stdout(Watching()):
        yield
