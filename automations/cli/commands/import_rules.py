"""`import`: rules that live elsewhere, as rule files."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automations.cli.command import Group
from automations.cli.output import json_option, print_json, printable, say

if TYPE_CHECKING:
    from automations.rulefiles.prefect_import import ImportedRule


@click.group("import", cls=Group)
def import_rules() -> None:
    """Write rules that live elsewhere as rule files.

    \b
    Examples:
      automations import prefect
      automations import prefect --api-url http://127.0.0.1:4200/api -o rules/prefect
    """


@import_rules.command()
@click.option("--api-url", metavar="URL", help="The server's API  [PREFECT_API_URL]")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), default="rules", show_default=True,
    help="Folder to write into.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@json_option
def prefect(api_url: str | None, folder: Path, force: bool, as_json: bool) -> None:
    """Write each automation of a Prefect server as a rule file.

    Tells what means something else here, and what cannot be taken; then it exits 1. Nothing changes there: an
    automation that is enabled in both places runs in both. PREFECT_API_KEY or PREFECT_API_AUTH_STRING let in, as
    with Prefect's own commands.

    \b
    Examples:
      automations import prefect
      automations import prefect --api-url http://127.0.0.1:4200/api -o rules/prefect
      automations import prefect --force
    """
    from automations.rulefiles.prefect_import import import_rules as imported
    from automations.wiring.importing import automations_of_prefect

    rules = imported(asyncio.run(automations_of_prefect(api_url)))
    taken = [rule for rule in rules if rule.text is not None]
    if not force:
        _refuse_existing(folder, taken)
    for rule in rules:
        _write(folder, rule)
        _tell(folder, rule, as_json)
    say(f"{len(taken)} of {len(rules)} automation(s) written; look at them: automations check {folder}")
    sys.exit(0 if len(taken) == len(rules) else 1)


def _refuse_existing(folder: Path, rules: Sequence[ImportedRule]) -> None:
    existing = [str(folder / rule.file) for rule in rules if (folder / rule.file).exists()]
    if existing:
        raise click.ClickException(f"these files exist already: {', '.join(existing)}; --force overwrites them")


def _write(folder: Path, rule: ImportedRule) -> None:
    if rule.text is None:
        return
    path = folder / rule.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rule.text, "utf-8")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}; choose a folder that can be written") from None


def _tell(folder: Path, rule: ImportedRule, as_json: bool) -> None:
    path = None if rule.text is None else str(folder / rule.file)
    problems = [str(problem) for problem in rule.problems]
    if as_json:
        print_json({"file": path, "name": rule.name, "notes": rule.notes, "problems": problems})
        return
    if path is not None:
        click.echo(path)
    else:
        say(f"{printable(rule.name)}: cannot be taken")
    for told in [*rule.notes, *problems]:
        say(f"  {printable(told)}")
