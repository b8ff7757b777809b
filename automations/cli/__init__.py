"""The command line."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

import click

from automations.errors import AutomationsError, RuleFileErrors

_COMMANDS: Final = {
    "init": "project:init",
    "serve": "project:serve",
    "check": "project:check",
    "emit": "emit:emit",
    "ls": "automations:ls",
    "inspect": "automations:inspect",
    "pause": "automations:pause",
    "resume": "automations:resume",
    "events": "events:events",
    "run": "runs:run",
    "deployment": "deployments:deployment",
    "dead-letters": "dead_letters:dead_letters",
    "api-key": "api_keys:api_key",
    "status": "status:status",
}


class _LazyGroup(click.Group):
    """Imports a command's module when it is asked for, so that `--help` stays quick."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(f"automations.cli.commands.{module}"), attribute)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="automations")
def cli() -> None:
    """Event-driven automations.

    \b
    Examples:
      automations init shop && cd shop   a working example
      automations serve                  the engine, on 127.0.0.1:4280
      automations emit order.failed -r id=order.17
      automations status
    """


def main() -> None:
    """Run a command. Exit codes: 0 ok, 1 failed, 2 usage, 3 engine unreachable, 130 interrupted."""
    sys.exit(_run())


def _run() -> int:
    try:
        result: Any = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RuleFileErrors as errors:
        for problem in errors.problems:
            click.echo(str(problem), err=True)
        return 1
    except AutomationsError as error:
        click.echo(f"error: {error}", err=True)
        return 3 if error.code == "unreachable" else 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0
