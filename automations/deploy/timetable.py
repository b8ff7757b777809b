"""The schedules and triggers of a deployment, as the automations that they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from automations.errors import Problem
from automations.model.document import JsonObject
from automations.rulefiles import Document

Steps = tuple[str | int, ...]

_OF_ACTION: Final = ("parameters", "job_variables", "schedule_after", "tags")
_OF_AUTOMATION: Final = ("description", "enabled", "throttle", "debounce", "allow_cycle")
_OF_SCHEDULE: Final = ("cron", "interval", "anchor_date", "timezone", "catch_up")
_WITHOUT_MEANING: Final = ("max_scheduled_runs", "replaces")


def automations_of(
    document: Document, path: Steps, deployment: str, problems: list[Problem]
) -> Iterator[Document]:
    """Yield a document for each schedule and trigger of the deployment at `path`: one automation named
    `deployment/FLOW/NAME/...`, whose parts are located where they are written.
    """
    entry: JsonObject = _at(document.data, path)
    if entry.get("schedule"):
        yield from _scheduled(document, (*path, "schedule"), deployment, "schedule", problems)
    for section, word, make in (("schedules", "schedule", _scheduled), ("triggers", "trigger", _triggered)):
        listed = entry.get(section, [])
        if not isinstance(listed, list):
            where = document.location((*path, section))
            problems.append(Problem("wrong-type", f"{section!r} wants a list", where))
            continue
        for number in range(len(listed)):
            yield from make(document, (*path, section, number), deployment, f"{word}-{number + 1}", problems)


def _scheduled(
    document: Document, path: Steps, deployment: str, name: str, problems: list[Problem]
) -> Iterator[Document]:
    written = _mapping(document, path, problems)
    if written is None:
        return
    if "rrule" in written:
        where = document.location((*path, "rrule"), key=True)
        problems.append(Problem("not-supported", "'rrule' is not run here", where, "write 'cron' or 'interval'"))
        return
    if written.get("day_or") is False:
        where = document.location((*path, "day_or"), key=True)
        problems.append(Problem("not-supported", "'day_or: false' is not run here", where, "write two schedules"))
        return
    known = {key: value for key, value in written.items() if key not in (*_WITHOUT_MEANING, "day_or")}
    schedule: JsonObject = {key: known.pop(key) for key in _OF_SCHEDULE if key in known}
    enabled = known.pop("active", True)
    name = known.pop("slug", None) or name
    action: JsonObject = {key: known.pop(key) for key in ("parameters", "job_variables") if key in known}
    data = {
        "trigger": {"type": "schedule", "schedule": {**schedule, **known}},  # what is left over is told there
        "enabled": enabled,
    }
    places: dict[Steps, Steps] = {
        ("trigger",): path,
        ("trigger", "schedule"): path,
        ("enabled",): (*path, "active"),
    }
    yield _automation(document, path, deployment, name, data, action, places)


def _triggered(
    document: Document, path: Steps, deployment: str, name: str, problems: list[Problem]
) -> Iterator[Document]:
    written = _mapping(document, path, problems)
    if written is None:
        return
    rest = dict(written)
    name = rest.pop("name", None) or name
    action: JsonObject = {key: rest.pop(key) for key in _OF_ACTION if key in rest}
    data: JsonObject = {key: rest.pop(key) for key in _OF_AUTOMATION if key in rest}
    places: dict[Steps, Steps] = {("trigger",): path, **{(key,): (*path, key) for key in data}}
    yield _automation(document, path, deployment, str(name), {**data, "trigger": rest}, action, places)


def _automation(
    document: Document,
    path: Steps,
    deployment: str,
    name: str,
    data: JsonObject,
    action: JsonObject,
    places: Mapping[Steps, Steps],
) -> Document:
    run = {"type": "run-deployment", "deployment": deployment, **action}
    whole = {"name": f"deployment/{deployment}/{name}", **data, "actions": [run]}
    of_action: dict[Steps, Steps] = {("actions", 0, key): (*path, key) for key in action}
    return document.graft(whole, {(): path, **places, ("actions", 0): path, **of_action})


def _mapping(document: Document, path: Steps, problems: list[Problem]) -> JsonObject | None:
    """The entry without the keys that are set to nothing: Prefect writes `name: null` and the like."""
    found = _at(document.data, path)
    if isinstance(found, dict):
        return {key: value for key, value in found.items() if value is not None}
    problems.append(Problem("wrong-type", f"{path[-2:][0]!r} wants mappings", document.location(path)))
    return None


def _at(data: Any, path: Steps) -> Any:
    for step in path:
        data = data[step]
    return data
