"""`deployment`: the jobs that can be run."""

from __future__ import annotations

import sys
from typing import Any

import click

from automations.cli.client import Client, segment, with_client
from automations.cli.commands.runs import print_output
from automations.cli.output import json_option, print_json, print_record, print_rows, say


@click.group()
def deployment() -> None:
    """Deployments: what can be run, and how."""


@deployment.command()
@json_option
def ls(as_json: bool) -> None:
    """List the deployments.

    \b
    Examples:
      automations deployment ls
    """
    found = with_client(lambda client: client.get("/api/deployments"))
    print_rows(found["items"], ["name", "work_pool", "entrypoint", "description"], as_json)


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


@deployment.command()
@click.argument("name")
@click.option("-p", "--param", "params", multiple=True, metavar="K=V", help="A parameter; V is JSON, else text.")
@click.option("-jv", "--job-variable", "variables", multiple=True, metavar="K=V",
              help="A job variable; env.NAME sets one environment variable.")  # fmt: skip
@click.option("--idempotency-key", help="The same key makes one run, however often it is asked for.")
@click.option("--watch", is_flag=True, help="Follow the run and its output; exit with its result.")
@json_option
def run(
    name: str,
    params: tuple[str, ...],
    variables: tuple[str, ...],
    idempotency_key: str | None,
    watch: bool,
    as_json: bool,
) -> None:
    """Run a deployment, with parameters and job variables of this run.

    \b
    Examples:
      automations deployment run repair/nightly
      automations deployment run repair/nightly -p day=2026-01-31 -jv env.REGION=eu -jv timeout=60
      automations deployment run repair/nightly --watch
    """
    from automations.jobs import parse_assignments

    body = {
        "parameters": parse_assignments(params),
        "job_variables": parse_assignments(variables),
        "idempotency_key": idempotency_key,
    }
    state = with_client(lambda client: _start(client, name, body, watch=watch, as_json=as_json))
    sys.exit(0 if state in (None, "Completed") else 1)


async def _start(client: Client, name: str, body: dict[str, Any], *, watch: bool, as_json: bool) -> str | None:
    made = await client.post(f"/api/deployments/{segment(name)}/runs", body)
    if not watch:
        print_json(made) if as_json else click.echo(made["id"])
        return None
    say(f"run {made['id']}" + ("" if made["created"] else " (made before with this key)"))
    state = await print_output(client, made["id"], follow=True, as_json=as_json)
    ended = await client.get(f"/api/runs/{made['id']}")
    say(f"{state}{': ' + ended['message'] if ended['message'] else ''}")
    return state
