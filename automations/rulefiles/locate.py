"""From pydantic's location of an error to the path in the document, and to the model that it is about."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from automations.model.event import SHORT_LABELS
from automations.rulefiles.document import Path

Model = type[BaseModel]


def locate(model: Model, data: Any, detail: Any) -> tuple[Path, Model]:
    """Return the path, and the model that its last key belongs to.

    Pydantic puts the tags of unions between the steps, names labels by their long names, and takes a single value
    that stands for a list of one as an item. The key that is missing stands at the end of the path.
    """
    missing = detail["loc"][-1:] if detail["type"] == "missing" else ()
    steps: list[str | int] = []
    inner = outer = model  # the model of what was reached, and of what holds it
    choices: list[Model] = []
    for step in detail["loc"][: len(detail["loc"]) - len(missing)]:
        chosen = [choice for choice in choices if step in tags(choice)]
        if chosen:
            inner, choices = chosen[0], []
            continue
        written = _as_written(data, step)
        if not _holds(data, written):
            continue
        steps.append(written)
        data = data[written]
        if isinstance(written, str):
            outer, choices = inner, models_of(inner, written)
            inner = choices[0] if len(choices) == 1 else inner
    return (*steps, *missing), inner if missing else outer


def models_of(owner: Model, name: str) -> list[Model]:
    """Return the models that a field may hold, itself or as its items."""
    field = owner.model_fields.get(name)
    return _models_in(field.annotation) if field else []


def tags(model: Model) -> tuple[str, ...]:
    """Return the texts that `type` may have."""
    field = model.model_fields.get("type")
    return get_args(field.annotation) if field else ()


def _models_in(annotation: Any) -> list[Model]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _holds(data: Any, step: Any) -> bool:
    if isinstance(data, dict):
        return step in data
    return isinstance(data, list) and isinstance(step, int) and step < len(data)


def _as_written(data: Any, step: Any) -> Any:
    """The file may say the short name of a label."""
    if isinstance(data, dict) and step not in data:
        return next((short for short, long in SHORT_LABELS.items() if long == step and short in data), step)
    return step
