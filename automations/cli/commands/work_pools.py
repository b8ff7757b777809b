"""`work-pool`: where runs are carried out."""

from __future__ import annotations

import click

from automations.cli.client import segment, with_client
from automations.cli.command import Group
from automations.cli.output import json_option, print_json, print_record, print_rows, say


@click.group("work-pool", cls=Group)
def work_pool() -> None:
    """Work pools: the schema and the defaults of job variables.

    \b
    Examples:
      automations work-pool ls
      automations work-pool inspect default
    """


@work_pool.command()
@json_option
def ls(as_json: bool) -> None:
    """List the work pools.

    \b
    Examples:
      automations work-pool ls
      automations work-pool ls --json | jq -r .name
    """
    found = with_client(lambda client: client.get("/api/work-pools"))
    print_rows(found["items"], ["name", "paused", "type", "concurrency_limit", "description"], as_json)


@work_pool.command()
@click.argument("name")
@json_option
def inspect(name: str, as_json: bool) -> None:
    """Show one work pool, with the variables that its runs take.

    \b
    Examples:
      automations work-pool inspect default
      automations work-pool inspect default --json | jq .variables
    """
    print_record(with_client(lambda client: client.get(f"/api/work-pools/{segment(name)}")), as_json)


@work_pool.command()
@click.argument("name")
@json_option
def pause(name: str, as_json: bool) -> None:
    """Start no more runs of a work pool; they wait.

    \b
    Examples:
      automations work-pool pause default
    """
    now = with_client(lambda client: client.post(f"/api/work-pools/{segment(name)}/pause"))
    print_json(now) if as_json else say(f"work pool {name!r} is paused")


@work_pool.command()
@click.argument("name")
@json_option
def resume(name: str, as_json: bool) -> None:
    """Start the runs of a work pool again.

    \b
    Examples:
      automations work-pool resume default
    """
    now = with_client(lambda client: client.post(f"/api/work-pools/{segment(name)}/resume"))
    print_json(now) if as_json else say(f"work pool {name!r} is resumed")
