"""What commands print: data on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click
import orjson

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON; listings: an object a line.")(command)


def limit_option(command: F) -> F:
    """Add `--limit`."""
    return click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many.")(
        command
    )


def print_json(value: Any) -> None:
    """Print a JSON value as one line."""
    click.echo(orjson.dumps(value))


def print_record(record: Mapping[str, Any], as_json: bool) -> None:
    """Print one object: as JSON, or as lines of `key  value`."""
    if as_json:
        print_json(record)
        return
    width = max(map(len, record), default=0)
    for key, value in record.items():
        click.echo(f"{key:<{width}}  {_cell(value)}".rstrip())


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Print a listing: JSON lines, or a table of these columns."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    for line in [[column.upper() for column in columns], *cells]:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return printable(orjson.dumps(value).decode())
    return printable(str(value))


def printable(text: str) -> str:
    """Escape what is no visible character: what an event says must not drive the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(message: str) -> None:
    """Tell a person something that is no data."""
    click.echo(message, err=True)


def bars_allowed() -> bool:
    """True when stderr is a terminal that takes bars and colours."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
