"""`dead-letters`: what could not be carried out."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click

from automations.cli.client import ApiError, Client, segment, with_client
from automations.cli.command import Group
from automations.cli.output import json_option, limit_option, print_json, print_record, print_rows, printable, say


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """Actions and events that were given up, each with its reason.

    \b
    Examples:
      automations dead-letters ls
      automations dead-letters redrive 3f2a9c...
    """


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
    """Show a dead letter with everything that is known of it.

    \b
    Examples:
      automations dead-letters inspect 3f2a9c...
    """
    print_record(with_client(lambda client: client.get(f"/api/dead-letters/{segment(dead_letter)}")), as_json)


@dead_letters.command()
@click.argument("dead_letters", nargs=-1, required=True)
@json_option
def redrive(dead_letters: tuple[str, ...], as_json: bool) -> None:
    """Try dead actions again, each under a new id, which is printed.

    \b
    Examples:
      automations dead-letters redrive 3f2a9c...
      automations dead-letters ls --json | jq -r .id | xargs automations dead-letters redrive
    """

    async def send(client: Client, letter: str) -> None:
        made = await client.post(f"/api/dead-letters/{segment(letter)}/redrive")
        print_json({"dead_letter": letter, **made}) if as_json else click.echo(made["action"])

    _each(dead_letters, send)


@dead_letters.command()
@click.argument("dead_letters", nargs=-1, required=True)
@json_option
def discard(dead_letters: tuple[str, ...], as_json: bool) -> None:
    """Give dead letters up for good; they stay on record.

    \b
    Examples:
      automations dead-letters discard 3f2a9c...
    """

    async def send(client: Client, letter: str) -> None:
        found = await client.post(f"/api/dead-letters/{segment(letter)}/discard")
        print_json(found) if as_json else say(f"{letter} is discarded")

    _each(dead_letters, send)


def _each(letters: Sequence[str], send: Callable[[Client, str], Awaitable[None]]) -> None:
    """Send each; one that is refused does not keep the others back. Exits 1 when one was."""

    async def run(client: Client) -> bool:
        refused = False
        for letter in letters:
            try:
                await send(client, letter)
            except ApiError as error:
                say(f"error: {printable(letter)}: {printable(str(error))}")
                refused = True
        return refused

    sys.exit(1 if with_client(run) else 0)
