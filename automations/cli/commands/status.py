"""`status`: the ledger, the rules in force, the sinks."""

from __future__ import annotations

import sys
from typing import Any

import click

from automations.cli.client import with_client
from automations.cli.command import Command
from automations.cli.output import json_option, print_json, printable, say


@click.command(cls=Command)
@json_option
def status(as_json: bool) -> None:
    """Show what was accepted, done, and is left to do.

    Exits 1 when changed rule files were not taken because of errors.

    \b
    Examples:
      automations status
      automations status --json | jq .actions.dead
    """
    found = with_client(lambda client: client.get("/api/status"))
    print_json(found) if as_json else _print(found)
    sys.exit(1 if found["rules"]["errors"] else 0)


def _print(found: dict[str, Any]) -> None:
    for part in ("events", "actions", "firings"):
        click.echo(f"{part:<9}" + "  ".join(f"{name} {count}" for name, count in found[part].items()))
    click.echo(f"rules    revision {found['revision']}, {found['rules']['loaded']} loaded")
    for name, sink in found["sinks"].items():
        last = f", last error: {printable(sink['last_error'])}" if sink["last_error"] else ""
        click.echo(f"sink     {name}: {sink['pending']} pending{last}")
    for error in found["rules"]["errors"]:
        say(f"not taken: {printable(error)}")
