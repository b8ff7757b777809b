"""The index against the slow, obvious way: ask every trigger, straight from the text of rules.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automations.engine import Match, compile_rules
from automations.model.automation import Automation
from automations.model.event import Event
from automations.model.ruleset import RuleSet

ROLE = "prefect.resource.role"
VALUES = st.sampled_from(["a", "ab", "b", "a*", "*b", "!a", "!a*", None])
SPEC = st.dictionaries(
    st.sampled_from(["id", "env", "team"]), VALUES | st.lists(VALUES, min_size=1, max_size=3), max_size=3
)
RELATED_SPEC = st.dictionaries(
    st.sampled_from(["id", "role", "env"]),
    VALUES | st.lists(VALUES, min_size=1, max_size=2),
    min_size=1,
    max_size=2,
)
TRIGGER = st.fixed_dictionaries(
    {
        "expect": st.lists(st.sampled_from(["a", "ab", "b", "a*", "*", "!ab", "!b"]), max_size=3),
        "match": SPEC,
        "match_related": st.lists(RELATED_SPEC, max_size=2),
        "for_each": st.lists(
            st.sampled_from(["id", "env", "related:a:id", "payload.n", "payload.o.x"]), max_size=2, unique=True
        ),
    }
)
TEXTS = st.sampled_from(["a", "ab", "b", "c"])
RESOURCE = st.fixed_dictionaries({"prefect.resource.id": TEXTS}, optional={"env": TEXTS, "team": TEXTS})
RELATED = st.fixed_dictionaries({ROLE: TEXTS}, optional={"prefect.resource.id": TEXTS, "env": TEXTS})
PAYLOAD = st.fixed_dictionaries(
    {}, optional={"n": st.sampled_from([1, 1.0, "1", True, None, [1]]), "o": st.just({"x": "y"})}
)
LONG = {"id": "prefect.resource.id", "name": "prefect.resource.name", "role": ROLE}


def text_holds(values: Sequence[str | None], text: str) -> bool:
    def same(pattern: str) -> bool:
        return bool(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL))

    positive = [v for v in values if v is None or not v.startswith("!")]
    excluded = [v[1:] for v in values if v is not None and v.startswith("!")]
    if any(same(pattern) for pattern in excluded):
        return False
    return not positive or any(v is not None and same(v) for v in positive)


def spec_holds(spec: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    for label, written in spec.items():
        values = written if isinstance(written, list) else [written]
        value = labels.get(LONG.get(label, label))
        if not (None in values if value is None else text_holds(values, value)):
            return False
    return True


def related_holds(spec: Mapping[str, Any], related: Sequence[Mapping[str, str]]) -> bool:
    values = [v for written in spec.values() for v in (written if isinstance(written, list) else [written])]
    if all(v is not None and v.startswith("!") for v in values):
        for labels in related:
            for label, written in spec.items():
                value = labels.get(LONG.get(label, label))
                if value is not None and not text_holds(
                    written if isinstance(written, list) else [written], value
                ):
                    return False
        return True
    return any(spec_holds(spec, labels) for labels in related)


def group_of(for_each: Sequence[str], event: Event) -> tuple[Any, ...] | None:
    values: list[Any] = []
    for label in for_each:
        if label == "payload.n":
            value = (event.payload or {}).get("n")
            value = None if isinstance(value, list) else value
        elif label == "payload.o.x":
            value = (event.payload or {}).get("o", {}).get("x")  # type: ignore[attr-defined]
        elif label == "related:a:id":
            value = next((r for r in event.related if r[ROLE] == "a"), {}).get("prefect.resource.id")
        else:
            value = event.resource.get(LONG.get(label, label))
        if value is None:
            return None
        values.append(value)
    return tuple(values)


def obvious(rules: Sequence[Mapping[str, Any]], event: Event) -> list[Match]:
    found = []
    for number, trigger in enumerate(rules):
        if (
            (not trigger["expect"] or text_holds(trigger["expect"], event.name))
            and spec_holds(trigger["match"], event.resource)
            and all(related_holds(spec, event.related) for spec in trigger["match_related"])
        ):
            group = group_of(trigger["for_each"], event)
            if group is not None:
                found.append(Match(f"r{number}", "trigger", group))
    return found


def compiled(rules: Sequence[Mapping[str, Any]]) -> Any:
    actions = [{"type": "do-nothing"}]
    return compile_rules(
        RuleSet(
            tuple(
                Automation.model_validate({"name": f"r{number}", "trigger": trigger, "actions": actions})
                for number, trigger in enumerate(rules)
            )
        )
    )


@settings(max_examples=400, deadline=None)
@given(
    st.lists(TRIGGER, max_size=8),
    TEXTS,
    RESOURCE,
    st.lists(RELATED, max_size=3),
    PAYLOAD,
)
def test_the_index_finds_what_asking_every_trigger_finds(
    rules: list[dict[str, Any]],
    name: str,
    resource: dict[str, str],
    related: list[dict[str, str]],
    payload: dict[str, Any],
) -> None:
    event = Event("test", "1", name, 0, 0, resource, related, payload)
    index = compiled(rules)
    assert index.match(event) == obvious(rules, event)
    assert index.match_json(orjson.dumps(event.to_dict())) == obvious(rules, event)


def test_an_event_name_that_was_seen_before_finds_the_same(event: Callable[..., Event]) -> None:
    index = compiled([{"expect": "order.*"}, {"expect": ["order.failed", "!order.ok"]}])
    first = index.match(event())
    assert [match.automation for match in first] == ["r0", "r1"]
    assert index.match(event()) == first


def test_a_disabled_automation_is_not_found(event: Callable[..., Event]) -> None:
    rule = {
        "name": "off",
        "enabled": False,
        "trigger": {"expect": "order.failed"},
        "actions": [{"type": "do-nothing"}],
    }
    assert compile_rules(RuleSet((Automation.model_validate(rule),))).match(event()) == []


def test_a_trigger_with_many_alternatives_is_not_hung_up_more_than_its_budget(event: Callable[..., Event]) -> None:
    values = [str(number) for number in range(100)]
    index = compiled([{"match": {"a": values, "b": values, "c": values}}])
    resource = {"prefect.resource.id": "x", "a": "1", "b": "99", "c": "50"}
    assert len(index.match(event(resource=resource))) == 1
    assert index.match(event(resource={**resource, "b": "100"})) == []


@pytest.mark.parametrize(
    ("value", "group"),
    [(7, (7,)), (7.0, (7,)), ("7", ("7",)), (True, (True,)), (None, None), ([7], None), ({"x": 1}, None)],
)
def test_a_group_by_payload_takes_scalars_as_they_are(
    event: Callable[..., Event], value: Any, group: tuple[Any, ...] | None
) -> None:
    index = compiled([{"expect": "order.failed", "for_each": ["payload.n"]}])
    found = [match.group for match in index.match(event(payload={"n": value}))]
    assert found == ([] if group is None else [group])


def test_a_quoted_segment_reads_a_dotted_key(event: Callable[..., Event]) -> None:
    index = compiled([{"expect": "order.failed", "for_each": ['payload."a.b".c']}])
    assert index.match(event(payload={"a.b": {"c": "x"}}))[0].group == ("x",)
