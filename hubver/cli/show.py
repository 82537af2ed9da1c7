"""`hubver show`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from hubver.cli.output import json_option, plain, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from hubver.diff.difference import Shown
    from hubver.record.schema import DataSource, RunRecord


@click.command("show")
@click.argument("revision", metavar="REV")
@click.option("--weights", is_flag=True, help="Read the tensors, too: ranks, norms, effective ranks.")
@json_option
def command(revision: str, weights: bool, as_json: bool) -> None:
    r"""Show how a revision was made: base, data, tokenizer, training, code, environment, weights, metrics, gaps.

    REV is ORG/NAME@REV, ORG/NAME for what is in production, or a folder. --json prints the record itself.

    \b
      hubver show acme/router@v1.1.0
      hubver show ./out --weights
    """
    from hubver.cli.output import give
    from hubver.cli.reading import progress
    from hubver.diff.difference import show

    with progress(shown=weights) as tell:
        found = show(revision, weights=weights, progress=tell)
    if as_json:
        record = found.record.model_dump(mode="json")
        click.echo(json.dumps({**record, "measured": plain(found.weights)} if weights else record, indent=2))
        return
    give(found, False, lambda: _shown(found))


def _shown(found: Shown) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for title, facts in _parts(found.record):
        known = [fact for fact in facts if fact]
        for number, fact in enumerate(known or ["unknown"]):
            table.add_row(Text(title if number == 0 else "", style="bold"), Text(visible(fact)))
    parts: list[RenderableType] = [Text(visible(str(found.revision)), style="bold"), Text(), table]
    parts += [Text(f"contradiction: {visible(text)}", style="bold") for text in found.contradictions]
    if found.weights is not None:
        from hubver.cli.weights import sides

        parts += [Text(), sides([found.weights])]
    return Group(*parts)


def _parts(record: RunRecord) -> Iterator[tuple[str, list[str]]]:
    yield "run", [record.run_id, f"{record.created:%d %B %Y, %H:%M} UTC", record.message or ""]
    base = record.base_model
    yield (
        "base",
        [
            f"{base.id} at {base.sha or 'an unknown commit'}" if base.id else "not named on the Hub",
            f"loaded as {base.dtype}" if base.dtype else "",
            f"quantised: {_said(base.quantisation)}" if base.quantisation else "",
        ],
    )
    yield "data", [_source(source) for source in record.data]
    yield "tokenizer", _tokenizer(record)
    yield "training", _training(record)
    yield "seed", _seeds(record)
    yield "code", _code(record)
    yield "environment", _environment(record)
    yield "weights", _weights(record)
    yield (
        "metrics",
        [
            f"{f'{metric.task} ' if metric.task else ''}{metric.name} {_number(metric.value)}"
            + (f", {_number(metric.interval[0])} to {_number(metric.interval[1])}" if metric.interval else "")
            + (f", n = {metric.n:,}" if metric.n else "")
            for metric in record.metrics
        ]
        or ["none logged"],
    )
    if record.training.links:
        yield "links", [f"{link.kind}: {link.url or link.id or 'on its machine'}" for link in record.training.links]
    yield "gaps", [str(gap) for gap in record.gaps] or ["none"]


def _source(source: DataSource) -> str:
    facts = [source.name, source.role or "declared"]
    if source.split:
        facts.append(f"split {source.split}")
    if source.rows is not None:
        facts.append(f"{source.rows:,} rows")
    if source.hub_sha:
        facts.append(f"commit {source.hub_sha}")
    if source.files:
        facts.append(f"{len(source.files)} file(s), sha256 {source.files[0].sha256[:12]}")
    if source.content_sha256:
        facts.append(f"content sha256 {source.content_sha256[:12]}")
    return ", ".join(facts)


def _tokenizer(record: RunRecord) -> list[str]:
    part = record.tokenizer
    facts = [part.tokenizer_class or "of an unknown class"]
    if part.vocab_size is not None:
        facts.append(f"{part.vocab_size:,} tokens")
    facts.append("with a chat template" if part.chat_template_sha256 else "no chat template")
    special = ", ".join(f"{name} {value}" for name, value in part.special_tokens.items())
    return [", ".join(facts), special]


def _training(record: RunRecord) -> list[str]:
    part = record.training
    how = [part.trainer_class, part.optimizer, part.scheduler and f"{part.scheduler} schedule", part.precision]
    done = [
        f"{part.steps:,} steps" if part.steps is not None else None,
        f"{part.epochs:.4g} epochs" if part.epochs is not None else None,
        f"{part.effective_batch_size} examples a step" if part.effective_batch_size else None,
    ]
    checkpoint = f"checkpoint at step {part.checkpoint.step} of {part.checkpoint.of_run}" if part.checkpoint else ""
    cost = part.resources
    spent = [
        f"{cost.wall_seconds:,.0f} s" if cost.wall_seconds is not None else None,
        f"{cost.accelerator_hours:.3g} accelerator hours" if cost.accelerator_hours is not None else None,
        f"{cost.tokens:,} tokens" if cost.tokens is not None else None,
    ]
    functions = [f"{item.role}: {item.name}" for item in part.functions]
    arguments = ", ".join(f"{name}={_said(value)}" for name, value in sorted(part.arguments.items()))
    return [_joined(how), _joined(done), checkpoint, _joined(spent), arguments, *functions]


def _seeds(record: RunRecord) -> list[str]:
    seeds = record.training.seeds
    order = "not set" if seeds.data_seed is None else seeds.data_seed
    return [] if seeds.seed is None else [f"{seeds.seed}, of the data {order}"]


def _code(record: RunRecord) -> list[str]:
    part = record.code
    where = f"commit {part.sha}" + (f" of {part.remote}" if part.remote else "") if part.sha else ""
    command = " ".join([(part.module and f"-m {part.module}") or part.entry_point or "", *part.argv]).strip()
    return [where, "with uncommitted changes" if part.dirty else "", command]


def _environment(record: RunRecord) -> list[str]:
    part = record.environment
    count = f" x {part.accelerator_count}" if part.accelerator_count else ""
    machine = _joined([part.os, f"{part.accelerator}{count}" if part.accelerator else None, part.container])
    named = ("torch", "transformers", "peft", "trl", "datasets", "accelerate")
    packages = [f"{name} {part.packages[name]}" for name in named if name in part.packages]
    return [machine, _joined([f"Python {part.python}" if part.python else None, *packages])]


def _weights(record: RunRecord) -> list[str]:
    part = record.weights
    if part is None:
        return []
    facts = [f"{'adapter' if part.kind == 'adapter' else 'whole model'}, {part.parameters:,} parameters"]
    if part.lora is not None:
        ranks, alpha = ", ".join(map(str, part.lora.ranks)), _number(part.lora.alpha)
        facts.append(f"LoRA of rank {ranks}, alpha {alpha}, on {', '.join(part.lora.targets)}")
    if part.remote_code:
        facts.append(f"runs code of its own: {', '.join(part.remote_code)}")
    return facts


def _joined(facts: list[str | None]) -> str:
    return ", ".join(fact for fact in facts if fact)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _said(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
