"""`init`, `serve`, `check`: a project on this machine."""

from __future__ import annotations

import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import click

from automations.cli.output import json_option, print_json, say
from automations.errors import Problem

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("directory", type=_PATH, default=".")
def init(directory: Path) -> None:
    """Write a working example into DIRECTORY; nothing that exists is overwritten.

    \b
    Examples:
      automations init
      automations init shop && cd shop && automations serve
    """
    example = files("automations.cli").joinpath("example")
    wanted = dict(_tree(example, directory))
    taken = sorted(str(path) for path in wanted if path.exists())
    if taken:
        raise click.ClickException(f"these files exist already: {', '.join(taken)}; choose an empty folder")
    for path, source in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())
        click.echo(str(path))
    say("now: automations serve   and in another terminal: automations emit order.failed -r id=order.1")


def _tree(source: Traversable, target: Path) -> list[tuple[Path, Traversable]]:
    found: list[tuple[Path, Traversable]] = []
    for child in source.iterdir():
        if child.is_dir():
            found += [] if child.name == "__pycache__" else _tree(child, target / child.name)
        else:
            found.append((target / child.name, child))
    return found


@click.command()
@click.option("-C", "directory", type=_PATH, help="Folder of the project.")
@click.option("--rules", type=_PATH, help="Folder of rule files.")
@click.option("--deployments", type=_PATH, help="Deployment file.")
@click.option("--sources", type=_PATH, help="File of sources.")
@click.option("--db", type=_PATH, help="The SQLite database.")
@click.option("--host", help="Address to listen on; beyond loopback an API key is needed.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
def serve(**flags: Any) -> None:
    """Run the engine: HTTP, matching, dispatch, the process pool. Changed files are taken up by themselves.

    \b
    Examples:
      automations serve
      automations serve -C shop --port 8080
    """
    import asyncio

    import uvloop

    from automations.settings import load_settings
    from automations.wiring import serve as serve_engine

    settings = load_settings(flags)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(serve_engine(settings)))


@click.command()
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("-C", "directory", type=_PATH, help="Folder of the project.")
@json_option
def check(paths: tuple[Path, ...], directory: Path | None, as_json: bool) -> None:
    """Report every error of all rule files, of the deployments and the sources; exits 1 when there is one.

    \b
    Examples:
      automations check
      automations check rules/orders.yaml
    """
    from automations.settings import load_settings
    from automations.wiring import check as check_files

    problems = check_files(paths, load_settings({"directory": directory}))
    for problem in problems:
        print_json(_as_json(problem)) if as_json else click.echo(str(problem))
    errors = sum(problem.severity == "error" for problem in problems)
    say(f"{errors} error(s), {len(problems) - errors} warning(s)")
    sys.exit(1 if errors else 0)


def _as_json(problem: Problem) -> dict[str, Any]:
    where = problem.location
    return {
        "file": where.file,
        "line": where.line,
        "column": where.column,
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
    }
