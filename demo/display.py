"""What the demo prints: with colours on a terminal, plain elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH: Final = 132
_LABEL: Final = 14
_GOOD: Final = {"Completed": "green", "delivered": "green"}


class Display:
    """One step of an event's way per line; nothing that comes from an event is taken for markup."""

    def __init__(self) -> None:
        console = Console(highlight=False)
        self._console = console if console.is_terminal else Console(highlight=False, width=_PLAIN_WIDTH)

    def scene(self, title: str, why: str) -> None:
        """Begin a scene."""
        self._console.print()
        self._console.rule(Text(title, style="bold"), align="left", characters="─")
        self._console.print(Text(why, style="dim"))

    def say(self, label: str, text: str, style: str = "") -> None:
        """Print one step."""
        self._console.print(Text.assemble((label.rjust(_LABEL), "cyan"), "  ", (text, style)))

    def event(self, event: Mapping[str, Any]) -> None:
        """Show what was stored."""
        about = " ".join(f"{name.removeprefix('prefect.resource.')}={v}" for name, v in event["resource"].items())
        self.say("event", f"{event['event']}  {about}")
        self.say("stored as", f"{event['source']}/{event['id']}", "dim")

    def firing(self, firing: Mapping[str, Any], rule: Mapping[str, Any]) -> None:
        """Show which rule fired, and why."""
        group = " ".join(f"{name}={value}" for name, value in firing["labels"].items())
        counted = f"{firing['count']} event(s)" + (f" of {group}" if group else "")
        verb = "held back" if firing["suppressed"] else "fired"
        self.say("rule", f"{firing['automation']} ({rule['location']})", "bold")
        self.say(verb, f"{counted}, reason: {firing['reason']}", "yellow" if firing["suppressed"] else "green")

    def job_variables(self, run: Mapping[str, Any]) -> None:
        """Show every effective job variable and where it came from."""
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for heading in ("job variable", "value", "from", "by"):
            table.add_column(heading, overflow="fold")
        for pointer, value in _leaves(run["job_variables"]):
            came = run["provenance"].get(pointer, {"layer": "", "origin": ""})
            cells = (
                pointer[1:].replace("/", "."),
                json.dumps(value, ensure_ascii=False),
                came["layer"],
                came["origin"],
            )
            table.add_row(*(Text(cell) for cell in cells))
        self._console.print(table)

    def run(self, run: Mapping[str, Any], output: Sequence[Mapping[str, Any]]) -> None:
        """Show a run that has ended, and its output."""
        ended = f"{run['name']} of {run['deployment']}: {run['state']}"
        self.say("run", f"{ended} {run['message']}".rstrip(), _GOOD.get(run["state"], "red"))
        for line in output:
            self.say(line["stream"], line["text"], "dim")

    def action(self, action: Mapping[str, Any]) -> None:
        """Show how a request to the outside ended."""
        outcome = action["error"] if action["state"] == "dead" else f"answered {action['reference']}"
        self.say(action["type"], action["body"]["url"])
        self.say(action["state"], outcome, _GOOD.get(action["state"], "red"))

    def failure(self, text: str) -> None:
        """Say on the same stream what went wrong."""
        self._console.print(Text(f"\nThe demo failed: {text}", style="bold red"))


def _leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    else:
        yield pointer, value
