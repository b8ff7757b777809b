"""`run`: what was started, and what became of it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import click

from automations.cli.client import Client, segment, with_client
from automations.cli.command import Group
from automations.cli.output import json_option, limit_option, print_json, print_record, print_rows, say

_STATES: Final = ("Scheduled", "Pending", "Running", "Completed", "Failed", "Crashed", "Cancelled")
_TERMINAL: Final = frozenset({"Completed", "Failed", "Crashed", "Cancelled"})
_LOOK_EVERY: Final = 0.3


@click.group(cls=Group)
def run() -> None:
    """Runs of deployments.

    \b
    Examples:
      automations run ls --state Failed
      automations run logs 3f2a9c --follow
    """


@run.command()
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), help="Only in this state.")
@click.option("--deployment", help="Only of this deployment.")
@click.option("--automation", help="Only started by this automation.")
@limit_option
@json_option
def ls(state: str | None, deployment: str | None, automation: str | None, limit: int, as_json: bool) -> None:
    """List runs, newest first.

    \b
    Examples:
      automations run ls
      automations run ls --state Failed --json
    """

    async def read(client: Client) -> list[dict[str, Any]]:
        listing = client.items("/api/runs", limit, state=state, deployment=deployment, automation=automation)
        return [item async for item in listing]

    columns = ["id", "state", "deployment", "created", "automation", "message"]
    print_rows(with_client(read), columns, as_json)


@run.command()
@click.argument("run_id", metavar="RUN")
@json_option
def inspect(run_id: str, as_json: bool) -> None:
    """Show a run: its state, its effective job variables, and where each value came from.

    \b
    Examples:
      automations run inspect 3f2a9c
      automations run inspect 3f2a9c --json | jq .job_variables
    """
    found = with_client(lambda client: client.get(f"/api/runs/{segment(run_id)}"))
    if as_json:
        print_json(found)
        return
    provenance = found.pop("provenance")
    print_record(found, as_json=False)
    rows = [{"variable": pointer, **origin} for pointer, origin in sorted(provenance.items())]
    if rows:
        click.echo("")
        print_rows(rows, ["variable", "layer", "origin"], as_json=False)


@run.command()
@click.argument("run_id", metavar="RUN")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends.")
@json_option
def logs(run_id: str, follow: bool, as_json: bool) -> None:
    """Print a run's output.

    \b
    Examples:
      automations run logs 3f2a9c
      automations run logs 3f2a9c --follow
    """
    with_client(lambda client: print_output(client, run_id, follow=follow, as_json=as_json))


async def print_output(client: Client, run_id: str, *, follow: bool, as_json: bool) -> dict[str, Any]:
    """Print output until there is no more (or the run has ended); returns the run as last seen."""
    after, path = 0, f"/api/runs/{segment(run_id)}"
    while True:
        # The run is read before its lines: once it has ended, the lines that follow are all there are.
        found: dict[str, Any] = await client.get(path)
        while lines := (await client.get(f"{path}/logs", after=after))["items"]:
            for line in lines:
                print_json(line) if as_json else click.echo(line["text"], err=line["stream"] == "stderr")
            after = lines[-1]["number"]
        if found["state"] in _TERMINAL or not follow:
            return found
        await asyncio.sleep(_LOOK_EVERY)


@run.command()
@click.argument("run_id", metavar="RUN")
@json_option
def cancel(run_id: str, as_json: bool) -> None:
    """Cancel a run that has not ended.

    \b
    Examples:
      automations run cancel 3f2a9c
    """
    found = with_client(lambda client: client.post(f"/api/runs/{segment(run_id)}/cancel"))
    if as_json:
        print_json(found)
    else:
        say(f"{found['id']} is {found['state']}{'' if found['state'] in _TERMINAL else ', and told to stop'}")
