"""`backtest`: recorded events through rules."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automations.cli.command import Command
from automations.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from automations.backtest import Change, Replayed

_PATH = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("events", type=click.File("rb"))
@click.option("-C", "directory", type=_PATH, help="Folder of the project.")
@click.option("--rules", type=_PATH, help="Folder of rule files; default: the project's.")
@click.option("--against", metavar="DIR|GIT_REV", help="Show only what differs from these rules.")
@click.option("--until", metavar="TIME", help="Let time pass until then (RFC 3339) after the last event.")
@json_option
def backtest(
    events: Any, directory: Path | None, rules: Path | None, against: str | None, until: str | None, as_json: bool
) -> None:
    """Show what rules would have done with recorded EVENTS: firings and rendered actions. Nothing is sent.

    EVENTS is a file of JSON lines ('-': standard input), such as 'automations events ls --json' prints, in any
    order. With --against, what changes from those rules to the project's.

    \b
    Examples:
      automations backtest events.jsonl
      automations backtest events.jsonl --against main
      automations backtest events.jsonl --against ../rules-of-today --json
    """
    from automations.settings import load_settings
    from automations.wiring.offline import Backtest

    flags: dict[str, Any] = {"directory": directory}
    settings = load_settings(flags if rules is None else {**flags, "rules": rules.resolve()})
    run = Backtest(settings, events, getattr(events, "name", "-"), until)
    if against is None:
        _print_firings(run.firings(), as_json)
    else:
        _print_changes(run.changes(against), as_json)


def _print_firings(firings: Any, as_json: bool) -> None:
    fired, suppressed = Counter[str](), Counter[str]()
    for each in firings:
        (suppressed if each.firing.suppressed else fired)[each.firing.automation] += 1
        print_json(_record(each)) if as_json else _print(each, "")
    for name in sorted(fired | suppressed):
        say(f"{name}: {fired[name]} fired, {suppressed[name]} held back")
    say(f"{fired.total()} firings, {suppressed.total()} held back")


def _print_changes(changes: Any, as_json: bool) -> None:
    kinds = Counter[str]()
    for change in changes:
        kinds[change.kind] += 1
        print_json(_changed(change)) if as_json else _print_change(change)
    say(", ".join(f"{kinds[kind]} {kind}" for kind in ("appears", "vanishes", "changes")))


def _print_change(change: Change) -> None:
    sign = {"appears": "+ ", "vanishes": "- ", "changes": "~ "}[change.kind]
    if change.kind == "changes" and change.before is not None:
        _print(change.before, "- ")
        sign = "+ "
    _print(change.shown, sign)


def _print(each: Replayed, sign: str) -> None:
    from automations.model.moment import format_moment

    firing = each.firing
    group = " ".join(f"{label}={value}" for label, value in firing.labels.items())
    what = {"resolve": "resolved"}.get(firing.kind, "fired") if not firing.suppressed else str(firing.reason)
    click.echo(f"{sign}{format_moment(firing.at)} {firing.automation} {what} {group}".rstrip())
    for action in each.actions:
        fields = {key: value for key, value in action.items() if key not in ("type", "list")}
        click.echo(f"{sign}    {action['type']} {_compact(fields)}")


def _compact(fields: dict[str, Any]) -> str:
    import orjson

    return orjson.dumps(fields).decode()


def _changed(change: Change) -> dict[str, Any]:
    both = {"before": change.before, "after": change.after}
    return {"change": change.kind, **{key: _record(each) if each else None for key, each in both.items()}}


def _record(each: Replayed) -> dict[str, Any]:
    from automations.model.moment import format_moment

    firing = each.firing
    return {
        "id": firing.id,
        "automation": firing.automation,
        "kind": firing.kind,
        "at": format_moment(firing.at),
        "labels": dict(firing.labels),
        "event": firing.event.ref if firing.event else None,
        "events": [event.ref for event in firing.events],
        "count": firing.count,
        "suppressed": firing.suppressed,
        "actions": list(each.actions),
    }
