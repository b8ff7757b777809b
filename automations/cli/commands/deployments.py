"""`deployment`: the jobs that can be run."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click

from automations.cli.client import Client, segment, with_client
from automations.cli.command import Group
from automations.cli.commands.runs import print_output
from automations.cli.output import json_option, print_json, print_record, print_rows, say
from automations.errors import AutomationsError


@click.group(cls=Group)
def deployment() -> None:
    """Deployments: what can be run, and how.

    \b
    Examples:
      automations deployment ls
      automations deployment run repair/nightly -jv env.REGION=eu --watch
    """


@deployment.command()
@json_option
def ls(as_json: bool) -> None:
    """List the deployments.

    \b
    Examples:
      automations deployment ls
      automations deployment ls --json | jq -r .name
    """
    found = with_client(lambda client: client.get("/api/deployments"))
    print_rows(found["items"], ["name", "paused", "work_pool", "entrypoint", "description"], as_json)


@deployment.command()
@click.argument("name")
@json_option
def inspect(name: str, as_json: bool) -> None:
    """Show one deployment.

    \b
    Examples:
      automations deployment inspect repair/nightly
    """
    print_record(with_client(lambda client: client.get(f"/api/deployments/{segment(name)}")), as_json)


def _assignments(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    from automations.jobs import parse_assignments

    try:
        return parse_assignments(given)
    except AutomationsError as error:
        raise click.BadParameter(f"{error.message}; {error.hint}") from None


KEY_VALUE: dict[str, Any] = {"multiple": True, "metavar": "K=V", "callback": _assignments}


@deployment.command()
@click.argument("name")
@json_option
def delete(name: str, as_json: bool) -> None:
    """Delete what was deployed. Its schedules and triggers end; its runs stay.

    \b
    Examples:
      automations deployment delete etl/nightly
    """
    with_client(lambda client: client.delete(f"/api/deployments/{segment(name)}"))
    print_json({"name": name}) if as_json else say(f"deployment {name!r} is deleted")


@deployment.command()
@click.argument("name")
@json_option
def pause(name: str, as_json: bool) -> None:
    """Make no more runs of a deployment; those made before are carried out.

    \b
    Examples:
      automations deployment pause repair/nightly
    """
    now = with_client(lambda client: client.post(f"/api/deployments/{segment(name)}/pause"))
    print_json(now) if as_json else say(f"deployment {name!r} is paused")


@deployment.command()
@click.argument("name")
@json_option
def resume(name: str, as_json: bool) -> None:
    """Make runs of a deployment again.

    \b
    Examples:
      automations deployment resume repair/nightly
    """
    now = with_client(lambda client: client.post(f"/api/deployments/{segment(name)}/resume"))
    print_json(now) if as_json else say(f"deployment {name!r} is resumed")


@deployment.command()
@click.argument("name")
@click.option("-p", "--param", "parameters", **KEY_VALUE, help="A parameter; V is JSON, else text.")
@click.option("-jv", "--job-variable", "job_variables", **KEY_VALUE, help="A job variable, such as env.NAME=V.")
@click.option("--idempotency-key", metavar="K", help="One run for this key, however often it is asked for.")
@click.option("--watch", is_flag=True, help="Follow the run and its output; exit 0 when it is Completed, else 1.")
@json_option
def run(name: str, watch: bool, as_json: bool, **body: Any) -> None:
    """Run a deployment, with parameters and job variables of this run.

    With --watch and --json, the last line is the run as it ended.

    \b
    Examples:
      automations deployment run repair/nightly
      automations deployment run repair/nightly -p day=2026-01-31 -jv env.REGION=eu -jv timeout=60
      automations deployment run repair/nightly --watch
    """
    completed = with_client(lambda client: _run(client, name, body, watch=watch, as_json=as_json))
    sys.exit(0 if completed else 1)


async def _run(client: Client, name: str, body: dict[str, Any], *, watch: bool, as_json: bool) -> bool:
    made = await client.post(f"/api/deployments/{segment(name)}/runs", body)
    if not watch:
        print_json(made) if as_json else click.echo(made["id"])
        return True
    say(f"run {made['id']}{'' if made['created'] else ' (made before, with this key)'}")
    try:
        ended = await print_output(client, made["id"], follow=True, as_json=as_json)
    except asyncio.CancelledError:
        say(f"the run goes on; 'automations run cancel {made['id']}' ends it")
        raise
    if as_json:
        print_json(ended)
    say(f"{ended['state']}{': ' + ended['message'] if ended['message'] else ''}")
    return bool(ended["state"] == "Completed")
