"""Expected and actual firings, compared key by key and typed: `4` is neither `"4"` nor true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automations.model.action import DURATIONS
from automations.model.document import JsonObject
from automations.model.labels import long_labels
from automations.model.moment import format_duration, format_moment, parse_duration
from automations.model.rule_test import ExpectedAction, ExpectedFiring
from automations.ruletests.run import Fired, Outcome


@dataclass(frozen=True, slots=True)
class Difference:
    """An expected firing beside the actual one, as JSON of what is compared; None where there is none."""

    position: int
    expected: JsonObject | None
    actual: JsonObject | None


def compare(outcome: Outcome) -> Sequence[Difference]:
    """Return where the firings differ from what the test expects; none: it passed, but for `suppressed`."""
    expected = outcome.test.expect
    if expected is None:
        return ()
    longest = max(len(expected), len(outcome.fired))
    found = (_at(outcome, expected, position) for position in range(longest))
    return tuple(difference for difference in found if difference is not None)


def _at(outcome: Outcome, expected: Sequence[ExpectedFiring], position: int) -> Difference | None:
    start = outcome.test.start
    wanted = expected_json(expected[position], start) if position < len(expected) else None
    if position >= len(outcome.fired):
        return Difference(position, wanted, None)
    actual = actual_json(outcome.fired[position], start, wanted)
    return None if wanted is not None and same(wanted, actual) else Difference(position, wanted, actual)


def same(expected: Any, actual: Any) -> bool:
    """Tell whether two JSON values are equal; equal numbers are, whatever their form."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(same(v, actual[k]) for k, v in expected.items())
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    return bool(expected == actual)


def expected_json(expected: ExpectedFiring, start: int) -> JsonObject:
    """What the test says of a firing."""
    said = {
        "at": None if expected.at is None else _offset(expected.at.after(start), start),
        "automation": expected.automation,
        "labels": expected.labels,
        "state": expected.state,
        "actions": None if expected.actions is None else [_expected_action(a) for a in expected.actions],
    }
    return {key: value for key, value in said.items() if value is not None}


def _expected_action(action: ExpectedAction) -> JsonObject:
    fields = {"type": action.type, "failed": action.failed}
    return {k: v for k, v in fields.items() if v is not None} | _as_shown(action.model_extra or {})


def actual_json(fired: Fired, start: int, wanted: JsonObject | None) -> JsonObject:
    """What happened, cut to what the test says; all of it where the test says nothing."""
    firing = fired.firing
    happened = {
        "at": _offset(firing.at, start),
        "automation": firing.automation,
        "labels": dict(firing.labels),
        "state": "resolved" if firing.kind == "resolve" else "triggered",
        "actions": list(fired.actions),
    }
    if wanted is None:
        return {key: value for key, value in happened.items() if value != {}}
    shown = {key: happened[key] for key in wanted}
    if "actions" in wanted:
        shown["actions"] = [_cut(action, i, wanted["actions"]) for i, action in enumerate(fired.actions)]
    return shown


def _cut(action: JsonObject, position: int, wanted: Sequence[JsonObject]) -> JsonObject:
    if position >= len(wanted):
        return action
    failed = {"failed"} & action.keys()
    return {key: action[key] for key in [*wanted[position], *failed] if key in action}


def _as_shown(fields: Mapping[str, Any]) -> JsonObject:
    """Labels by their long names, durations in one form."""
    return {key: _field(key, value) for key, value in fields.items()}


def _field(key: str, value: Any) -> Any:
    if key == "resource":
        return long_labels(value)
    if key not in DURATIONS:
        return value
    try:
        return format_duration(parse_duration(value))
    except (ValueError, OverflowError):  # the diff shows what stands there
        return value


def _offset(moment: int, start: int) -> str:
    return format_duration(moment - start) if moment >= start else format_moment(moment)
