from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from unit.cli.samples import Command

from automations.cli import cli

PROMISED = {
    "init", "serve", "check", "test", "explain", "backtest", "emit", "ls", "inspect",
    "pause", "resume", "status", "schema",
    "events ls", "events tail", "events inspect",
    "run ls", "run inspect", "run logs", "run cancel",
    "dead-letters ls", "dead-letters inspect", "dead-letters redrive", "dead-letters discard",
    "deployment ls", "deployment inspect", "deployment run", "deployment pause", "deployment resume",
    "work-pool pause", "work-pool resume",
    "work-pool ls", "work-pool inspect", "work-pool create", "work-pool delete", "deploy", "deployment delete",
    "api-key create", "api-key ls", "api-key revoke",
    "import prefect",
    "worker", "topics create", "topics check", "rules publish",
}  # fmt: skip
GROUPS = {"events", "run", "dead-letters", "deployment", "work-pool", "api-key", "import", "topics", "rules"}


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield f"{prefix}{name}", found
        if isinstance(found, click.Group):
            yield from commands(found, f"{prefix}{name} ")


def test_the_commands_are_those_that_are_promised() -> None:
    assert {name for name, _ in commands(cli)} == PROMISED | GROUPS


@pytest.mark.parametrize("name", ["", *sorted(PROMISED | GROUPS)])
def test_help_starts_with_examples_of_the_command_itself(command: Command, name: str) -> None:
    shown = command(*name.split(), "--help")
    assert shown.code == 0
    usage, examples, *_ = shown.out.split("\n\n")
    assert usage.startswith(f"Usage: automations {name}".rstrip())
    title, *lines = examples.splitlines()
    assert title.strip() == "Examples:"
    assert all(f"automations {name}".rstrip() in line for line in lines)


@pytest.mark.parametrize("name", sorted(PROMISED - {"serve", "worker"}))
def test_every_command_can_print_json(name: str) -> None:
    options = {option for param in dict(commands(cli))[name].params for option in param.opts}
    if name == "run logs":
        assert "--follow" in options
    assert "--json" in options


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'aiohttp', 'pydantic', 'rich', 'uvicorn', 'jinja2', 'automations.wiring'}"
    script = f"""if True:
        import sys
        from automations.cli import cli
        cli.main(["--help"], standalone_mode=False)
        sys.exit(str(sorted({heavy} & sys.modules.keys()) or ""))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_python_m_automations_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "automations", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("automations, version ")


@pytest.mark.parametrize(
    ("typed", "meant"), [("chek", "did you mean 'check'?"), ("xyzzy", "'automations --help' lists them")]
)
def test_an_unknown_command_names_the_nearest_one(command: Command, typed: str, meant: str) -> None:
    result = command(typed)
    assert (result.code, result.out) == (2, "")
    assert result.err.rstrip().endswith(meant)
