"""`work-pool`: where runs are carried out."""

from __future__ import annotations

from typing import IO, Any

import click
import orjson

from automations.cli.client import ApiError, segment, with_client
from automations.cli.command import Group
from automations.cli.commands.deploy import outcome, refused
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
@click.option("--type", "kind", default="process", show_default=True, help="What carries out its runs.")
@click.option("--description", default="", help="For people.")
@click.option(
    "--base-job-template", type=click.File("rb"), help="JSON file: variables and job_configuration; - stdin."
)
@click.option("--concurrency-limit", type=click.IntRange(1), help="Runs at once.")
@click.option("--merge-deep", multiple=True, metavar="VARIABLE", help="Merged key by key, as env is.")
@click.option("--allow-extra", is_flag=True, help="Take variables that the schema does not know, too.")
@click.option("--on-unknown", type=click.Choice(["fail", "rerun"]), default="fail", show_default=True,
              help="What becomes of runs that a crash has cut off.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Change the work pool when there is one of the name.")
@json_option
def create(
    name: str, kind: str, base_job_template: IO[bytes] | None, overwrite: bool, as_json: bool, **given: Any
) -> None:
    """Make a work pool. Without a template, it has the variables of its type.

    \b
    Examples:
      automations work-pool create small --concurrency-limit 2
      automations work-pool create big --base-job-template big.json --overwrite
    """
    merge_deep = given.pop("merge_deep")
    document = {"type": kind, **given, "merge": dict.fromkeys(merge_deep, "deep")}
    if base_job_template is not None:
        document["base_job_template"] = _template(base_job_template)
    path = f"/api/work-pools/{segment(name)}"
    try:
        done = with_client(lambda client: client.put(path, document, overwrite=str(overwrite).lower()))
    except ApiError as error:
        raise refused("work pool", path, error) from None
    print_json(done) if as_json else say(f"work pool {name!r}: {outcome(done)}")


def _template(file: IO[bytes]) -> Any:
    try:
        return orjson.loads(file.read())
    except orjson.JSONDecodeError as error:
        raise click.BadParameter(f"{file.name} is no JSON: {error}") from None


@work_pool.command()
@click.argument("name")
@json_option
def delete(name: str, as_json: bool) -> None:
    """Delete a work pool that was made here; no deployment may run there.

    \b
    Examples:
      automations work-pool delete small
    """
    with_client(lambda client: client.delete(f"/api/work-pools/{segment(name)}"))
    print_json({"name": name}) if as_json else say(f"work pool {name!r} is deleted")


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
