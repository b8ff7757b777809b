"""`api-key`: who may talk to the engine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from automations.cli.client import UnreachableError, segment, with_client
from automations.cli.command import Group
from automations.cli.output import json_option, print_json, print_rows, say

_PATH: Final = click.Path(path_type=Path)


@click.group("api-key", cls=Group)
def api_key() -> None:
    """Keys for the HTTP API, with scopes.

    \b
    Examples:
      automations api-key create me --scope admin --db automations.db
      automations api-key ls
    """


@api_key.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(["ingest", "read", "admin"]), required=True)
@click.option("-C", "directory", type=_PATH, help="Project whose engine does not run: its database is taken.")
@click.option("--db", type=_PATH, help="Database of an engine that does not run.")
@json_option
def create(name: str, scopes: tuple[str, ...], directory: Path | None, db: Path | None, as_json: bool) -> None:
    """Make a key; its text is printed once and kept nowhere.

    Without --db or -C the running engine makes it; when none answers, it is made in this folder's database.

    \b
    Examples:
      automations api-key create ci --scope ingest
      automations api-key create me --scope admin --db automations.db   # the first key, before 'serve'
    """
    text = _made_by_engine(name, scopes) if db is None and directory is None else None
    if text is None:
        text = _made_offline(name, scopes, directory, db)
    print_json({"name": name, "scopes": scopes, "key": text}) if as_json else click.echo(text)


def _made_by_engine(name: str, scopes: tuple[str, ...]) -> str | None:
    body = {"name": name, "scopes": scopes}
    try:
        made = with_client(lambda client: client.post("/api/api-keys", body))
    except UnreachableError as error:
        say(error.message)
        return None
    return str(made["key"])


def _made_offline(name: str, scopes: tuple[Any, ...], directory: Path | None, db: Path | None) -> str:
    from automations.settings import load_settings
    from automations.wiring.serving import create_api_key_offline

    path = load_settings({"directory": directory, "db": db}).path("db")
    say(f"the key is made in {path}")
    return asyncio.run(create_api_key_offline(path, name, scopes))


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
@json_option
def revoke(key: str, as_json: bool) -> None:
    """Revoke a key, by id or name: it stops working at once.

    \b
    Examples:
      automations api-key revoke ci
    """
    with_client(lambda client: client.post(f"/api/api-keys/{segment(key)}/revoke"))
    print_json({"key": key, "revoked": True}) if as_json else say(f"{key} is revoked")
