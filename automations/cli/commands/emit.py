"""`emit`: events from the command line."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from automations.cli.client import with_client
from automations.cli.command import Command
from automations.cli.kafka import kafka_option, kafka_settings
from automations.cli.output import bars_allowed, json_option, print_json, printable, say
from automations.errors import Refused

if TYPE_CHECKING:
    from automations.cli.event_stream import Door, EventStream, RefusedLine

T = TypeVar("T")
_STDIN: Final = "-"


def _labels(_ctx: click.Context, _param: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    labels = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{text!r} is no label; write KEY=VALUE")
        labels[key] = value
    return labels


def _label_sets(ctx: click.Context, param: click.Parameter, given: Sequence[str]) -> list[dict[str, str]]:
    return [_labels(ctx, param, text.split(",")) for text in given]


def _payload(_ctx: click.Context, _param: click.Parameter, given: str | None) -> Any:
    from automations.ingest import parse_json

    try:
        return None if given is None else parse_json(given.encode())
    except Refused as error:
        raise click.BadParameter(f"{error.message}; write a JSON object, such as '{{\"minutes\": 5}}'") from None
    except UnicodeEncodeError:
        raise click.BadParameter("the text is not UTF-8; write it in UTF-8") from None


@click.command(cls=Command)
@click.argument("name")
@click.option(
    "-r", "--resource", multiple=True, metavar="K=V", callback=_labels, help="A label; 'id' is required."
)
@click.option(
    "--related",
    multiple=True,
    metavar="role=R,K=V,...",
    callback=_label_sets,
    help="The labels of one related resource; 'role' is required.",
)
@click.option("-d", "--data", "payload", metavar="JSON", callback=_payload, help="The payload, a JSON object.")
@click.option("--id", "event_id", metavar="ID", help="The event's id; the same id twice is one event.")
@click.option("--to", "url", metavar="URL", help="The engine's address; default: AUTOMATIONS_API_URL.")
@kafka_option
@json_option
def emit(name: str, url: str | None, kafka: str | None, as_json: bool, **event: Any) -> None:
    """Send an event, or with '-' JSON lines from stdin.

    One event's id is printed. On stdin each line is an event as a JSON object, as the HTTP API takes it; lines
    that are refused are reported with their number and the reason, and make the exit code 1.

    While the engine is away or busy, the same events are sent again under the same ids: nothing is doubled. With
    --kafka they go onto the topic of events instead, acknowledged by Kafka.

    \b
    Examples:
      automations emit order.failed -r id=order.17 -r customer=acme -d '{"minutes": 5}'
      automations emit order.failed -r id=order.17 --related role=actor,id=user.3
      automations emit - < events.jsonl
      automations emit order.failed -r id=order.17 --kafka 127.0.0.1:9092
    """
    if url and kafka:
        raise click.UsageError("events go to an engine (--to) or to a topic (--kafka)")
    if name == _STDIN:
        if any(event.values()):
            raise click.UsageError("with '-' each line is a whole event; leave out -r, --related, -d and --id")
        sys.exit(1 if _with_door(lambda door: _send_stdin(door, as_json=as_json), url, kafka) else 0)
    wanted = _event(name, **event)
    answer = _with_door(lambda door: door.post_again("/api/events", wanted), url, kafka)
    print_json(answer) if as_json else click.echo(answer["ids"][0])
    if answer["duplicates"] and event["event_id"] is not None:
        say("an event of this id was accepted before; nothing changed")


def _with_door(work: Callable[[Door], Awaitable[T]], url: str | None, kafka: str | None) -> T:
    if kafka is None:
        return with_client(work, url)
    settings = kafka_settings(kafka)
    from automations.wiring.topic_door import topic_door

    async def run() -> T:
        async with topic_door(settings) as door:
            return await work(door)

    return asyncio.run(run())


def _event(
    name: str, *, resource: dict[str, str], related: list[dict[str, str]], payload: Any, event_id: str | None
) -> dict[str, Any]:
    identity = uuid.uuid4().hex if event_id is None else event_id
    event = {"event": name, "id": identity, "resource": resource}
    optional = {"related": related or None, "payload": payload}
    return {**event, **{field: value for field, value in optional.items() if value is not None}}


async def _send_stdin(door: Door, *, as_json: bool) -> int:
    """Send what stdin holds; returns how many lines were refused."""
    from automations.cli.event_stream import EventStream
    from automations.cli.json_lines import read_lines

    def report(refused: RefusedLine) -> None:
        if as_json:
            print_json(asdict(refused))
        else:
            say(f"line {refused.line}: [{refused.code}] {printable(refused.detail)}")

    stream = EventStream(door, report)
    try:
        with _progress(stream) as update:
            async for lines in read_lines(sys.stdin.fileno()):
                await stream.send(lines)
                update()
    finally:  # also when it was cut short: what was taken, and where to go on
        _summarize(stream, as_json=as_json)
    return stream.refused


def _summarize(stream: EventStream, *, as_json: bool) -> None:
    counts = {"accepted": stream.accepted, "duplicates": stream.duplicates, "refused": stream.refused}
    if as_json:
        print_json({**counts, "line": stream.line})
    else:
        say(f"{', '.join(f'{number} {what}' for what, number in counts.items())}, up to line {stream.line}")


@contextmanager
def _progress(stream: EventStream) -> Iterator[Callable[[], None]]:
    """Show a bar where that is wanted; yields what moves it."""
    if not bars_allowed():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed} accepted"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("emit", total=None)
        yield lambda: progress.update(task, completed=stream.accepted)
