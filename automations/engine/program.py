"""An automation, compiled: what `evaluate` and `plan` need of it, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Final, get_args

from automations.engine.grouping import Group, Scalar, compile_extractor
from automations.engine.tree import Tree, compile_tree
from automations.model.action_document import ActionDocument, DoNothing
from automations.model.automation import ActionList, Automation
from automations.model.document import Document, JsonObject
from automations.model.event import Event
from automations.templating import CompiledValue, compile_value

_LISTS: Final[Sequence[ActionList]] = get_args(ActionList)


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """One action of the document with its templates compiled. `target` goes into the action's id."""

    document: ActionDocument
    type: str
    list: ActionList
    index: int
    target: str
    fields: CompiledValue
    text_fields: CompiledValue
    constants: JsonObject


def _compile_action(actions: ActionList, index: int, action: ActionDocument) -> PlannedAction:
    fields = {name: value for name in type(action).model_fields if (value := getattr(action, name)) is not None}
    kind = fields.pop("type")
    typed = {name: fields.pop(name) for name in action.typed if name in fields}
    text = {name: _plain(fields.pop(name)) for name in action.text if name in fields}
    return PlannedAction(
        document=action,
        type=kind,
        list=actions,
        index=index,
        target=action.target,
        fields=compile_value(typed),
        text_fields=compile_value(text, text=True),
        constants={name: _plain(value) for name, value in fields.items()},
    )


def _plain(value: object) -> object:
    if isinstance(value, Document):
        return value.model_dump(mode="json", exclude_none=True)
    return list(value) if isinstance(value, tuple) else value


class Program:
    """Built by `compile_program`; `automation` is the document."""

    def __init__(self, automation: Automation) -> None:
        self.automation = automation

    @cached_property
    def tree(self) -> Tree:
        """The trigger, with all its parts."""
        return compile_tree(self.automation.trigger)

    @cached_property
    def actions(self) -> Mapping[ActionList, Sequence[PlannedAction]]:
        """The actions that ask something of a sink; compiled at the first firing, as most rules fire rarely."""
        return {
            actions: tuple(
                _compile_action(actions, index, action)
                for index, action in enumerate(self.automation.actions_of(actions))
                if not isinstance(action, DoNothing)
            )
            for actions in _LISTS
        }

    @cached_property
    def throttle_group(self) -> Callable[[Group, Event | None], Sequence[Scalar | None]]:
        """From a firing's group and event to its throttle group: the trigger's, unless told otherwise. What the
        event lacks is None: one group (rules.md 10).
        """
        throttle = self.automation.throttle
        if throttle is None or throttle.for_each is None:
            return lambda group, _event: group
        extractors = [compile_extractor(label) for label in throttle.for_each]
        return lambda _group, event: [None if event is None else extract(event) for extract in extractors]

    @cached_property
    def root_positions(self) -> Sequence[int]:
        """Which values of a trigger's group make the root group, the key of the cell.

        A throttle that groups otherwise must see all firings that it counts, so the cell holds every trigger
        group that may share a throttle group: the root is what both have in common.
        """
        throttle, labels = self.automation.throttle, self.automation.for_each
        if throttle is None or throttle.for_each is None:
            return range(len(labels))
        return [position for position, label in enumerate(labels) if label in throttle.for_each]

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the trigger does: a cell that was kept for another trigger means nothing to this one."""
        trigger = self.automation.trigger.model_dump_json()
        return blake2b(f"{trigger}{list(self.root_positions)}".encode(), digest_size=8).hexdigest()

    def root_group(self, group: Group) -> Group:
        """Project a trigger's group, or a part's, on the cell that holds it."""
        return tuple(group[position] for position in self.root_positions)


def compile_program(automation: Automation) -> Program:
    """Compile one automation."""
    return Program(automation)
