from __future__ import annotations

import json
from typing import Any

import pytest

from automations.errors import Refused
from automations.ingest import Limits, Reading, read_request
from automations.model.event import Event
from automations.model.moment import parse_moment

NOW = parse_moment("2026-01-01T00:00:00Z")
LEAST = {"specversion": "1.0", "id": "c1", "source": "//shop", "type": "order.failed"}
HEADERS = {"ce-specversion": "1.0", "ce-id": "c1", "ce-source": "//shop", "ce-type": "order.failed"}


def structured(**changes: Any) -> Event:
    return only(reading({**LEAST, **changes}))


def reading(data: Any, kind: str = "application/cloudevents+json") -> Reading:
    return read_request(
        json.dumps(data).encode(), {"content-type": kind}, source="api", received=NOW, limits=Limits()
    )


def binary(raw: bytes = b"", **headers: str) -> Event:
    sent = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return only(read_request(raw, sent, source="api", received=NOW, limits=Limits()))


def only(found: Reading) -> Event:
    (item,) = found.items
    if isinstance(item, Refused):
        raise item
    assert item is not None
    return item


def code(read: Any, *arguments: Any, **changes: Any) -> str:
    with pytest.raises(Refused) as caught:
        read(*arguments, **changes)
    return caught.value.code


def test_a_cloud_event_becomes_an_event() -> None:
    event = structured(
        subject="order.1",
        time="2025-12-31T00:00:00Z",
        data={"cpu": 4},
        customer="acme",
        sequence=7,
        urgent=True,
        name="short",
        dataschema="https://x",
        datacontenttype="application/json",
    )
    assert event == Event(
        "//shop",
        "c1",
        "order.failed",
        parse_moment("2025-12-31T00:00:00Z"),
        NOW,
        {
            "prefect.resource.id": "order.1",
            "customer": "acme",
            "sequence": "7",
            "urgent": "true",
            "prefect.resource.name": "short",
        },
        (),
        {"cpu": 4},
    )


def test_without_a_subject_the_source_is_the_resource() -> None:
    assert structured().resource == {"prefect.resource.id": "//shop"}
    assert structured().occurred == NOW


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        ({}, {}),
        ({"data": None}, {}),
        ({"data": {}}, {}),
        ({"data": [1, "a"]}, {"data": [1, "a"]}),
        ({"data": "text"}, {"data": "text"}),
        ({"data": 7}, {"data": 7}),
        ({"data": False}, {"data": False}),
        ({"data_base64": "AAE="}, {"data_base64": "AAE="}),
    ],
)
def test_data_that_is_no_object_is_wrapped(data: dict[str, Any], payload: dict[str, Any]) -> None:
    assert structured(**data).payload == payload


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": 1.0}, "specversion"),
        ({"specversion": None}, "missing-field"),
        ({"id": None}, "missing-field"),
        ({"id": ""}, "bad-value"),
        ({"id": 7}, "wrong-type"),
        ({"source": None}, "missing-field"),
        ({"source": ""}, "bad-value"),
        ({"source": "a\nb"}, "bad-value"),
        ({"type": None}, "missing-field"),
        ({"type": 7}, "wrong-type"),
        ({"time": "yesterday"}, "bad-time"),
        ({"subject": 7}, "bad-label"),
        ({"Customer": "x"}, "bad-label"),
        ({"my_ext": "x"}, "bad-label"),
        ({"customer": {"a": 1}}, "bad-label"),
        ({"customer": 1.5}, "bad-label"),
        ({"data": 1, "data_base64": "AAE="}, "bad-data"),
        ({"data_base64": "A"}, "bad-data"),
        ({"data_base64": 7}, "bad-data"),
        ({"data_base64": "ä"}, "bad-data"),
    ],
)
def test_what_breaks_the_specification_is_refused(change: dict[str, Any], wanted: str) -> None:
    assert code(structured, **change) == wanted


def test_a_batch_is_read_item_by_item() -> None:
    found = reading([LEAST, {}, 7, {**LEAST, "id": "c2"}], "application/cloudevents-batch+json")
    seen = [item.id if isinstance(item, Event) else getattr(item, "code", None) for item in found.items]
    assert (found.batch, seen) == (True, ["c1", "missing-field", "wrong-type", "c2"])


def test_binary_mode_reads_attributes_from_headers() -> None:
    event = binary(
        b'{"cpu": 4}',
        content_type="application/json",
        ce_subject="Euro%20%E2%82%AC",
        ce_customer='"ac\\"me"',
        ce_time="2025-12-31T00:00:00Z",
    )
    assert event.resource == {"prefect.resource.id": "Euro €", "customer": 'ac"me'}
    assert (event.source, event.id, event.name, event.payload) == ("//shop", "c1", "order.failed", {"cpu": 4})
    assert event.occurred == parse_moment("2025-12-31T00:00:00Z")


@pytest.mark.parametrize(
    ("raw", "content_type", "payload"),
    [
        (b"", "application/json", {}),
        (b"[1]", "application/json; charset=utf-8", {"data": [1]}),
        (b"[1]", "application/vnd.x+json", {"data": [1]}),
        (b"[1]", "", {"data": [1]}),
        ("grün".encode(), "text/plain", {"data": "grün"}),
        (b"\x00\x01", "application/octet-stream", {"data_base64": "AAE="}),
    ],
)
def test_binary_data_is_read_by_its_content_type(raw: bytes, content_type: str, payload: dict[str, Any]) -> None:
    assert binary(raw, content_type=content_type).payload == payload


@pytest.mark.parametrize(
    ("raw", "headers", "wanted"),
    [
        (b"{", {"content_type": "application/json"}, "bad-json"),
        (b'{"a":1,"a":2}', {"content_type": "application/json"}, "duplicate-key"),
        (b"\xff", {"content_type": "text/plain"}, "bad-text"),
        (b"", {"ce_subject": "%ff"}, "bad-text"),
        (b"", {"ce_subject": "\xff"}, "bad-text"),
        (b"", {"ce_specversion": "0.3"}, "specversion"),
        (b"", {"ce_id": "%00"}, "bad-value"),
        (b"", {"ce_my_ext": "x"}, "bad-label"),
    ],
)
def test_bad_binary_mode_is_refused(raw: bytes, headers: dict[str, str], wanted: str) -> None:
    assert code(binary, raw, **headers) == wanted
