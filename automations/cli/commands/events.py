"""`events`: what came in."""

from __future__ import annotations

from typing import Any

import click

from automations.cli.client import Client, segment, with_client
from automations.cli.command import Group
from automations.cli.output import json_option, limit_option, print_json, print_record, print_rows, printable


@click.group(cls=Group)
def events() -> None:
    """Stored events.

    \b
    Examples:
      automations events ls --name 'order.*'
      automations events inspect api/order-17
    """


@events.command()
@click.option("--name", help="Only of this name; may hold '*'.")
@click.option("--resource", help="Only of this resource id.")
@limit_option
@json_option
def ls(name: str | None, resource: str | None, limit: int, as_json: bool) -> None:
    """List events, newest first.

    \b
    Examples:
      automations events ls
      automations events ls --name 'order.*' --limit 10 --json
    """

    async def read(client: Client) -> list[dict[str, Any]]:
        return [item async for item in client.items("/api/events", limit, name=name, resource=resource)]

    rows = with_client(read)
    shown = rows if as_json else [{**row, "resource": row["resource"]["prefect.resource.id"]} for row in rows]
    print_rows(shown, ["received", "event", "source", "id", "resource"], as_json)


@events.command()
@click.option("--name", help="Only events of this name, and firings of this automation; may hold '*'.")
@json_option
def tail(name: str | None, as_json: bool) -> None:
    """Show events and firings as they happen, until interrupted.

    \b
    Examples:
      automations events tail
      automations events tail --name 'order.*' --json
    """

    async def follow(client: Client) -> None:
        async for message in client.stream("/api/stream"):
            if _wanted(message, name):
                print_json(message) if as_json else click.echo(printable(_line(message)))

    with_client(follow)


def _wanted(message: dict[str, Any], name: str | None) -> bool:
    from automations.engine.wildcard import compile_wildcard

    told = message["event"]["event"] if message["type"] == "event" else message.get("automation", "")
    return name is None or message["type"] == "lost" or compile_wildcard(name)(told)


def _line(message: dict[str, Any]) -> str:
    match message["type"]:
        case "event":
            event = message["event"]
            return f"{event['received']} event {event['event']} {event['source']}/{event['id']}"
        case "firing":
            group = " ".join(f"{label}={value}" for label, value in message["labels"].items())
            return f"{message['at']} {message['automation']}: {message['reason']} {group}".rstrip()
    return f"{message['messages']} messages were let go: this terminal was too slow"


@events.command()
@click.argument("event")
@json_option
def inspect(event: str, as_json: bool) -> None:
    """Show one event, by source/id, or by its id while that is unique.

    \b
    Examples:
      automations events inspect api/order-17
      automations events inspect order-17 --json | jq .payload
    """
    print_record(with_client(lambda client: client.get(f"/api/events/{segment(event)}")), as_json)
