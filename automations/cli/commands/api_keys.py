"""`api-key`: who may talk to the engine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from automations.cli.client import Client, UnreachableError, segment, with_client
from automations.cli.output import json_option, print_rows, say


@click.group("api-key")
def api_key() -> None:
    """Keys for the HTTP API, with scopes."""


@api_key.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(["ingest", "read", "admin"]), required=True)
@click.option("-C", "directory", type=click.Path(path_type=Path), help="Folder of the project.")
@click.option("--db", type=click.Path(path_type=Path), help="The database of an engine that does not run.")
def create(name: str, scopes: tuple[str, ...], directory: Path | None, db: Path | None) -> None:
    """Make a key; its text is printed once and kept nowhere.

    \b
    Examples:
      automations api-key create ci --scope ingest
      automations api-key create me --scope admin --db automations.db   # the first key, before 'serve'
    """
    if db is None and directory is None:
        try:
            made = with_client(lambda client: client.post("/api/api-keys", {"name": name, "scopes": list(scopes)}))
        except UnreachableError:
            say("no engine answers: the key is made in the database of this folder")
        else:
            click.echo(made["key"])
            return
    click.echo(_offline(name, scopes, directory, db))


def _offline(name: str, scopes: tuple[Any, ...], directory: Path | None, db: Path | None) -> str:
    from automations.settings import load_settings
    from automations.wiring import create_api_key_offline

    settings = load_settings({"directory": directory, "db": db})
    return asyncio.run(create_api_key_offline(settings.path("db"), name, scopes))


@api_key.command()
@json_option
def ls(as_json: bool) -> None:
    """List the keys, without their secrets.

    \b
    Examples:
      automations api-key ls
    """
    found = with_client(lambda client: client.get("/api/api-keys"))
    print_rows(found["items"], ["id", "name", "scopes", "created", "revoked"], as_json)


@api_key.command()
@click.argument("key")
def revoke(key: str) -> None:
    """Revoke a key, by id or name: it stops working at once.

    \b
    Examples:
      automations api-key revoke ci
    """

    async def send(client: Client) -> None:
        await client.post(f"/api/api-keys/{segment(key)}/revoke")

    with_client(send)
    say(f"{key} is revoked")
