"""From a document to a model: pydantic's errors as located problems in the words of a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from rapidfuzz import process

from automations.errors import Problem
from automations.rulefiles.composer import MAX_PROBLEMS
from automations.rulefiles.document import Document, Path
from automations.rulefiles.locate import Place, locate, models_of, tags

M = TypeVar("M", bound=BaseModel)

_TYPES: Final = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_type": "text",
    "tuple_type": "a list",
}
"""Pydantic's error type → the type that is wanted."""
_BOUNDS: Final = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}
_LENGTHS: Final = {
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} items",
    "too_long": "at most {max_length} items",
}
_CHOICES: Final = frozenset({"literal_error", "enum"})
_MANY: Final = 6
"""More choices than these are listed only where none of them is near."""
_MEANT: Final = {"no": "false", "off": "false", "n": "false", "yes": "true", "on": "true", "y": "true"}


def validate(document: Document, model: type[M], path: Path = ()) -> tuple[M | None, list[Problem]]:
    """Validate the part of the document at `path`; the model, or every problem with its place."""
    data = document.data
    for step in path:
        data = data[step]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    found = []
    for detail in details[:MAX_PROBLEMS]:
        place = locate(model, data, detail)
        problem = _problem(document, place._replace(path=(*path, *place.path)), detail)
        found.append((place.path, problem))
    problems = _told_once(found)
    if len(details) > MAX_PROBLEMS:
        message = f"there are {len(details) - MAX_PROBLEMS} more problems in it"
        problems.append(Problem("too-many", message, document.location(path)))
    return None, problems


def _told_once(found: Sequence[tuple[Path, Problem]]) -> list[Problem]:
    """A key that is missing because it is misspelt is one mistake: the misspelling is told."""
    misspelt = {(steps[:-1], problem.hint) for steps, problem in found if problem.code == "unknown-key"}
    return [
        problem
        for steps, problem in found
        if problem.code != "missing-key" or (steps[:-1], _did_you_mean(steps[-1:])) not in misspelt
    ]


def suggestion(name: str, known: list[str]) -> str | None:
    """Return `did you mean 'x'?`, or None when nothing is near."""
    found = process.extractOne(name, known, processor=str.lower, score_cutoff=65)
    return _did_you_mean(found[:1]) if found else None


def _did_you_mean(names: Sequence[object]) -> str:
    return f"did you mean {' or '.join(map(repr, names))}?"


def _problem(document: Document, place: Place, detail: Any) -> Problem:
    kind, path, seen = detail["type"], place.path, detail["input"]
    here = document.location(path)
    if kind == "extra_forbidden":
        return _unknown_key(document, place)
    if kind == "missing":
        return Problem("missing-key", f"{_article(place.owner)} needs {path[-1]!r}", document.location(path[:-1]))
    if kind.startswith("union_tag"):
        return _not_a_type(document, place, seen)
    if kind in _CHOICES:
        choices = str(detail["ctx"]["expected"]).replace(" or ", ", ").split(", ")
        return _not_one_of(document, path, seen, [choice.strip("'") for choice in choices])
    if kind in _TYPES:
        mend = _boolean_hint(seen) if kind == "bool_type" else None
        return Problem("wrong-type", f"{_label(path)} wants {_TYPES[kind]}, not {_seen(seen)}", here, mend)
    if "-" in kind:  # one of our own validators: it says all by itself, and may know the place within
        at = detail.get("ctx", {}).get("at", ())
        return Problem(kind, detail["msg"], document.location((*path, *at)))
    return Problem("bad-value", _out_of_bounds(_label(path), detail), here)


def _out_of_bounds(label: str, detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _BOUNDS:
        return f"{label} is {_BOUNDS[kind].format(**context)}, not {_seen(detail['input'])}"
    if context.get("min_length") == 1:
        return f"{label} must not be empty"
    if kind in _LENGTHS:
        return f"{label} has {_LENGTHS[kind].format(**context)}"
    return f"{label}: {detail['msg']}"


def _unknown_key(document: Document, place: Place) -> Problem:
    path, known = place.path, list(place.owner.model_fields)
    message = f"{path[-1]!r} is not {_article(place.owner)} field"
    types = [tag for model in place.choices if path[-1] in model.model_fields for tag in tags(model)]
    hint = f"it belongs to 'type: {types[0]}'" if types else suggestion(str(path[-1]), known)
    where = document.location(path, key=True)
    return Problem("unknown-key", message, where, hint or f"the fields are {', '.join(known)}")


def _not_a_type(document: Document, place: Place, seen: Any) -> Problem:
    path, types = place.path, _tags(place.owner, place.path)
    if not isinstance(seen, dict):
        return Problem("wrong-type", f"{_label(path)} wants a mapping, not {_seen(seen)}", document.location(path))
    if "type" in seen:
        return _not_one_of(document, (*path, "type"), seen["type"], types)
    misspelt = process.extractOne("type", list(seen), score_cutoff=75)
    if misspelt:
        message = f"{misspelt[0]!r} is no field here"
        where = document.location((*path, misspelt[0]), key=True)
        return Problem("unknown-key", message, where, _did_you_mean(["type"]))
    hint = f"the types are {', '.join(types)}"
    return Problem("missing-key", f"{_label(path)} needs 'type'", document.location(path), hint)


def _not_one_of(document: Document, path: Path, seen: Any, choices: list[str]) -> Problem:
    hint = suggestion(seen, choices) if isinstance(seen, str) else None
    wanted = f"is one of {', '.join(choices)}, not" if len(choices) > 1 else f"is {choices[0]}, not"
    if hint and len(choices) > _MANY:
        wanted = "cannot be"
    return Problem("bad-value", f"{_label(path)} {wanted} {_seen(seen)}", document.location(path), hint)


def _article(owner: type[BaseModel]) -> str:
    words = _noun(owner)
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _noun(owner: type[BaseModel]) -> str:
    """What users call a model: its `noun`, else its one `type`, else the words of its name."""
    noun, types = getattr(owner, "noun", None), tags(owner)
    if noun is not None or len(types) == 1:
        return str(noun or types[0])
    return "".join(f" {c.lower()}" if c.isupper() else c for c in owner.__name__).strip()


def _tags(owner: type[BaseModel], path: Path) -> list[str]:
    return [tag for model in models_of(owner, _name(path)) for tag in tags(model)]


def _label(path: Path) -> str:
    if not any(isinstance(step, str) for step in path):
        return "the document"
    return f"each of {_name(path)!r}" if isinstance(path[-1], int) else repr(_name(path))


def _name(path: Path) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _seen(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."


def _boolean_hint(value: Any) -> str | None:
    return f"write {_MEANT.get(value.lower(), 'true or false')}" if isinstance(value, str) else None
