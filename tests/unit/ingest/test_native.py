from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.errors import Refused
from automations.ingest import canonical, read_event
from automations.model.event import Event
from automations.model.moment import parse_moment

NOW = parse_moment("2026-01-01T00:00:00Z")
LEAST = {"event": "order.failed", "resource": {"id": "order.1"}}


def read(**changes: Any) -> Event:
    return read_event({**LEAST, **changes}, source="api", received=NOW, new_id=lambda: "made")


def refusal(data: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        read_event(data, source="api", received=NOW, new_id=lambda: "made")
    return caught.value


def test_what_is_left_out_has_its_default() -> None:
    assert read() == Event("api", "made", "order.failed", NOW, NOW, {"prefect.resource.id": "order.1"}, payload={})


def test_null_is_left_out() -> None:
    assert read(id=None, occurred=None, related=None, payload=None, follows=None) == read()


def test_every_field_is_taken() -> None:
    event = read(
        id="7",
        occurred="2025-12-31T23:59:59.5+01:00",
        resource={"id": "o", "name": "n", "customer": "acme"},
        related=[{"role": "actor", "id": "u"}, {"prefect.resource.role": "tag"}],
        payload={"a": [1]},
        follows="api/6",
    )
    assert event == Event(
        "api",
        "7",
        "order.failed",
        parse_moment("2025-12-31T22:59:59.5Z"),
        NOW,
        {"prefect.resource.id": "o", "prefect.resource.name": "n", "customer": "acme"},
        [{"prefect.resource.role": "actor", "prefect.resource.id": "u"}, {"prefect.resource.role": "tag"}],
        {"a": [1]},
        "api/6",
    )


def test_what_the_door_sets_is_ignored_from_a_sender() -> None:
    assert read(source="spoofed", received="2000-01-01T00:00:00Z", hops=99) == read()


def test_an_event_that_was_served_can_be_sent_again() -> None:
    event = read(id="7", follows="api/6", payload={"a": 1})
    assert canonical(read(**orjson.loads(canonical(event)))) == canonical(event)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"event": None}, "wrong-type"),
        ({"event": 7}, "wrong-type"),
        ({"event": ""}, "bad-value"),
        ({"event": "x" * 1025}, "bad-value"),
        ({"id": 7}, "wrong-type"),
        ({"id": ""}, "bad-value"),
        ({"id": "x" * 1025}, "bad-value"),
        ({"id": "a\nb"}, "bad-value"),
        ({"id": "a\x00"}, "bad-value"),
        ({"id": "a\x85"}, "bad-value"),
        ({"occurred": 1767225600}, "bad-time"),
        ({"occurred": "2026-01-01"}, "bad-time"),
        ({"occurred": "2026-01-01T00:00:00"}, "bad-time"),
        ({"occurred": "2026-13-01T00:00:00Z"}, "bad-time"),
        ({"occurred": "2026-01-01T23:59:60Z"}, "bad-time"),
        ({"occurred": "1969-12-31T23:59:59Z"}, "bad-time"),
        ({"occurred": "0001-01-01T00:00:00+23:59"}, "bad-time"),
        ({"occurred": "9999-12-31T23:59:59-23:59"}, "bad-time"),
        ({"occurred": "2026-01-01T00:00:00+99:99"}, "bad-time"),
        ({"resource": None}, "wrong-type"),
        ({"resource": []}, "wrong-type"),
        ({"resource": {}}, "missing-field"),
        ({"resource": {"id": ""}}, "bad-label"),
        ({"resource": {"id": "x", "n": 1}}, "bad-label"),
        ({"resource": {"id": "x", "n": None}}, "bad-label"),
        ({"resource": {"id": "x", "": "y"}}, "bad-label"),
        ({"resource": {"id": "x", "prefect.resource.id": "x"}}, "bad-label"),
        ({"resource": {"id": "x", **{str(n): "" for n in range(500)}}}, "too-large"),
        ({"related": {}}, "wrong-type"),
        ({"related": ["x"]}, "wrong-type"),
        ({"related": [{"id": "x"}]}, "missing-field"),
        ({"related": [{"role": ""}]}, "bad-label"),
        ({"related": [{"role": "x"}] * 101}, "too-large"),
        ({"payload": []}, "wrong-type"),
        ({"payload": "text"}, "wrong-type"),
        ({"follows": ""}, "bad-value"),
        ({"follows": 7}, "wrong-type"),
        ({"evnt": "x"}, "unknown-field"),
        ({"specversion": "1.0"}, "unknown-field"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_code(change: dict[str, Any], code: str) -> None:
    refused = refusal({**LEAST, **change})
    assert (refused.code, refused.status) == (code, 422)


@pytest.mark.parametrize("data", [None, [], "x", 7, True])
def test_what_is_no_object_is_no_event(data: Any) -> None:
    assert refusal(data).code == "wrong-type"


def test_the_ends_of_the_bounds_are_inside() -> None:
    labels = {"id": "x", **{str(n): "" for n in range(499)}}
    event = read(event="x" * 1024, id="ü" * 1024, resource=labels, related=[{"role": "r"}] * 100)
    assert (len(event.name), len(event.id), len(event.resource), len(event.related)) == (1024, 1024, 500, 100)
    assert read(occurred="9999-12-31T23:59:59.999999Z").to_dict()["occurred"].startswith("9999")
    assert read(occurred="1970-01-01T00:00:00Z").occurred == 0


def test_a_misspelt_field_is_told_its_nearest() -> None:
    assert refusal({**LEAST, "payloads": {}}).hint == "did you mean 'payload'?"


def test_a_cloud_event_at_the_wrong_door_is_told_its_content_type() -> None:
    assert "application/cloudevents+json" in str(refusal({"specversion": "1.0"}).hint)


def test_the_canonical_form_is_bounded() -> None:
    event = read(payload={"text": "x" * 1000})
    length = len(canonical(event))
    assert canonical(event, max_bytes=length)
    with pytest.raises(Refused, match="more than") as caught:
        canonical(event, max_bytes=length - 1)
    assert caught.value.code == "too-large"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=6,
)
FIELDS = ["event", "id", "occurred", "resource", "related", "payload", "follows", "hops"]


@given(
    st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), json_values | st.just({"id": "r"}), max_size=5)
)
def test_an_event_is_either_refused_or_survives_being_stored(data: dict[str, Any]) -> None:
    try:
        event = read_event(data, source="api", received=NOW, new_id=lambda: "made")
    except Refused:
        return
    again = Event.from_dict(orjson.loads(canonical(event)))
    assert again.to_dict() == orjson.loads(canonical(event))
