"""From a document to a model: pydantic's errors as located problems in the words of a user."""

from __future__ import annotations

from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from rapidfuzz import process

from automations.errors import Problem
from automations.model.event import SHORT_LABELS
from automations.rulefiles.reader import Document, Path

M = TypeVar("M", bound=BaseModel)

_WANTED: Final = {
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


def validate(document: Document, model: type[M], path: Path = ()) -> tuple[M | None, list[Problem]]:
    """Validate the part of the document at `path`; the model, or every problem with its place."""
    data = document.data
    for step in path:
        data = data[step]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, [_problem(document, model, path, data, detail) for detail in error.errors(include_url=False)]


def _problem(document: Document, model: type[BaseModel], root: Path, data: Any, detail: Any) -> Problem:
    steps, owner = _steps(model, data, detail["loc"])
    path, kind = (*root, *steps), detail["type"]
    here = document.location(path)
    if kind == "extra_forbidden":
        return _unknown_key(document, path, owner)
    if kind == "missing":
        return Problem("missing-key", f"{_article(owner)} needs {path[-1]!r}", document.location(path[:-1]))
    if kind in _WANTED:
        return Problem("wrong-type", f"{_label(path)} wants {_WANTED[kind]}, not {_seen(detail['input'])}", here,
                       _boolean_hint(kind, detail["input"]))  # fmt: skip
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        return _not_one_of(path, detail, document)
    if kind == "union_tag_not_found":
        return Problem("missing-key", f"{_label(path)} needs 'type'", here)
    code = kind if "-" in kind else "bad-value"
    message = detail["msg"] if "-" in kind else f"{_label(path)}: {detail['msg']}"
    return Problem(code, message, here)


def _steps(model: type[BaseModel], data: Any, loc: tuple[Any, ...]) -> tuple[Path, type[BaseModel]]:
    """The steps that exist in the document: pydantic puts the tags of unions between them."""
    steps: list[str | int] = []
    owner: type[BaseModel] = model
    for position, step in enumerate(loc):
        last = position == len(loc) - 1
        step = _as_written(data, step)
        if isinstance(data, dict) and (step in data or last):
            child = _child(owner, str(step))
        elif isinstance(data, list) and isinstance(step, int):
            child = None
        elif isinstance(data, list | dict):
            owner = _tagged(owner, str(step)) or owner
            continue
        elif position and step == 0:  # a single value that stands for a list of one
            continue
        else:
            break
        steps.append(step)
        data = data[step] if (isinstance(data, dict) and step in data) or isinstance(data, list) else None
        owner = child or owner
    return tuple(steps), owner


def _as_written(data: Any, step: Any) -> Any:
    """Labels are validated under their long names; the file may say the short one."""
    if isinstance(data, dict) and step not in data:
        return next((short for short, long in SHORT_LABELS.items() if long == step and short in data), step)
    return step


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _child(owner: type[BaseModel], name: str) -> type[BaseModel] | None:
    found = owner.model_fields.get(name)
    models = _models_in(found.annotation) if found else []
    return models[0] if len(models) == 1 else None


def _tagged(owner: type[BaseModel], tag: str) -> type[BaseModel] | None:
    for model in (m for f in owner.model_fields.values() for m in _models_in(f.annotation)):
        kind = model.model_fields.get("type")
        if kind is not None and tag in get_args(kind.annotation):
            return model
    return None


def _words(owner: type[BaseModel]) -> str:
    noun = getattr(owner, "noun", None)
    if noun is not None:
        return str(noun)
    return "".join(f" {c.lower()}" if c.isupper() else c for c in owner.__name__).strip()


def _article(owner: type[BaseModel]) -> str:
    words = _words(owner)
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _unknown_key(document: Document, path: Path, owner: type[BaseModel]) -> Problem:
    known = [field.alias or name for name, field in owner.model_fields.items()]
    return Problem(
        "unknown-key",
        f"{path[-1]!r} is not {_article(owner)} field",
        document.location(path, key=True),
        suggestion(str(path[-1]), known) or f"the fields are {', '.join(known)}",
    )


def _not_one_of(path: Path, detail: Any, document: Document) -> Problem:
    context = detail.get("ctx", {})
    tagged = "tag" in context
    expected = str(context.get("expected") or context.get("expected_tags") or "").replace(" or ", ", ")
    choices = [choice.strip().strip("'") for choice in expected.split(",")]
    seen = context["tag"] if tagged else detail["input"]
    where = document.location((*path, "type") if tagged else path)
    label = "'type'" if tagged else _label(path)
    hint = suggestion(seen, choices) if isinstance(seen, str) else None
    return Problem("bad-value", f"{label} is one of {', '.join(choices)}, not {_seen(seen)}", where, hint)


def suggestion(name: str, known: list[str]) -> str | None:
    """Return `did you mean 'x'?`, or None when nothing is near."""
    found = process.extractOne(name, known, score_cutoff=65)
    return f"did you mean {found[0]!r}?" if found else None


def _label(path: Path) -> str:
    named = next((step for step in reversed(path) if isinstance(step, str)), None)
    return "the document" if named is None else repr(named)


def _seen(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."


def _boolean_hint(kind: str, value: Any) -> str | None:
    if kind != "bool_type" or not isinstance(value, str):
        return None
    meant = {"no": "false", "off": "false", "n": "false", "yes": "true", "on": "true", "y": "true"}.get(
        value.lower()
    )
    return f"write {meant}" if meant else "write true or false"
