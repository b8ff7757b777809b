"""`dead-letters`: what could not be carried out."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import click

from automations.cli.command import Group
from automations.cli.kafka import kafka_option
from automations.cli.letters import Answer, Letters, with_letters
from automations.cli.output import json_option, limit_option, print_json, print_record, print_rows, printable, say
from automations.errors import AutomationsError

_COLUMNS: Final = ("id", "kind", "code", "automation", "created", "reason")
_STATES: Final = click.Choice(["open", "redriven", "discarded", "all"])


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """Actions and events that were given up, each with its reason.

    They are those of the running engine; with --kafka, those on the topic of dead letters.

    \b
    Examples:
      automations dead-letters ls
      automations dead-letters redrive 3f2a9c...
      automations dead-letters ls --kafka 127.0.0.1:9092
    """


@dead_letters.command()
@click.option("--state", type=_STATES, default="open", show_default=True)
@limit_option
@kafka_option
@json_option
def ls(state: Any, limit: int, kafka: str | None, as_json: bool) -> None:
    """List dead letters, newest first.

    \b
    Examples:
      automations dead-letters ls
      automations dead-letters ls --state all --json
      automations dead-letters ls --kafka 127.0.0.1:9092
    """
    wanted = None if state == "all" else state
    print_rows(with_letters(lambda letters: letters.ls(wanted, limit), kafka), _COLUMNS, as_json)


@dead_letters.command()
@click.argument("dead_letter")
@kafka_option
@json_option
def inspect(dead_letter: str, kafka: str | None, as_json: bool) -> None:
    """Show a dead letter with everything that is known of it.

    \b
    Examples:
      automations dead-letters inspect 3f2a9c...
      automations dead-letters inspect 3-17 --kafka 127.0.0.1:9092
    """
    print_record(with_letters(lambda letters: letters.get(dead_letter), kafka), as_json)


@dead_letters.command()
@click.argument("dead_letters", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that are open.")
@click.option("--code", "codes", multiple=True, help="With --all: those of this code only.")
@click.option("--automation", "automations", multiple=True, help="With --all: those of this automation only.")
@kafka_option
@json_option
def redrive(
    dead_letters: tuple[str, ...], everything: bool, kafka: str | None, as_json: bool, **only: Sequence[str]
) -> None:
    """Try dead letters again.

    An action gets a new id, which is printed. With --kafka, an event or a match goes back to the topic where it
    stood, whose name is printed; what has counted it already does not count it twice. What cannot be sent again is
    told with the reason, the others go on, and the exit code is 1.

    \b
    Examples:
      automations dead-letters redrive 3f2a9c...
      automations dead-letters redrive --all --code retries-exhausted
      automations dead-letters redrive 3-17 3-18 --kafka 127.0.0.1:9092
      automations dead-letters redrive --all --automation repair-orders --kafka 127.0.0.1:9092
    """
    if everything == bool(dead_letters):
        raise click.UsageError("name dead letters, or all of them by --all")
    if any(only.values()) and not everything:
        raise click.UsageError("--code and --automation choose among --all")

    def tell(letter: str, made: Mapping[str, Any]) -> None:
        print_json({"dead_letter": letter, **made}) if as_json else click.echo(made["action"] or made["topic"])

    async def send(letters: Letters) -> bool:
        chosen = [row["id"] for row in await letters.ls("open", None) if _fits(row, **only)] if everything else ()
        return await _told(letters.redrive(dead_letters or chosen), tell)

    sys.exit(1 if with_letters(send, kafka) else 0)


@dead_letters.command()
@click.argument("dead_letters", nargs=-1, required=True)
@kafka_option
@json_option
def discard(dead_letters: tuple[str, ...], kafka: str | None, as_json: bool) -> None:
    """Give dead letters up for good; they stay on record.

    \b
    Examples:
      automations dead-letters discard 3f2a9c...
      automations dead-letters discard 3-17 --kafka 127.0.0.1:9092
    """

    def tell(letter: str, found: Mapping[str, Any]) -> None:
        print_json(found) if as_json else say(f"{letter} is discarded")

    async def send(letters: Letters) -> bool:
        return await _told(letters.discard(dead_letters), tell)

    sys.exit(1 if with_letters(send, kafka) else 0)


def _fits(row: Mapping[str, Any], codes: Sequence[str], automations: Sequence[str]) -> bool:
    return (not codes or row["code"] in codes) and (not automations or row["automation"] in automations)


async def _told(
    answers: AsyncIterator[tuple[str, Answer]], tell: Callable[[str, Mapping[str, Any]], None]
) -> bool:
    """Tell what became of each; one that is refused does not keep the others back. True when one was."""
    refused = False
    async for letter, answer in answers:
        if isinstance(answer, AutomationsError):
            say(f"error: {printable(letter)}: {printable(str(answer))}")
            refused = True
        else:
            tell(letter, answer)
    return refused
