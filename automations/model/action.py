"""An action request: what a firing asks a sink to do, rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from automations.model.moment import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automations.model.document import JsonObject

DURATIONS: Final = ("schedule_after", "timeout")
"""Fields of actions that hold a duration; in `body` they are microseconds."""

ActionState = Literal["pending", "delivered", "dead"]


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """`body` holds the action's rendered fields, without `type`.

    `templates` tells which leaves are the event's and not the author's: JSON pointer of the leaf (or of the
    object a lone expression yielded) inside `body` → the template that made it. Everything else in `body`
    is the author's own text.
    """

    id: str
    firing: str
    automation: str
    type: str
    list: Literal["actions", "actions_on_trigger", "actions_on_resolve"]
    index: int
    body: JsonObject
    templates: Mapping[str, str] = field(default_factory=dict)
    cause: str | None = None
    hops: int = 0

    def to_dict(self) -> JsonObject:
        """The JSON object that the outbox stores; `from_dict` reads it."""
        return {
            "id": self.id,
            "firing": self.firing,
            "automation": self.automation,
            "type": self.type,
            "list": self.list,
            "index": self.index,
            "body": self.body,
            "templates": self.templates,
            "cause": self.cause,
            "hops": self.hops,
        }

    def sink_in(self, routes: Mapping[str, str]) -> str | None:
        """Return the sink that carries this out. `routes` lead from an action's type to a sink, and from
        `TYPE@SYSTEM` where it is told whose object it is about: `automations` or `prefect`.
        """
        about = self.body.get("inferred")
        system = about["system"] if about else "prefect" if any(key.endswith("_id") for key in self.body) else ""
        return routes.get(f"{self.type}@{system}") or routes.get(self.type)

    def readable(self) -> JsonObject:
        """The type and the rendered fields as a user writes them: durations as text."""
        durations: dict[str, str] = {key: format_duration(self.body[key]) for key in DURATIONS if key in self.body}
        return {"type": self.type, **self.body, **durations}

    def given_up(self, code: str, message: str) -> FailedAction:
        """The same action, which cannot be carried out."""
        return FailedAction(
            id=self.id,
            firing=self.firing,
            automation=self.automation,
            type=self.type,
            list=self.list,
            index=self.index,
            code=code,
            message=message,
            cause=self.cause,
            hops=self.hops,
        )

    @classmethod
    def from_dict(cls, data: JsonObject) -> ActionRequest:
        """Read what `to_dict` wrote."""
        return cls(**data)


@dataclass(frozen=True, slots=True)
class FailedAction:
    """An action that could not be rendered: planned, and dead at once, with its reason."""

    id: str
    firing: str
    automation: str
    type: str
    list: Literal["actions", "actions_on_trigger", "actions_on_resolve"]
    index: int
    code: str
    message: str
    cause: str | None = None
    hops: int = 0
