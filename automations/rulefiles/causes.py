"""The events that the actions of an automation cause, as far as its document tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, get_args

from automations.engine.conditions import Condition, RelatedSpec
from automations.errors import RenderError
from automations.model.action_document import EmitEvent, RunDeployment
from automations.model.automation import ActionList, Automation
from automations.model.document import JsonObject
from automations.model.event import RESOURCE_ID, RESOURCE_NAME, RESOURCE_ROLE
from automations.model.job import RunState
from automations.rulefiles.possible_text import ANY_TEXT, PossibleText
from automations.templating import compile_value

_LISTS: Final[Sequence[ActionList]] = get_args(ActionList)


@dataclass(frozen=True, slots=True)
class PossibleLabels:
    """What labels may say. `more`: there may be others of Prefect's own than these."""

    texts: Mapping[str, PossibleText]
    more: bool = False

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> PossibleLabels:
        """Read labels whose values are templates."""
        return cls({label: PossibleText.of(text) for label, text in labels.items()})

    def may_hold(self, condition: Condition) -> bool:
        """True when the labels may pass."""
        text = self.texts.get(condition.label)
        if text is None:
            return condition.values.absent or (self.more and condition.label.startswith("prefect."))
        return text.may_be(condition.values)

    def break_for_sure(self, condition: Condition) -> bool:
        """True when a label that is there does not pass, whatever it says."""
        text = self.texts.get(condition.label)
        return text is not None and not text.may_be(condition.values)


@dataclass(frozen=True, eq=False)
class Occasion:
    """What several caused events have in common: their name and their resource."""

    name: PossibleText
    resource: PossibleLabels


@dataclass(frozen=True, eq=False)
class Cause:
    """A kind of event that an automation causes. `more_related`: it may have others than `related`, in other
    roles; `payload` is None where it is not known.
    """

    automation: str
    occasion: Occasion
    related: Sequence[PossibleLabels]
    more_related: bool = False
    payload: JsonObject | None = None

    def may_satisfy(self, spec: RelatedSpec) -> bool:
        """True when the related resources may be what a spec asks."""
        if spec.forbids:
            return not any(labels.break_for_sure(c) for labels in self.related for c in spec.conditions)
        if any(all(map(labels.may_hold, spec.conditions)) for labels in self.related):
            return True
        return self.more_related and not any(map(self._asks_known_role, spec.conditions))

    def _asks_known_role(self, condition: Condition) -> bool:
        known = {labels.texts[RESOURCE_ROLE].head for labels in self.related}
        return condition.label == RESOURCE_ROLE and condition.values.exact and condition.values.literals <= known


def causes(automation: Automation) -> Iterator[Cause]:
    """Yield what the actions cause: events that they emit, and the changes of state of runs that they start."""
    for action in _actions(automation):
        if isinstance(action, EmitEvent):
            yield _emitted(automation.name, action)
        elif isinstance(action, RunDeployment) and action.deployment_id is None:
            related = _related_of_run(automation.name, action.deployment)
            yield from (Cause(automation.name, occasion, related) for occasion in _occasions_of_runs())


def causes_on_prefect(automation: Automation) -> Iterator[Cause]:
    """Yield what the runs that the actions start cause on a Prefect server, which tells much more of them."""
    for action in _actions(automation):
        if isinstance(action, RunDeployment):
            identity = ANY_TEXT if action.deployment_id is None else PossibleText(action.deployment_id)
            deployment = {
                RESOURCE_ID: identity.behind("prefect.deployment."),
                RESOURCE_ROLE: PossibleText("deployment"),
            }
            yield Cause(automation.name, _PREFECT_RUN, [PossibleLabels(deployment, more=True)], more_related=True)


def _actions(automation: Automation) -> Iterator[object]:
    for name in _LISTS:
        yield from automation.actions_of(name)


def _emitted(automation: str, action: EmitEvent) -> Cause:
    return Cause(
        automation,
        Occasion(PossibleText.of(action.event), PossibleLabels.of(action.resource)),
        [PossibleLabels.of(labels) for labels in action.related],
        payload=_constant(action.payload),
    )


def _constant(payload: JsonObject) -> JsonObject | None:
    """Return what a payload is at every firing; None where it depends on one."""
    compiled = compile_value(payload)
    try:
        constant: JsonObject | None = None if compiled.names else compiled.render({})[0]
    except RenderError:  # it fails at every firing
        return None
    return constant


@cache
def _occasions_of_runs() -> Sequence[Occasion]:
    return [
        Occasion(
            PossibleText(f"automations.run.{state.value}"),
            PossibleLabels(
                {
                    RESOURCE_ID: PossibleText("automations.run.", ""),
                    RESOURCE_NAME: ANY_TEXT,
                    "automations.run.state": PossibleText(state.value),
                }
            ),
        )
        for state in RunState
    ]


def _deployment(name: str | None) -> PossibleText:
    """A deployment is known by `flow/name`, and may be written as `name`."""
    if name is None:
        return ANY_TEXT
    return PossibleText(name) if "/" in name else PossibleText("", f"/{name}")


def _related_of_run(automation: str, deployment: str | None) -> Sequence[PossibleLabels]:
    named = {
        "deployment": _deployment(deployment),
        "work-pool": ANY_TEXT,
        "automation": PossibleText(automation),
    }
    return [
        PossibleLabels(
            {
                RESOURCE_ID: name.behind(f"automations.{role}."),
                RESOURCE_NAME: name,
                RESOURCE_ROLE: PossibleText(role),
            }
        )
        for role, name in named.items()
    ]


_PREFECT_RUN: Final = Occasion(
    PossibleText("prefect.flow-run.", ""),
    PossibleLabels({RESOURCE_ID: PossibleText("prefect.flow-run.", "")}, more=True),
)
