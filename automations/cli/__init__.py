"""The command line."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

import click

from automations.cli.command import Group
from automations.cli.output import printable, say
from automations.errors import AutomationsError, RuleFileErrors

_COMMANDS: Final = {
    "init": "project:init",
    "serve": "project:serve",
    "check": "project:check",
    "test": "rule_tests:test",
    "explain": "explain:explain",
    "backtest": "backtest:backtest",
    "emit": "emit:emit",
    "ls": "automations:ls",
    "inspect": "automations:inspect",
    "pause": "automations:pause",
    "resume": "automations:resume",
    "events": "events:events",
    "run": "runs:run",
    "dead-letters": "dead_letters:dead_letters",
    "deploy": "deploy:deploy",
    "deployment": "deployments:deployment",
    "work-pool": "work_pools:work_pool",
    "api-key": "api_keys:api_key",
    "status": "status:status",
    "schema": "schema:schema",
    "import": "import_rules:import_rules",
    "worker": "kafka:worker",
    "topics": "kafka:topics",
    "rules": "kafka:rules",
}


class _LazyGroup(Group):
    """Imports a command's module when it is asked for."""

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
    """Event-driven automations: events in, rules matched, runs started.

    Exit codes: 0 ok, 1 failed or problems found, 2 usage, 3 the engine or Kafka is unreachable, 130 interrupted.

    AUTOMATIONS_API_URL (default http://127.0.0.1:4280) and AUTOMATIONS_API_KEY tell which engine to talk to.

    \b
    Examples:
      automations init shop && cd shop    # a working example
      automations serve                   # the engine, on 127.0.0.1:4280
      automations emit order.created -r id=order.17 -r customer=acme
      automations run ls
      automations status
    """


def main() -> None:
    """Run a command. Exit codes: 0 ok, 1 failed, 2 usage, 3 engine unreachable, 130 interrupted."""
    sys.exit(_run())


def _run() -> int:
    try:
        result: Any = cli.main(prog_name="automations", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RuleFileErrors as errors:
        for problem in errors.problems:
            say(str(problem))
        return 1
    except AutomationsError as error:
        say(f"error: {printable(str(error))}")
        return 3 if error.code == "unreachable" else 1
    return result if isinstance(result, int) else 0
