"""A trigger of a deployment as an automation of a Prefect server."""

from __future__ import annotations

from typing import Any, Final

from automations.errors import AutomationsError
from automations.model.document import JsonObject
from automations.model.moment import SECOND, parse_duration
from automations.templating import has_markup

_EVENT: Final = frozenset(
    {"type", "match", "match_related", "after", "expect", "for_each", "posture", "threshold", "within"}
)
_COMPOSITE: Final = frozenset({"type", "triggers", "require", "within"})
_OF_ACTION: Final = ("parameters", "job_variables", "schedule_after")
_OF_AUTOMATION: Final = ("name", "description", "enabled")


def prefect_automation(name: str, written: JsonObject) -> tuple[JsonObject, list[str]]:
    """Return the automation, its action without a deployment, and what it will not do as written.

    AutomationsError for what Prefect has nothing like.
    """
    written = {key: value for key, value in written.items() if value is not None}
    action: JsonObject = {"type": "run-deployment"}
    action.update({key: written.pop(key) for key in _OF_ACTION if key in written})
    if "schedule_after" in action:
        action["schedule_after"] = _seconds(action["schedule_after"])
    about: JsonObject = {key: written.pop(key) for key in _OF_AUTOMATION if key in written}
    automation: JsonObject = {"name": name, **about, "trigger": _trigger(written), "actions": [action]}
    return automation, list(_warnings(action))


def _warnings(action: JsonObject) -> list[str]:
    if not _templated(action.get("job_variables")):
        return []
    return [
        "a Prefect server passes templates in job_variables on as they are written; "
        "keep this trigger in a rule of this engine to have them rendered"
    ]


def _trigger(written: JsonObject) -> JsonObject:
    composite = "triggers" in written
    unknown = [key for key in written if key not in (_COMPOSITE if composite else _EVENT)]
    if unknown:
        raise AutomationsError(
            f"Prefect has no {', '.join(map(repr, unknown))} in a trigger; keep it in a rule of this engine"
        )
    trigger = {key: value for key, value in written.items() if key != "within"}
    if written.get("within") is not None:
        trigger["within"] = _seconds(written["within"])
    if not composite:
        return {"type": "event", "posture": "Reactive", **trigger}
    kind = written.get("type", "compound" if "require" in written else "sequence")
    required = {"require": written.get("require", "all")} if kind == "compound" else {}
    return {**trigger, **required, "type": kind, "triggers": [_trigger(part) for part in written["triggers"]]}


def _seconds(duration: Any) -> float:
    return parse_duration(duration) / SECOND


def _templated(value: Any) -> bool:
    if isinstance(value, str):
        return has_markup(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_templated, items))
