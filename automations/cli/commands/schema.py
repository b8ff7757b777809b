"""`schema`: what files may hold, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from automations.cli.command import Command
from automations.cli.output import json_option


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(["rules", "deployments", "tests", "actions"]), default="rules")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write it into a file.")
@json_option
def schema(kind: str, output: Path | None, as_json: bool) -> None:
    """Print the JSON Schema of a kind of file.

    Editors complete and check a file by it; 'automations check' tells all the rest. 'actions' are the records of
    the Kafka sink. With --json it is one line.

    \b
    Examples:
      automations schema
      automations schema deployments --output schemas/deployments.json
    """
    import orjson

    from automations.cli.schemas import SCHEMAS

    indent = 0 if as_json else orjson.OPT_INDENT_2
    written = orjson.dumps(SCHEMAS[kind](), option=indent | orjson.OPT_APPEND_NEWLINE)
    if output is None:
        click.echo(written, nl=False)
        return
    try:
        output.write_bytes(written)
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}; choose a file that can be written") from None
