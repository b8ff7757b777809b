"""`ls`, `inspect`, `pause`, `resume`: automations."""

from __future__ import annotations

from typing import Any

import click

from automations.cli.client import segment, with_client
from automations.cli.command import Command
from automations.cli.output import json_option, print_json, print_record, print_rows, say


@click.command(cls=Command)
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


@click.command(cls=Command)
@click.argument("name")
@json_option
def inspect(name: str, as_json: bool) -> None:
    """Show one automation.

    \b
    Examples:
      automations inspect repair-orders
      automations inspect repair-orders --json | jq .trigger
    """
    print_record(with_client(lambda client: client.get(f"/api/automations/{segment(name)}")), as_json)


@click.command(cls=Command)
@click.argument("name")
@json_option
def pause(name: str, as_json: bool) -> None:
    """Pause an automation: events pass it by until it is resumed.

    \b
    Examples:
      automations pause repair-orders
    """
    _tell(_switch(name, "pause"), as_json)


@click.command(cls=Command)
@click.argument("name")
@json_option
def resume(name: str, as_json: bool) -> None:
    """Resume a paused automation.

    \b
    Examples:
      automations resume repair-orders
    """
    _tell(_switch(name, "resume"), as_json)


def _switch(name: str, verb: str) -> dict[str, Any]:
    automation: dict[str, Any] = with_client(
        lambda client: client.post(f"/api/automations/{segment(name)}/{verb}")
    )
    return automation


def _tell(automation: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(automation)
    else:
        say(f"{automation['name']} is {'paused' if automation['paused'] else 'in force'}")
