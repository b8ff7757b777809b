"""`explain`: why an event fired an automation, or why not."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from automations.cli.client import segment, with_client
from automations.cli.command import Command
from automations.cli.output import json_option, print_json, printable

_PATH = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("event")
@click.option("-a", "--automation", metavar="NAME", help="Only this automation.")
@click.option("-C", "directory", type=_PATH, help="Folder of the project.")
@json_option
def explain(event: str, automation: str | None, directory: Path | None, as_json: bool) -> None:
    """Tell for each automation why EVENT fired it, or the first condition that it does not meet.

    EVENT is a file that holds one event ('-': standard input), explained by the project's rules as the first event
    that they see; or the SOURCE/ID or id of a stored event: then the running engine tells what became of it.

    \b
    Examples:
      automations explain event.json
      automations explain event.json -a repair-orders
      automations explain api/order-17
    """
    if event == "-" or Path(event).is_file():
        found = _of_file(event, automation, directory)
    else:
        answer = with_client(lambda client: client.get(f"/api/events/{segment(event)}/trace"))
        found = [item for item in answer["automations"] if automation in (None, item["automation"])]
    for item in found:
        print_json(item) if as_json else _print(item)
    if not found:
        click.echo(f"there is no automation named {automation!r}" if automation else "there are no automations")
        sys.exit(1)


def _of_file(file: str, automation: str | None, directory: Path | None) -> Sequence[Mapping[str, Any]]:
    from automations.settings import load_settings
    from automations.wiring.offline import explain_event

    raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    return explain_event(load_settings({"directory": directory}), raw, automation)


def _print(item: Mapping[str, Any]) -> None:
    parts = item["parts"]
    click.echo(f"{printable(item['automation'])}: {item['reason']}{_told(parts[0]) if len(parts) == 1 else ''}")
    for part in parts if len(parts) > 1 else ():
        click.echo(f"  {part['trigger']}: {part['reason']}{_told(part)}")


def _told(part: Mapping[str, Any]) -> str:
    if part["condition"] is None:
        return f" - {part['text']}"
    return printable(f" - {part['text']}: {part['condition']} saw {part['seen']}, wanted {part['wanted']}")
