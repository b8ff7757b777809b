"""Why not: the first condition of each trigger that an event does not meet, what was seen, what was wanted.

It goes through the very conditions that matching goes through, in the same order, so it cannot tell another story.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from automations.engine.batch import read
from automations.engine.conditions import Filter, RelatedSpec, Subject, where_value
from automations.engine.evaluate import evaluate
from automations.engine.grouping import compile_extractor
from automations.engine.index import Index
from automations.engine.metric import Aggregate
from automations.engine.program import Program
from automations.engine.tree import ROOT, Leaf
from automations.errors import RenderError
from automations.model.document import JsonObject
from automations.model.event import RESOURCE_ROLE, Event
from automations.model.filters import EventFilter
from automations.model.reason import Reason
from automations.model.trigger import EventTrigger

_STAGES = (
    Reason.DISABLED,
    Reason.EVENT_NAME,
    Reason.LABEL,
    Reason.RELATED,
    Reason.PAYLOAD,
    Reason.WHERE_FAILED,
    Reason.WHERE,
    Reason.NO_NUMBER,
    Reason.GROUP_MISSING,
)
"""The order in which conditions are asked: who fails late came near."""


SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.FIRED: "it fired",
    Reason.RESOLVED: "it resolved",
    Reason.DISABLED: "the automation is disabled",
    Reason.PAUSED: "the automation is paused",
    Reason.EVENT_NAME: "the event has another name",
    Reason.LABEL: "a label is another",
    Reason.RELATED: "no related resource is as wanted",
    Reason.PAYLOAD: "the payload is another",
    Reason.WHERE: "'where' does not hold",
    Reason.WHERE_FAILED: "'where' could not be worked out",
    Reason.GROUP_MISSING: "the event lacks a label of 'for_each'",
    Reason.NO_NUMBER: "the event has no number for the metric",
    Reason.COUNTED: "it was counted, and the threshold is not reached",
    Reason.OPENED: "it opened a window",
    Reason.WINDOW_OPEN: "a window is open already",
    Reason.WINDOW_CLOSED: "it completed the window, which closed quietly",
    Reason.NO_WINDOW: "no window was open for it",
    Reason.DUPLICATE: "it is a repetition",
    Reason.SILENT: "the group is silent after a firing",
    Reason.TOO_LATE: "it came too late",
    Reason.ANOTHER_PART: "another part of the sequence took it",
    Reason.NOT_ALL_PARTS: "not enough parts have fired",
    Reason.WRONG_ORDER: "the parts have not fired in the listed order",
    Reason.NOT_HOLDING: "the aggregate does not hold",
    Reason.HOLDING: "the aggregate holds, not yet for long enough or triggered before",
    Reason.DEBOUNCED: "the firing waits until the group is quiet",
    Reason.THROTTLED: "the throttle held the firing back",
}
"""What the reasons of matching and evaluating say to people."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of an event at one part of a trigger. `condition` is the field that failed (`match.customer`),
    with the value seen and the values wanted, as text; all three are None where none failed.
    """

    trigger: str
    reason: Reason
    condition: str | None = None
    seen: str | None = None
    wanted: str | None = None

    def to_dict(self) -> JsonObject:
        """The JSON that the API and the commands show."""
        return {
            "trigger": self.trigger,
            "reason": self.reason,
            "text": SENTENCES[self.reason],
            "condition": self.condition,
            "seen": self.seen,
            "wanted": self.wanted,
        }

    @property
    def nearness(self) -> int:
        """How far the event came: greater is nearer."""
        return _STAGES.index(self.reason) if self.reason in _STAGES else len(_STAGES)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of an event at one automation; `reason` is that of the part that came nearest."""

    automation: str
    reason: Reason
    findings: Sequence[Finding]

    def to_dict(self) -> JsonObject:
        """The JSON that the API and the commands show."""
        return {
            "automation": self.automation,
            "reason": self.reason,
            "parts": [finding.to_dict() for finding in self.findings],
        }

    @property
    def nearest(self) -> Finding:
        """The part that came nearest."""
        return max(self.findings, key=lambda finding: finding.nearness)


def explain(index: Index, event: Event, automation: str | None = None) -> Sequence[Explanation]:
    """Explain an event to each automation, or to one, as if it were the first event that they see."""
    programs = [p for name, p in sorted(index.programs.items()) if automation in (None, name)]
    return [_explained(index, program, event) for program in programs]


