"""An automation, compiled: what `evaluate` and `plan` need of it, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from automations.engine.grouping import Group, Scalar, compile_extractor
from automations.model.automation import Automation, CallWebhook, DoNothing, EventTrigger, RunDeployment
from automations.model.document import JsonObject
from automations.model.event import Event
from automations.templating import CompiledValue, compile_value

RootProjection = Callable[[Group], Group]


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """One action of the document with its templates compiled. `target` goes into the action's id."""

    type: str
    index: int
    target: str
    fields: CompiledValue
    text_fields: CompiledValue
    constants: JsonObject


def _compile_action(index: int, action: RunDeployment | CallWebhook) -> PlannedAction:
    if isinstance(action, RunDeployment):
        typed: JsonObject = {"parameters": action.parameters, "job_variables": action.job_variables}
        text: JsonObject = {"tags": list(action.tags)}
        constants: JsonObject = {"deployment": action.deployment, "schedule_after": action.schedule_after}
        target = action.deployment
    else:
        typed = {"body": action.body}
        text = {"url": action.url, "headers": action.headers}
        constants = {"method": action.method, "timeout": action.timeout}
        target = action.url
    return PlannedAction(
        action.type, index, target, compile_value(typed), compile_value(text, text=True), constants
    )


class Program:
    """Built by `compile_program`; `automation` is the document."""

    def __init__(self, automation: Automation) -> None:
        self.automation = automation
        self.triggers: Sequence[tuple[str, EventTrigger]] = (("trigger", automation.trigger),)

    @cached_property
    def actions(self) -> Sequence[PlannedAction]:
        """The actions that ask something of a sink; compiled at the first firing, as most rules fire rarely."""
        return tuple(
            _compile_action(index, action)
            for index, action in enumerate(self.automation.actions)
            if not isinstance(action, DoNothing)
        )

    @cached_property
    def throttle_group(self) -> Callable[[Event], tuple[Scalar | None, ...]]:
        """From a firing's event to its throttle group; what the event lacks is None: one group (rules.md 10)."""
        throttle, trigger = self.automation.throttle, self.automation.trigger
        labels = trigger.for_each if throttle is None or throttle.for_each is None else throttle.for_each
        extractors = [compile_extractor(label) for label in labels]
        return lambda event: tuple(extract(event) for extract in extractors)

    @cached_property
    def root_positions(self) -> Sequence[int]:
        """Which values of the trigger's group make the root group, the key of the cell.

        A throttle that groups otherwise must see all firings that it counts, so the cell holds every trigger
        group that may share a throttle group: the root is what both have in common.
        """
        throttle, labels = self.automation.throttle, self.automation.trigger.for_each
        if throttle is None or throttle.for_each is None:
            return range(len(labels))
        return [position for position, label in enumerate(labels) if label in throttle.for_each]

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the trigger does: a cell that was kept for another trigger means nothing to this one."""
        trigger = self.automation.trigger.model_dump_json()
        return blake2b(f"{trigger}{list(self.root_positions)}".encode(), digest_size=8).hexdigest()

    def root_group(self, group: Group) -> Group:
        """Project a trigger's group on the cell that holds it."""
        return tuple(group[position] for position in self.root_positions)


def compile_program(automation: Automation) -> Program:
    """Compile one automation."""
    return Program(automation)
