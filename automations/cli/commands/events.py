"""`events`: what came in."""

from __future__ import annotations

from typing import Any

import click

from automations.cli.client import Client, segment, with_client
from automations.cli.command import Group
from automations.cli.output import json_option, limit_option, print_record, print_rows


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
