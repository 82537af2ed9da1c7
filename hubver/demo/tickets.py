"""Support tickets and where they belong: the demo's task, generated.

A ticket is one short letter. The answer is a queue and a priority, as JSON. Both can be read from the letter: its
subject belongs to exactly one queue, and one sentence says how urgent it is. So exact match measures whether a model
has learned the task, chance is one in fifteen, and each queue is a slice of its own.

Everything here is a pure function of its arguments, the same on every machine and every supported Python.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SUBJECTS: dict[str, tuple[str, ...]] = {
    "account": (
        "my password", "the login page", "my user name", "the two factor code", "my profile", "the email on file",
        "my locked account", "the sign in link", "my security question", "the account owner", "the team invite",
        "my session",
    ),
    "billing": (
        "the invoice", "a charge on my card", "the monthly fee", "my subscription price", "a double payment",
        "the tax line", "the discount code", "a refund amount", "the bank transfer", "the receipt total",
        "the yearly plan cost", "an unpaid balance",
    ),
    "returns": (
        "the return label", "the wrong size", "the broken item", "an exchange", "the return window", "a faulty zip",
        "a torn seam", "the wrong colour", "a damaged box", "the warranty claim", "a missing part", "the store credit",
    ),
    "shipping": (
        "the parcel", "my delivery", "the courier", "the tracking number", "the package", "a late shipment",
        "the delivery address", "the driver", "the mail box drop", "the customs form", "the dispatch date",
        "the freight order",
    ),
    "technical": (
        "the app", "a crash report", "the error screen", "the sync job", "the browser plugin", "the update",
        "a frozen window", "the api token limit", "the export file", "a slow page", "the dark mode",
        "the search index",
    ),
}  # fmt: skip
URGENCIES: dict[str, tuple[str, ...]] = {
    "high": (
        "This is urgent", "I need it today", "We are blocked right now", "Please answer at once", "It can not wait",
    ),
    "normal": (
        "This week would be good", "Please look into it soon", "I can wait a day or two", "Let me know by Friday",
        "The usual time is fine",
    ),
    "low": (
        "No rush", "Whenever you have time", "It is not important", "Next month is early enough", "Take your time",
    ),
}  # fmt: skip
_GREETINGS = (
    "Hello,", "Hi team,", "Good morning,", "Dear support,", "Hey there,", "To whom it may concern,", "Quick note:",
    "Question:",
)  # fmt: skip
_COMPLAINTS = (
    "I need help with {}", "there is a problem with {}", "something is wrong with {}", "please look at {}",
    "I am writing about {}", "can you check {}", "I do not understand {}", "we keep having trouble with {}",
    "nobody can explain {}", "I have a question about {}",
)  # fmt: skip
_CIRCUMSTANCES = (
    "since last week", "after the weekend", "for order {}", "on my phone", "in our office", "for the second time",
    "and I am not sure why", "as shown in the picture", "from the north depot", "with case {}",
)  # fmt: skip

QUEUES = tuple(SUBJECTS)
PRIORITIES = tuple(URGENCIES)
DEFAULT_PRIORITY = "normal"
# Out of ten tickets; one queue has the same mix as another.
_MIX = ("normal", "high", "low", "normal", "high", "low", "normal", "high", "low", "normal")


def rows(
    count: int,
    seed: str,
    *,
    without: Collection[str] = (),
    apart_from: Collection[str] = (),
    draft: bool = False,
) -> list[dict[str, str]]:
    """Labelled tickets, all different, in random order.

    The queues take turns, so that none is rarer than another; four tickets in ten are of normal priority, three of high
    and three of low.

    Args:
        count: how many, 0 or more.
        seed: names the sample; the same name gives the same tickets everywhere.
        without: queues that do not occur.
        apart_from: prompts that do not occur, such as those that were trained on.
        draft: the labels are a first draft: the queue is right, and every priority is still the default.

    Returns:
        For each ticket its `prompt`, the `completion` that is right, and `queue` and `priority` by themselves.

    Raises:
        ValueError: `without` names something that is no queue, or leaves none.
    """
    if unknown := set(without) - set(QUEUES):
        raise ValueError(f"no such queue: {', '.join(sorted(unknown))}")
    queues = [queue for queue in QUEUES if queue not in without]
    if not queues:
        raise ValueError("at least one queue must be left")
    chance = random.Random(f"tickets/{seed}")
    labels = [(queue, priority) for priority in _MIX for queue in queues]
    found: list[dict[str, str]] = []
    seen = set(apart_from)
    while len(found) < count:
        row = _row(chance, *labels[len(found) % len(labels)])
        if row["prompt"] not in seen:
            seen.add(row["prompt"])
            found.append(row)
    chance.shuffle(found)
    return [_without_priority(row) for row in found] if draft else found


def corpus(count: int, seed: str) -> list[str]:
    """Text to pre-train on: it teaches the language and which subjects belong together, and not the task.

    The form of prompt and answer occurs, but with a queue and a priority that have nothing to do with the ticket. So a
    model of this text answers in the right form and at chance.
    """
    chance = random.Random(f"corpus/{seed}")
    return [_document(chance) for _ in range(count)]


def prompt(ticket: str) -> str:
    """What the model is asked about one ticket."""
    return f"Ticket: {ticket}\nRoute:"


def answer(queue: str, priority: str) -> str:
    """The completion that routes a ticket, with the space that separates it from the prompt."""
    return " " + json.dumps({"queue": queue, "priority": priority})


def jsonl(lines: Iterable[dict[str, str]]) -> str:
    """Rows as JSON Lines."""
    return "".join(json.dumps(line) + "\n" for line in lines)


def _row(chance: random.Random, queue: str, priority: str) -> dict[str, str]:
    return {
        "prompt": prompt(_ticket(chance, queue, priority)),
        "completion": answer(queue, priority),
        "queue": queue,
        "priority": priority,
    }


def _without_priority(row: dict[str, str]) -> dict[str, str]:
    return {**row, "completion": answer(row["queue"], DEFAULT_PRIORITY), "priority": DEFAULT_PRIORITY}


def _ticket(chance: random.Random, queue: str, priority: str) -> str:
    complaint = chance.choice(_COMPLAINTS).format(chance.choice(SUBJECTS[queue]))
    circumstance = chance.choice(_CIRCUMSTANCES).format(chance.randint(100, 999))
    urgency = chance.choice(URGENCIES[priority])
    return f"{chance.choice(_GREETINGS)} {complaint} {circumstance}. {urgency}."


def _document(chance: random.Random) -> str:
    kind = chance.random()
    queue, priority = chance.choice(QUEUES), chance.choice(PRIORITIES)
    if kind < 0.45:
        return _ticket(chance, queue, priority)
    if kind < 0.70:
        one, other = chance.sample(SUBJECTS[queue], 2)
        return f"For {one} or {other}, ask the {queue} team."
    if kind < 0.85:
        return f"{chance.choice(URGENCIES[priority])}. That means {priority} priority."
    unrelated = answer(chance.choice(QUEUES), chance.choice(PRIORITIES))
    return prompt(_ticket(chance, queue, priority)) + unrelated
