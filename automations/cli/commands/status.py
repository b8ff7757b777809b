"""`status`: the ledger, the rules in force, the sinks."""

from __future__ import annotations

import click

from automations.cli.client import with_client
from automations.cli.output import json_option, print_json


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show what was accepted, done and left; exits 1 when the rule files were not taken.

    \b
    Examples:
      automations status
      automations status --json | jq .actions.dead
    """
    found = with_client(lambda client: client.get("/api/status"))
    errors = found["rules"]["errors"]
    if as_json:
        print_json(found)
    else:
        for part in ("events", "actions", "firings"):
            click.echo(f"{part:<9}" + "  ".join(f"{name} {count}" for name, count in found[part].items()))
        click.echo(f"rules    revision {found['revision']}, {found['rules']['loaded']} loaded")
        for name, sink in found["sinks"].items():
            last = f", last error: {sink['last_error']}" if sink["last_error"] else ""
            click.echo(f"sink     {name}: {sink['pending']} pending{last}")
        for error in errors:
            click.echo(f"not taken: {error}", err=True)
    raise SystemExit(1 if errors else 0)
