"""`ls`, `inspect`, `pause`, `resume`: automations."""

from __future__ import annotations

import click

from automations.cli.client import Client, segment, with_client
from automations.cli.output import json_option, print_record, print_rows, say


@click.command()
@json_option
def ls(as_json: bool) -> None:
    """List the automations.

    \b
    Examples:
      automations ls
      automations ls --json | jq -r .name
    """
    found = with_client(lambda client: client.get("/api/automations"))
    rows = [{**row, "state": _state(row)} for row in found["items"]]
    print_rows(found["items"] if as_json else rows, ["name", "state", "location", "description"], as_json)


def _state(row: dict[str, object]) -> str:
    return "paused" if row["paused"] else "enabled" if row["enabled"] else "disabled"


@click.command()
@click.argument("name")
@json_option
def inspect(name: str, as_json: bool) -> None:
    """Show one automation.

    \b
    Examples:
      automations inspect repair-orders
    """
    print_record(with_client(lambda client: client.get(f"/api/automations/{segment(name)}")), as_json)


@click.command()
@click.argument("name")
def pause(name: str) -> None:
    """Pause an automation: it takes no part until it is resumed.

    \b
    Examples:
      automations pause repair-orders
    """
    with_client(lambda client: _switch(client, name, "pause"))
    say(f"{name} is paused")


@click.command()
@click.argument("name")
def resume(name: str) -> None:
    """Resume a paused automation.

    \b
    Examples:
      automations resume repair-orders
    """
    with_client(lambda client: _switch(client, name, "resume"))
    say(f"{name} is resumed")


async def _switch(client: Client, name: str, verb: str) -> None:
    await client.post(f"/api/automations/{segment(name)}/{verb}")
