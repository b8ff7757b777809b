"""`emit`: events from the command line."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, BinaryIO, Final

import click
import orjson

from automations.cli.client import ApiError, Client, with_client
from automations.cli.output import json_option, print_json, say

_BATCH: Final = 100


@click.command()
@click.argument("name")
@click.option(
    "-r", "--resource", "labels", multiple=True, metavar="K=V", help="A label of the resource; 'id' is required."
)
@click.option("-d", "--data", "payload", metavar="JSON", help="The payload, a JSON object.")
@click.option("--id", "event_id", help="The event's id; the same id twice is one event.")
@click.option("--to", "url", help="The engine's address.")
@json_option
def emit(
    name: str, labels: tuple[str, ...], payload: str | None, event_id: str | None, url: str | None, as_json: bool
) -> None:
    """Send one event, or with '-' JSON lines from stdin.

    \b
    Examples:
      automations emit order.failed -r id=order.17 -r customer=acme -d '{"minutes": 5}'
      automations emit - < events.jsonl
    """
    if name == "-":
        refused = with_client(lambda client: _emit_lines(client, sys.stdin.buffer), url)
        sys.exit(1 if refused else 0)
    event = _event(name, labels, payload, event_id)
    try:
        answer = with_client(lambda client: client.post_again("/api/events", event), url)
    except ApiError as error:
        refusals = error.document.get("refused") or [{"detail": error.message}]
        raise click.ClickException("; ".join(refusal["detail"] for refusal in refusals)) from None
    print_json(answer) if as_json else click.echo(answer["ids"][0])
    if answer["duplicates"]:
        say("an event of this id was accepted before; nothing changed")


def _event(name: str, labels: tuple[str, ...], payload: str | None, event_id: str | None) -> dict[str, Any]:
    resource = {}
    for label in labels:
        key, equals, value = label.partition("=")
        if not equals or not key:
            raise click.UsageError(f"-r takes KEY=VALUE, not {label!r}")
        resource[key] = value
    event = {"event": name, "resource": resource, "id": event_id or uuid.uuid4().hex}
    if payload is not None:
        try:
            event["payload"] = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise click.UsageError(f"-d is no JSON: {error}") from None
    return event


async def _emit_lines(client: Client, stream: BinaryIO) -> int:
    """Send JSON lines in batches; returns how many were refused."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed} sent"), TimeElapsedColumn())
    console = Console(stderr=True)
    sent = refused = 0
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("emit", total=None)
        async for batch in _batches(stream):
            bad = await _send(client, batch)
            refused += bad
            sent += len(batch) - bad
            progress.update(task, completed=sent)
    say(f"{sent} accepted, {refused} refused")
    return refused


async def _batches(stream: BinaryIO) -> AsyncIterator[list[tuple[int, bytes]]]:
    number, batch = 0, list[tuple[int, bytes]]()
    while line := await asyncio.to_thread(stream.readline):
        number += 1
        if line.strip():
            batch.append((number, line))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _send(client: Client, batch: Sequence[tuple[int, bytes]]) -> int:
    """Send the lines that are JSON objects, each under an id, so that sending again doubles nothing."""
    events, lines, refused = [], [], 0
    for number, line in batch:
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            refused += _refuse(number, f"this is no JSON: {error}")
            continue
        events.append({"id": uuid.uuid4().hex, **event} if isinstance(event, dict) else event)
        lines.append(number)
    if not events:
        return refused
    try:
        answer = await client.post_again("/api/events", events)
    except ApiError as error:
        answer = error.document
        if "refused" not in answer:
            raise
    return refused + sum(_refuse(lines[bad["index"]], bad["detail"]) for bad in answer["refused"])


def _refuse(line: int, reason: str) -> int:
    say(f"line {line}: {reason}")
    return 1
