"""The automation document, as a user writes it (rules.md section 3). Durations are in microseconds once loaded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from automations.model.action_document import Action
from automations.model.document import Document
from automations.model.filters import GroupLabels
from automations.model.moment import Duration
from automations.model.trigger import EventTrigger, ScheduleTrigger, Trigger

ActionList = Literal["actions", "actions_on_trigger", "actions_on_resolve"]


class Throttle(Document):
    """At most `limit` firings in any span of `per`, per group."""

    limit: Annotated[int, Field(ge=1)]
    per: Annotated[Duration, Field(gt=0)]
    for_each: GroupLabels | None = None


class Debounce(Document):
    """Fire once the group has been quiet for `quiet`, at the latest `at_most` after its first firing."""

    quiet: Annotated[Duration, Field(gt=0)]
    at_most: Duration | None = None

    @model_validator(mode="after")
    def _can_be_met(self) -> Debounce:
        if self.at_most is not None and self.at_most < self.quiet:
            raise PydanticCustomError("bad-debounce", "'at_most' is at least 'quiet'", {"at": ("at_most",)})
        return self


class Automation(Document):
    """A rule: when `trigger` fires, `actions` are carried out."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    description: str = ""
    enabled: bool = True
    tags: tuple[str, ...] = Field(default=(), strict=False)
    owner_resource: str | None = None
    trigger: Trigger
    actions: tuple[Action, ...] = Field(strict=False)
    actions_on_trigger: tuple[Action, ...] = Field(default=(), strict=False)
    actions_on_resolve: tuple[Action, ...] = Field(default=(), strict=False)
    throttle: Throttle | None = None
    debounce: Debounce | None = None
    allow_cycle: bool = False

    @model_validator(mode="after")
    def _is_no_part(self) -> Automation:
        if not isinstance(self.trigger, ScheduleTrigger) and self.trigger.name is not None:
            raise PydanticCustomError(
                "bad-name",
                "'name' is for parts of a composite; the trigger is no part",
                {"at": ("trigger", "name")},
            )
        return self

    @property
    def for_each(self) -> tuple[str, ...]:
        """The group labels of the trigger."""
        return () if isinstance(self.trigger, ScheduleTrigger) else self.trigger.for_each

    @property
    def stateless(self) -> bool:
        """True when nothing has to be remembered between two events."""
        guarded = self.throttle is not None or self.debounce is not None
        return isinstance(self.trigger, EventTrigger) and self.trigger.immediate and not guarded

    def actions_of(self, actions: ActionList) -> tuple[Action, ...]:
        """Return one of the three lists."""
        listed: tuple[Action, ...] = getattr(self, actions)
        return listed
