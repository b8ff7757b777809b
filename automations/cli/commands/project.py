"""`init`, `serve`, `check`: a project on this machine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from automations.cli.command import Command
from automations.cli.kafka import kafka_option, kafka_settings
from automations.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from automations.errors import Location, Problem

_PATH: Final = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("directory", type=_PATH, default=".")
@json_option
def init(directory: Path, as_json: bool) -> None:
    """Write a working example into DIRECTORY.

    Nothing that exists is overwritten.

    \b
    Examples:
      automations init
      automations init shop && cd shop && automations serve
    """
    wanted = dict(_example(files("automations.cli").joinpath("example"), directory))
    wanted |= dict(_example(files("automations").joinpath("schemas"), directory / "schemas"))
    taken = sorted(str(path) for path in wanted if path.exists())
    if taken:
        raise click.ClickException(f"these files exist already: {', '.join(taken)}; choose an empty folder")
    for path, source in sorted(wanted.items()):
        _write(path, source.read_bytes())
        print_json({"file": str(path)}) if as_json else click.echo(str(path))
    folder = "" if directory == Path() else f" -C {shlex.quote(str(directory))}"
    say(f"""
Now start the engine:
  automations serve{folder}
and in another terminal send it an event, and see what came of it:
  automations emit order.created -r id=order.1 -r customer=acme
  automations run ls""")


def _example(source: Traversable, target: Path) -> Iterator[tuple[Path, Traversable]]:
    for child in sorted(source.iterdir(), key=lambda child: child.name):
        if child.is_file():
            yield target / child.name, child
        elif child.name != "__pycache__":
            yield from _example(child, target / child.name)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}; choose a folder that can be written") from None


@click.command(cls=Command)
@click.option("-C", "directory", type=_PATH, help="Folder of the project; other paths are relative to it.")
@click.option("--rules", type=_PATH, help="Folder of rule files.")
@click.option("--deployments", type=_PATH, help="Deployment file.")
@click.option("--sources", type=_PATH, help="File of sources.")
@click.option("--db", type=_PATH, help="The SQLite database.")
@click.option("--host", help="Address to listen on; beyond loopback an API key is needed.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@kafka_option
def serve(kafka: str | None, **flags: Any) -> None:
    """Run the engine: HTTP, matching, dispatch, the process pool.

    Changed rules, deployments and sources are taken up by themselves; files with an error are not, and the last
    good ones stay in force.

    With --kafka it is a gateway: events go onto the topic, and workers ('automations worker') do the rest.

    \b
    Examples:
      automations serve
      automations serve -C shop --port 8080
      automations serve --kafka 127.0.0.1:9092
    """
    import asyncio

    import uvloop

    from automations.settings import load_settings
    from automations.wiring.serving import serve as serve_engine

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if kafka is None:
            sys.exit(runner.run(serve_engine(load_settings(flags))))
        settings = kafka_settings(kafka, **flags)
        from automations.wiring.gateway import GatewayApplication

        sys.exit(runner.run(serve_engine(settings, GatewayApplication)))


@click.command(cls=Command)
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("-C", "directory", type=_PATH, help="Folder of the project.")
@click.option("--verbose", "-v", is_flag=True, help="Tell how the index finds each automation, too.")
@json_option
def check(paths: tuple[Path, ...], directory: Path | None, verbose: bool, as_json: bool) -> None:
    """Report every error of rule files, deployments, sources.

    Without PATHS, the rule files of the project. Exits 1 when there is an error; warnings alone are 0.

    \b
    Examples:
      automations check
      automations check rules/orders.yaml
      automations check --verbose
    """
    from automations.settings import load_settings
    from automations.wiring.loading import check as check_files

    settings = load_settings({"directory": directory})
    problems = check_files(paths, settings)
    for problem in problems:
        print_json(_problem(problem)) if as_json else click.echo(str(problem))
    if verbose:
        _print_index_classes(paths or [settings.path("rules")], as_json)
    errors = sum(problem.severity == "error" for problem in problems)
    say(f"{errors} error(s), {len(problems) - errors} warning(s)")
    sys.exit(1 if errors else 0)


def _problem(problem: Problem) -> dict[str, Any]:
    said = {"code": problem.code, "severity": problem.severity, "message": problem.message, "hint": problem.hint}
    return {**_place(problem.location), **said}


def _print_index_classes(paths: Sequence[Path], as_json: bool) -> None:
    """Only a rule set without an error has an index."""
    from automations.engine.index_class import index_class
    from automations.model.ruleset import RuleSet
    from automations.rulefiles import check_rules

    rules = check_rules(paths).ruleset or RuleSet()
    for rule in rules:
        found, place = index_class(rule), rules.places[rule.name]
        if as_json:
            print_json({**_place(place), "automation": rule.name, "index": found.kind, "keys": found.keys})
        else:
            by = f" by {', '.join(found.keys)}" if found.keys else ": it is asked about every event"
            click.echo(f"{place} {rule.name}: {found.kind}{by}")


def _place(location: Location) -> dict[str, Any]:
    return {"file": location.file, "line": location.line, "column": location.column}
