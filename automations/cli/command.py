"""Commands whose help starts with examples, and groups that suggest what was meant."""

from __future__ import annotations

import inspect
from typing import Any, Final

import click

_EXAMPLES: Final = "\b\nExamples:\n"


def _examples_first(command: click.Command) -> None:
    """A docstring says what a command does, then shows it; who reads the help wants the reverse."""
    text, mark, examples = inspect.cleandoc(command.help or "").partition(_EXAMPLES)
    if mark:
        command.short_help = text.partition("\n")[0]
        command.help = f"{mark}{examples}\n\n{text}"


class Command(click.Command):
    """A command; the first line of its docstring stands in listings, its examples come first in its help."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _examples_first(self)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _examples_first(self)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; UsageError names the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            mend = f"did you mean '{near[0]}'?" if near else f"'{ctx.command_path} --help' lists them"
            error.message = f"{error.message.rstrip('.')}; {mend}"
            raise
