"""What explain says is what the engine does."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import strategies
from oracle.comparison import event_of

from automations.engine.explain import explain
from automations.engine.index import compile_rules
from automations.engine.simulation import Simulation
from automations.model.automation import Automation
from automations.model.reason import Reason
from automations.model.ruleset import RuleSet

LABELS = ("x", "y")


def rules_of(stream: strategies.Stream) -> RuleSet:
    return RuleSet(tuple(Automation.model_validate({"actions": [], **rule}) for rule in stream.automations))


@settings(max_examples=100, deadline=None)
@given(strategies.streams(strategies.triggers, most=5))
def test_explain_says_that_an_event_matches_exactly_where_the_engine_matches_it(stream: strategies.Stream) -> None:
    index = compile_rules(rules_of(stream))
    for given_ in stream.inputs:
        if isinstance(given_, dict):
            event = event_of(given_)
            matched = {match.automation for match in index.match(event)}
            told = {found.automation for found in explain(index, event) if _matches(found.reason)}
            assert told == matched


def _matches(reason: Reason) -> bool:
    return reason not in (
        Reason.DISABLED, Reason.EVENT_NAME, Reason.LABEL, Reason.RELATED, Reason.PAYLOAD, Reason.WHERE,
        Reason.WHERE_FAILED, Reason.NO_NUMBER, Reason.GROUP_MISSING,
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(strategies.streams(strategies.triggers, most=5))
def test_explain_says_that_an_event_fires_exactly_where_it_fires_as_the_first_one(
    stream: strategies.Stream,
) -> None:
    index = compile_rules(rules_of(stream))
    for given_ in stream.inputs:
        if isinstance(given_, dict):
            event = event_of(given_)
            trace, _ = Simulation(index, event.received).feed(event)
            fired = {step["automation"] for step in trace.trace if step["reason"] is Reason.FIRED}
            told = {
                found.automation
                for found in explain(index, event)
                if any(finding.reason is Reason.FIRED for finding in found.findings)
            }
            assert told == fired


values = st.sampled_from(["1", "!1", "*", None, ["1", "2"], [None, "1"], ["!1", "!2"], "1*"])


@given(st.sampled_from(LABELS), values, st.sampled_from([None, "1", "2", "12", "3"]))
def test_a_label_that_explain_names_passes_once_it_is_mended(label: str, wanted: Any, seen: str | None) -> None:
    rule = {"name": "r", "trigger": {"expect": "e", "match": {label: wanted}}, "actions": []}
    index = compile_rules(RuleSet((Automation.model_validate(rule),)))

    def explained(value: str | None) -> Any:
        labels = {"id": "r"} if value is None else {"id": "r", label: value}
        given_ = {"source": "t", "id": "1", "occurred": 0, "received": 0, "event": "e", "payload": {}}
        return explain(index, event_of({**given_, "resource": labels, "related": []}))[0]

    found = explained(seen)
    if found.reason is Reason.LABEL:
        assert found.nearest.condition == f"match.{label}"
        assert any(explained(mended).reason is Reason.FIRED for mended in ("1", "3", None))
