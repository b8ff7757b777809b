"""`test`: rule tests."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automations.cli.command import Command
from automations.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from automations.rulefiles import LocatedTest
    from automations.wiring.offline import TestReport

_PATH = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("-C", "directory", type=_PATH, help="Folder of the project.")
@click.option("--junit", type=_PATH, help="Write the results as JUnit's XML to this file, too.")
@click.option("--coverage", is_flag=True, help="List the automations that no test fires; fail if there are any.")
@json_option
def test(
    paths: tuple[Path, ...], directory: Path | None, junit: Path | None, coverage: bool, as_json: bool
) -> None:
    """Run rule tests (files named *_test.yaml) on a virtual clock.

    Without PATHS, those beside the rules of the project. Exits 0 when all passed, 1 when some failed.

    \b
    Examples:
      automations test
      automations test rules/orders_test.yaml
      automations test --coverage --junit results.xml
    """
    from automations import ruletests
    from automations.settings import load_settings
    from automations.wiring.offline import run_rule_tests

    settings = load_settings({"directory": directory})
    report = run_rule_tests(paths or [settings.path("rules")], settings)
    for located, lines in report.results:
        _print_result(located, lines, as_json)
    if junit is not None:
        junit.write_bytes(ruletests.junit(report.results))
    failed = sum(bool(lines) for _, lines in report.results)
    uncovered = _print_coverage(report, as_json) if coverage else 0
    say(f"{len(report.results) - failed} passed, {failed} failed")
    sys.exit(1 if failed or uncovered else 0)


def _print_result(located: LocatedTest, lines: Sequence[str], as_json: bool) -> None:
    if as_json:
        place = located.location
        print_json(
            {
                "test": located.test.name,
                "file": place.file,
                "line": place.line,
                "passed": not lines,
                "failure": list(lines),
            }
        )
    elif lines:
        click.echo(f"FAILED {located.location} {located.test.name}")
        for line in lines:
            click.echo(f"  {line}")


def _print_coverage(report: TestReport, as_json: bool) -> int:
    for name, place in report.uncovered.items():
        if as_json:
            print_json({"uncovered": name, "file": place.file, "line": place.line})
        else:
            click.echo(f"{place} no test fires {name!r}")
    covered = report.automations - len(report.uncovered)
    share = 100 * covered // report.automations if report.automations else 100
    say(f"coverage: {covered} of {report.automations} automations fire in a test ({share} %)")
    return len(report.uncovered)
