"""`dead-letters`: what could not be carried out."""

from __future__ import annotations

from typing import Any

import click

from automations.cli.client import Client, segment, with_client
from automations.cli.output import json_option, limit_option, print_record, print_rows, say


@click.group("dead-letters")
def dead_letters() -> None:
    """Actions and events that were given up, each with its reason."""


@dead_letters.command()
@click.option(
    "--state", type=click.Choice(["open", "redriven", "discarded", "all"]), default="open", show_default=True
)
@limit_option
@json_option
def ls(state: str, limit: int, as_json: bool) -> None:
    """List dead letters, newest first.

    \b
    Examples:
      automations dead-letters ls
      automations dead-letters ls --state all --json
    """

    async def read(client: Client) -> list[dict[str, Any]]:
        return [item async for item in client.items("/api/dead-letters", limit, state=state)]

    print_rows(with_client(read), ["id", "kind", "code", "automation", "created", "reason"], as_json)


@dead_letters.command()
@click.argument("dead_letter")
@json_option
def inspect(dead_letter: str, as_json: bool) -> None:
    """Show a dead letter with everything needed to redrive it.

    \b
    Examples:
      automations dead-letters inspect 3f2a9c...
    """
    print_record(with_client(lambda client: client.get(f"/api/dead-letters/{segment(dead_letter)}")), as_json)


@dead_letters.command()
@click.argument("dead_letters", nargs=-1, required=True)
def redrive(dead_letters: tuple[str, ...]) -> None:
    """Try dead actions again, each under a new id.

    \b
    Examples:
      automations dead-letters redrive 3f2a9c...
      automations dead-letters ls --json | jq -r .id | xargs automations dead-letters redrive
    """

    async def send(client: Client) -> None:
        for letter in dead_letters:
            made = await client.post(f"/api/dead-letters/{segment(letter)}/redrive")
            click.echo(made["action"])

    with_client(send)


@dead_letters.command()
@click.argument("dead_letters", nargs=-1, required=True)
def discard(dead_letters: tuple[str, ...]) -> None:
    """Give dead letters up for good.

    \b
    Examples:
      automations dead-letters discard 3f2a9c...
    """

    async def send(client: Client) -> None:
        for letter in dead_letters:
            await client.post(f"/api/dead-letters/{segment(letter)}/discard")
            say(f"{letter} is discarded")

    with_client(send)
