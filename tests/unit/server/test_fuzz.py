"""Both doors under rubbish: never a 500, and a good neighbour in a batch is never lost."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

ALLOWED = {202, 400, 401, 413, 415, 422}
CONTENT_TYPES = [
    "application/json",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/vnd.x+json; charset=utf-8",
    "text/plain",
    ";;;=",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=4), children, max_size=3),
    max_leaves=8,
)
fields = ["event", "id", "occurred", "resource", "related", "payload", "follows", "source", "specversion", "type"]
values = json_values | st.sampled_from(
    ["x", "1.0", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:00", {"id": "r"}, [{"role": "a"}], {"a": {}}]
)
events = st.dictionaries(st.sampled_from(fields) | st.text(max_size=4), values, max_size=6)
bodies = st.binary(max_size=60) | (json_values | events).map(lambda value: json.dumps(value).encode())
header_values = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=12
)
headers = st.fixed_dictionaries(
    {"Content-Type": st.sampled_from(CONTENT_TYPES)},
    optional={
        "Authorization": header_values | st.just("Bearer new-token"),
        "x-kind": header_values,
        "ce-specversion": header_values | st.just("1.0"),
        "ce-id": header_values,
        "ce-type": header_values,
        "ce-source": header_values,
        "ce-time": header_values,
        "ce-%41": header_values,
        "Content-Encoding": st.sampled_from(["identity", "gzip"]),
    },
)


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(["/api/events", "/hooks/git", "/hooks/open"]), body=bodies, headers=headers)
def test_no_request_is_answered_with_a_500(shared_server: Any, path: str, body: bytes, headers: Any) -> None:
    sent = {name: value.strip().encode("latin-1") for name, value in headers.items()}
    reply = shared_server.request("POST", path, body, sent)
    assert reply.status in ALLOWED, reply.raw
    assert isinstance(reply.json, dict)


@settings(max_examples=150, deadline=None)
@given(neighbours=st.lists(events | json_values, max_size=4), place=st.integers(0, 4), number=st.integers(0))
def test_a_good_neighbour_is_never_lost(
    shared_server: Any, neighbours: list[Any], place: int, number: int
) -> None:
    good = {"event": "good", "id": f"good-{number}", "resource": {"id": "r"}}
    batch = [*neighbours[:place], good, *neighbours[place:]]
    reply = shared_server.post("/api/events", batch)
    assert reply.status == 202
    assert reply.json["ids"][min(place, len(neighbours))] == good["id"]
    assert reply.json["accepted"] + reply.json["duplicates"] + len(reply.json["refused"]) == len(batch)
    assert shared_server.get(f"/api/events/api/{good['id']}").status == 200
