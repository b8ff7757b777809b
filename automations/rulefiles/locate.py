"""From pydantic's location of an error to the path in the document, and to the model that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from automations.model.event import SHORT_LABELS
from automations.rulefiles.document import Path

Model = type[BaseModel]


class Place(NamedTuple):
    """Where an error is: the path, the model that its last key belongs to, and the models that might have stood
    there in that one's place.
    """

    path: Path
    owner: Model
    choices: Sequence[Model] = ()


def locate(model: Model, data: Any, detail: Any) -> Place:
    """Return the place of one of pydantic's errors.

    Pydantic puts the tags of unions (the `type`, or the model's name) between the steps, names labels by their
    long names, and takes a single value that stands for a list of one as an item. The key that is missing stands
    at the end of the path.
    """
    missing = detail["loc"][-1:] if detail["type"] == "missing" else ()
    steps: list[str | int] = []
    inner = outer = Place((), model)  # what was reached, and what holds it
    choices: list[Model] = []
    for step in detail["loc"][: len(detail["loc"]) - len(missing)]:
        chosen = [choice for choice in choices if step in (*tags(choice), choice.__name__)]
        if chosen:
            inner, choices = Place((), chosen[0], choices), []
            continue
        written = _as_written(data, step)
        if not _holds(data, written):
            continue
        steps.append(written)
        data = data[written]
        if isinstance(written, str):
            outer, choices = inner, models_of(inner.owner, written)
            inner = Place((), choices[0]) if len(choices) == 1 else inner
    found = inner if missing else outer
    return found._replace(path=(*steps, *missing))


def models_of(owner: Model, name: str) -> list[Model]:
    """Return the models that a field may hold, itself or as its items."""
    field = owner.model_fields.get(name)
    return models_in(field.annotation) if field else []


def tags(model: Model) -> tuple[str, ...]:
    """Return the texts that `type` may have."""
    field = model.model_fields.get("type")
    return get_args(field.annotation) if field else ()


def models_in(annotation: Any) -> list[Model]:
    """Return the models of a type, a union say."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def _holds(data: Any, step: Any) -> bool:
    if isinstance(data, dict):
        return step in data
    return isinstance(data, list) and isinstance(step, int) and step < len(data)


def _as_written(data: Any, step: Any) -> Any:
    """The file may say the short name of a label."""
    if isinstance(data, dict) and step not in data:
        return next((short for short, long in SHORT_LABELS.items() if long == step and short in data), step)
    return step
