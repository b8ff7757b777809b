"""A Prefect event through our door: the same limits and refusals as at any other."""

from __future__ import annotations

from typing import Any

import pytest

from automations.errors import Refused
from automations.ingest import Limits
from automations.model.event import Event
from automations.model.moment import SECOND, parse_moment
from automations.sources.prefect.reading import read_prefect_event
from automations.sources.prefect.seen import Seen

NOW = parse_moment("2026-01-01T00:10:00Z")
DEEP: Any = []
for _ in range(40):
    DEEP = [DEEP]


def told(**fields: Any) -> dict[str, Any]:
    return {
        "id": "e1", "event": "prefect.flow-run.Failed", "occurred": "2026-01-01T00:00:00.5Z",
        "received": "2026-01-01T00:00:01Z", "follows": None, "related": [], "payload": {"a": 1},
        "resource": {"prefect.resource.id": "prefect.flow-run.1", "prefect.state-name": "Failed"}, **fields,
    }  # fmt: skip


def read(event: dict[str, Any], limits: Limits | None = None) -> Event | Refused | None:
    return read_prefect_event(event, source="prod", now=NOW, limits=limits or Limits())


def test_it_is_what_the_server_says_of_it() -> None:
    found = read(told(follows="e0"))
    assert isinstance(found, Event)
    assert (found.source, found.id, found.follows) == ("prod", "e1", "prod/e0")
    assert (NOW - found.occurred, NOW - found.received) == (599_500_000, 599 * SECOND)
    assert found.resource["prefect.state-name"] == "Failed"


def test_it_was_never_received_later_than_now() -> None:
    """A server whose clock runs ahead must not carry the engine's clock with it."""
    found = read(told(received="2027-01-01T00:00:00Z"))
    assert isinstance(found, Event)
    assert found.received == NOW


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"id": None}, "missing-field"),
        ({"id": 7}, "missing-field"),
        ({"occurred": "yesterday"}, "bad-time"),
        ({"received": None}, "bad-time"),
        ({"event": ""}, "bad-value"),
        ({"resource": {}}, "missing-field"),
        ({"payload": {"n": 2**70}}, "number-range"),
        ({"payload": {"n": float("nan")}}, "number-range"),
        ({"payload": {"t": "\ud800"}}, "bad-text"),
        ({"payload": {"d": DEEP}}, "too-deep"),
        ({"payload": {"t": "x" * 2000}}, "too-large"),
        ({"related": [{"prefect.resource.id": "a"}]}, "missing-field"),
    ],
)
def test_what_our_door_refuses_is_refused_alone(fields: dict[str, Any], code: str) -> None:
    refused = read(told(**fields), Limits(event_bytes=1024))
    assert isinstance(refused, Refused)
    assert refused.code == code


def test_only_ids_of_late_are_remembered() -> None:
    seen = Seen()
    seen.add(["a", None, 7])
    assert [identity in seen for identity in ("a", "b", None, 7)] == [True, False, False, False]
    seen.add(map(str, range(20_000)))
    assert ("a" in seen, "0" in seen) == (False, True)
