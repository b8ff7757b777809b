"""Automations as a Prefect server tells them, as rule files of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from automations.errors import Problem
from automations.model.automation import ActionList
from automations.model.document import JsonObject
from automations.model.moment import SECOND, format_duration, parse_duration
from automations.rulefiles.load import check_rules
from automations.rulefiles.parts import triggers_of
from automations.rulefiles.reader import read_yaml
from automations.rulefiles.yaml_text import yaml_text

_KEPT: Final = ("name", "description", "enabled", "tags", "owner_resource", "trigger", *get_args(ActionList))
_OF_THE_SERVER: Final = frozenset({"id", "created", "updated", "account", "workspace"})
_SLUG: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG: Final = 80
_UNORDERED: Final = ("after", "expect", "for_each")
_DEFAULTS: Final[Mapping[str, Any]] = {"threshold": 1, "within": 0.0, "schedule_after": 0.0}
_DURATIONS: Final = ("within", "schedule_after")
_OF_THE_WORKER: Final = re.compile(r"\{\{-?\s*(?:prefect\.|ctx\.|\$)")
_GLOB: Final = re.compile(r"[?\[]")
_INSTEAD_OF_A_BLOCK: Final = {"call-webhook": "'url'", "send-notification": "'to'"}


@dataclass(frozen=True, slots=True)
class ImportedRule:
    """One automation. `text` is what its `file` is to hold; None where it cannot be taken, and `problems` say why.
    `notes` tell what is not as it was there.
    """

    name: str
    file: str
    text: str | None
    notes: Sequence[str]
    problems: Sequence[Problem]


def import_rules(found: Sequence[JsonObject]) -> list[ImportedRule]:
    """Turn each automation, as `POST /automations/filter` lists it, into a rule file of its own.

    What means the same there and here is left as it is; what the server adds is dropped, and so is what says
    nothing.
    """
    names, files = set[str](), set[str]()
    named = [(automation, _unique(str(automation.get("name")), "{} ({})", names)) for automation in found]
    by_id = {str(automation.get("id")): name for automation, name in named}
    return [
        _imported(automation, name, by_id, _unique(_slug(name), "{}-{}", files) + ".yaml")
        for automation, name in named
    ]


def _slug(name: str) -> str:
    return _SLUG.sub("-", name.lower()).strip("-")[:_LONGEST_SLUG].rstrip("-") or "automation"


def _unique(wanted: str, numbered: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = numbered.format(wanted, number)
    taken.add(name)
    return name


def _imported(automation: JsonObject, name: str, names: Mapping[str, str], file: str) -> ImportedRule:
    rule = _plain({**automation, "name": name})
    notes = [*_notes(automation, name), *_translated(rule, names)]
    text = yaml_text(rule)
    documents, problems = read_yaml(text, file)
    checked = check_rules([], also=documents)
    problems = [*problems, *checked.problems]
    refused = any(problem.severity == "error" for problem in problems)
    return ImportedRule(name, file, None if refused else text, notes, problems)


def _notes(automation: JsonObject, name: str) -> Iterator[str]:
    if automation.get("name") != name:
        yield f"it is called {name!r} here: another one has its name, and names are unique"
    for key in sorted(automation.keys() - {*_KEPT, *_OF_THE_SERVER}):
        yield f"{key!r} is left out: it means nothing here"


# --- what says nothing -------------------------------------------------------------------------------------


def _plain(automation: JsonObject) -> JsonObject:
    """The parts that mean something, in the order in which a person would write them."""
    rule = {key: automation[key] for key in _KEPT if automation.get(key) not in (None, "", [])}
    rule.setdefault("actions", [])
    rule["trigger"] = _plain_trigger(rule.get("trigger"))
    for key in get_args(ActionList):
        if key in rule:
            rule[key] = [_said(action) for action in rule[key]]
    return rule


def _plain_trigger(trigger: Any) -> Any:
    if not isinstance(trigger, dict):
        return trigger
    said = {key: value for key, value in _said(trigger).items() if key != "id"}
    said |= {key: sorted(said[key]) for key in _UNORDERED if key in said}
    if isinstance(said.get("triggers"), list):
        said["triggers"] = [_plain_trigger(part) for part in said["triggers"]]
    return said


def _said(written: Any) -> Any:
    """The fields of a trigger or an action that have not their default; durations as people write them."""
    if not isinstance(written, dict):
        return written
    told = {k: v for k, v in written.items() if v not in (None, [], {}) and _DEFAULTS.get(k) != v}
    return {key: _duration(value) if key in _DURATIONS else value for key, value in told.items()}


def _duration(value: Any) -> Any:
    micros = parse_duration(value) if isinstance(value, int | float) else 1
    return format_duration(micros) if micros % SECOND == 0 else value


# --- what is said otherwise --------------------------------------------------------------------------------


def _translated(rule: JsonObject, names: Mapping[str, str]) -> Iterator[str]:
    """Rewrite in place what has to be; a note for each change, and for what means something else here."""
    for _, trigger in triggers_of((), rule):
        yield from _globs(trigger)
    for key in get_args(ActionList):
        for position, action in enumerate(rule.get(key, [])):
            if isinstance(action, dict):
                yield from (f"{key}[{position}]: {note}" for note in _action(action, names))


def _globs(trigger: JsonObject) -> Iterator[str]:
    specs = trigger.get("match_related", {})
    for spec in [trigger.get("match", {}), *(specs if isinstance(specs, list) else [specs])]:
        for label, values in spec.items():
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, str) and _GLOB.search(value):
                    yield f"{label}: {value!r} is matched as it stands; there '?' and '[' were wildcards"


def _action(action: JsonObject, names: Mapping[str, str]) -> Iterator[str]:
    kind = action.get("type")
    named = names.get(str(action.get("automation_id")))
    if named is not None:
        del action["automation_id"]
        action["automation"] = named
        yield f"it acts on the automation {named!r} of this engine"
    if kind in _INSTEAD_OF_A_BLOCK and "block_document_id" in action:
        yield f"this {kind} goes through a block, which no sink can; write {_INSTEAD_OF_A_BLOCK[kind]} instead"
    if kind == "run-deployment" and isinstance(action.get("job_variables"), dict):
        notes: list[str] = []
        action["job_variables"] = _job_variables(action["job_variables"], ("job_variables",), notes)
        yield from notes


def _job_variables(value: Any, path: tuple[str, ...], notes: list[str]) -> Any:
    """Prefect's server passes them on as they are, for its worker to fill in; here they are rendered first."""
    if isinstance(value, dict):
        return {key: _job_variables(item, (*path, key), notes) for key, item in value.items()}
    if isinstance(value, list):
        return [_job_variables(item, (*path, str(at)), notes) for at, item in enumerate(value)]
    if not isinstance(value, str) or ("{{" not in value and "{%" not in value):
        return value
    where = ".".join(path)
    if _OF_THE_WORKER.search(value):
        notes.append(f"{where} is passed on as it is, for Prefect's worker to fill in")
        return {"__prefect_kind": "none", "value": value}
    notes.append(f"{where} is rendered from the event now: {value!r} was passed on as text")
    return value
