"""`deploy`: a deployment file, to an engine or a Prefect server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automations.cli.client import ApiError, Client, segment, with_client
from automations.cli.command import Command
from automations.cli.commands.deployments import KEY_VALUE
from automations.cli.output import json_option, print_json, say
from automations.errors import AutomationsError

if TYPE_CHECKING:
    from automations.wiring.deploying import Deploy


@click.command(cls=Command)
@click.option("-n", "--name", "names", multiple=True, metavar="NAME", help="A deployment: 'flow/name' or 'name'.")
@click.option("--all", "everything", is_flag=True, help="All deployments of the file.")
@click.option(
    "--file", type=click.Path(path_type=Path), help="The deployment file  [prefect.yaml, deployments.yaml]"
)
@click.option(
    "-jv", "--job-variable", "job_variables", **KEY_VALUE, help="Laid over those of the file, key by key."
)
@click.option("--to", type=click.Choice(["prefect"]), help="Not to the engine: the server of PREFECT_API_URL.")
@json_option
def deploy(
    names: tuple[str, ...],
    everything: bool,
    file: Path | None,
    job_variables: dict[str, Any],
    to: str | None,
    as_json: bool,
) -> None:
    """Deploy what a deployment file declares; deploying again tells what changed.

    The environment of this machine fills in {{ $NAME }}. Exits 1 when something could not be deployed.
    --to prefect takes PREFECT_API_KEY or PREFECT_API_AUTH_STRING as Prefect's own commands do.

    \b
    Examples:
      automations deploy --all
      automations deploy -n nightly -jv env.REGION=eu
      automations deploy --file jobs/prefect.yaml -n etl/nightly
      automations deploy --all --to prefect
    """
    from automations.wiring.deploying import deployment_file

    if everything == bool(names):
        raise click.UsageError("name deployments with -n, or take --all")
    chosen = deployment_file(file)
    if to is not None:
        asyncio.run(_deploy_to_prefect(chosen, names, job_variables, as_json))
        return
    with_client(lambda client: _deploy(client, chosen, names, job_variables, as_json))


async def _deploy_to_prefect(
    file: Path, names: tuple[str, ...], job_variables: dict[str, Any], as_json: bool
) -> None:
    from automations.wiring.deploying import deploy_to_prefect

    async for done in deploy_to_prefect(file, names, job_variables):
        told = {"name": done.name, "created": done.created, "changed": done.changed, "warnings": done.warnings}
        _tell(done.kind, told, as_json)


async def _deploy(
    client: Client, file: Path, names: tuple[str, ...], job_variables: dict[str, Any], as_json: bool
) -> None:
    from automations.wiring.deploying import read_deploy

    pools = await client.get("/api/work-pools")
    read = read_deploy(file, names, job_variables, elsewhere=[pool["name"] for pool in pools["items"]])
    _tell_warnings(read)
    for name, document in read.work_pools.items():
        await _put(client, "work pool", f"/api/work-pools/{segment(name)}", document, as_json)
    for name, document in read.deployments.items():
        await _put(client, "deployment", f"/api/deployments/{segment(name)}", document, as_json)


def _tell_warnings(read: Deploy) -> None:
    for problem in read.warnings:
        say(str(problem))


async def _put(client: Client, kind: str, path: str, document: dict[str, Any], as_json: bool) -> None:
    try:
        done = await client.put(path, document)
    except ApiError as error:
        if kind == "work pool" and error.code == "origin-file":  # the engine's own file has it: nothing to do
            say(error.message)
            return
        raise refused(kind, path, error) from None
    _tell(kind, done, as_json)


def _tell(kind: str, done: dict[str, Any], as_json: bool) -> None:
    for warning in done["warnings"]:
        say(f"warning: {warning}")
    if as_json:
        print_json(done)
    else:
        click.echo(f"{kind} {done['name']}: {outcome(done)}")


def outcome(done: dict[str, Any]) -> str:
    """Say what a deploy did."""
    if done["created"]:
        return "created"
    return f"changed {', '.join(done['changed'])}" if done["changed"] else "unchanged"


def refused(kind: str, path: str, error: ApiError) -> AutomationsError:
    """The engine's problems, a line each."""
    problems = error.document.get("errors")
    if not problems:
        return error
    lines = "\n  ".join(problems)
    name = path.removeprefix("/api/").partition("/")[2]
    return AutomationsError(f"the {kind} {name} was not taken:\n  {lines}", code=error.code)