def explain_stored(index: Index, event: Event, trace: Sequence[JsonObject]) -> Sequence[Explanation]:
    """Explain a stored event. What its trace recorded stands; why a condition failed, and what the event did not
    reach, is worked out again by the rules as they are now.
    """
    now = {explained.automation: explained for explained in explain(index, event)}
    recorded: dict[str, list[Finding]] = {}
    for step in trace:
        known = now[step["automation"]].findings if step["automation"] in now else ()
        finding = Finding(step["trigger"], Reason(step["reason"]))
        same = (each for each in known if (each.trigger, each.reason) == (finding.trigger, finding.reason))
        recorded.setdefault(step["automation"], []).append(next(same, finding))
    found = {name: Explanation(name, _nearest(findings).reason, findings) for name, findings in recorded.items()}
    return [explained for _, explained in sorted({**now, **found}.items())]


def _nearest(findings: Sequence[Finding]) -> Finding:
    root = next((finding for finding in findings if finding.trigger == ROOT), None)
    return root or max(findings, key=lambda finding: finding.nearness)


def _explained(index: Index, program: Program, event: Event) -> Explanation:
    name = program.automation.name
    refusals = [refused(program, leaf, event) for leaf in program.tree.leaves.values()]
    findings = [finding for finding in refusals if finding is not None]
    matches = [
        match
        for interest in read(index, frozenset(), event).interests
        if interest.program is program
        for match in interest.matches
    ]
    if not matches:
        nearest = max(findings, key=lambda finding: finding.nearness)
        return Explanation(name, nearest.reason, findings)
    evaluation = evaluate(program, None, event, matches)
    findings += [Finding(path, reason) for path, reason in evaluation.reasons.items()]
    reason = evaluation.reasons.get(ROOT) or evaluation.reasons[matches[-1].trigger]
    return Explanation(name, reason, findings)


def refused(program: Program, leaf: Leaf, event: Event) -> Finding | None:
    """Return the first condition of a leaf that the event does not meet; None when it meets all."""
    path = leaf.place.path
    if not program.automation.enabled:
        return Finding(path, Reason.DISABLED, "enabled", "false", "true")
    if not isinstance(leaf.trigger, EventFilter):
        return Finding(path, Reason.EVENT_NAME, "schedule", _text(event.name), "no event: it fires by the clock")
    return next(_failures(leaf, leaf.trigger, Subject(event)), None)


def _failures(leaf: Leaf, trigger: EventFilter, subject: Subject) -> Iterator[Finding]:
    event, path = subject.event, leaf.place.path
    if not (leaf.expects(event.name) or leaf.opens(event.name)):
        opening = trigger.after if isinstance(trigger, EventTrigger) else ()
        field = "expect or after" if opening else "expect"
        yield Finding(path, Reason.EVENT_NAME, field, _text(event.name), _text([*trigger.expect, *opening]))
    wanted = Filter.of(trigger)
    for condition in wanted.labels:
        if not condition.holds(event.resource):
            seen, values = event.resource.get(condition.label), trigger.match[condition.label]
            yield Finding(path, Reason.LABEL, f"match.{condition.label}", _seen(seen), _text(values))
    yield from _unrelated(path, trigger, wanted.related, event)
    if wanted.payload is not None:
        for failed in wanted.payload.explain(event.payload or {}):
            yield Finding(path, Reason.PAYLOAD, failed.path, failed.seen, failed.wanted)
    yield from _where(path, trigger, wanted, subject)
    yield from _without_value(leaf, event)


def _unrelated(
    path: str, trigger: EventFilter, compiled: Sequence[RelatedSpec], event: Event
) -> Iterator[Finding]:
    specs = [spec for spec in trigger.match_related if spec]
    for spec, written in zip(compiled, specs, strict=True):
        if not spec.holds(event.related):
            role = written.get(RESOURCE_ROLE)
            near = [labels for labels in event.related if role is None or labels.get(RESOURCE_ROLE) in role]
            yield Finding(path, Reason.RELATED, "match_related", _text(near or event.related), _text(written))


def _where(path: str, trigger: EventFilter, wanted: Filter, subject: Subject) -> Iterator[Finding]:
    if wanted.where is None or trigger.where is None:
        return
    try:
        seen = where_value(wanted.where, subject)
    except RenderError as error:
        yield Finding(path, Reason.WHERE_FAILED, f"where {trigger.where}", error.message, "true")
        return
    if seen is not True:
        reason = Reason.WHERE if seen is False else Reason.WHERE_FAILED
        yield Finding(path, reason, f"where {trigger.where}", _text(seen), "true")


def _without_value(leaf: Leaf, event: Event) -> Iterator[Finding]:
    path = leaf.place.path
    if isinstance(leaf.machine, Aggregate) and leaf.machine.value(event) is None:
        yield Finding(path, Reason.NO_NUMBER, "metric.value", "no number", "a number")
    for label in leaf.place.labels:
        if compile_extractor(label)(event) is None:
            yield Finding(path, Reason.GROUP_MISSING, f"for_each {label}", "nothing", "a text or a number")


def _seen(value: str | None) -> str:
    return "nothing" if value is None else _text(value)


def _text(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 200 else f"{text[:197]}..."
