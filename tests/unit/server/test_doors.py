from __future__ import annotations

import json
from typing import Any

import pytest

from automations.errors import Refused, StoreUnavailableError

EVENT = {"event": "order.failed", "id": "1", "resource": {"id": "order.1"}}
CLOUD = {"specversion": "1.0", "id": "c1", "source": "//shop", "type": "order.failed", "data": {"cpu": 4}}


def test_one_event_is_accepted_and_found_again(server: Any) -> None:
    reply = server.post("/api/events", EVENT)
    assert (reply.status, reply.json) == (202, {"accepted": 1, "duplicates": 0, "refused": [], "ids": ["1"]})
    assert server.get("/api/events/api/1").json == {
        "source": "api",
        "id": "1",
        "event": "order.failed",
        "occurred": "2026-01-01T00:00:00Z",
        "received": "2026-01-01T00:00:00Z",
        "resource": {"prefect.resource.id": "order.1"},
        "related": [],
        "payload": {},
        "follows": None,
        "hops": 0,
    }


def test_the_second_of_two_equal_events_is_a_duplicate(server: Any) -> None:
    server.post("/api/events", EVENT)
    reply = server.post("/api/events", [EVENT, {**EVENT, "id": "2"}, {**EVENT, "id": "2"}])
    assert (reply.status, reply.json) == (
        202,
        {"accepted": 1, "duplicates": 2, "refused": [], "ids": ["1", "2", "2"]},
    )


def test_a_batch_is_answered_item_by_item(server: Any) -> None:
    raw = (
        b'[%b,{"event":"a","event":"b"},{"evnt":"x"},7,{"event":"e","resource":{"id":"r"},"payload":{"n":1e999}}]'
    )
    reply = server.post("/api/events", raw % json.dumps(EVENT).encode())
    assert reply.status == 202
    assert reply.json == {
        "accepted": 1,
        "duplicates": 0,
        "refused": [
            {"index": 1, "code": "duplicate-key", "detail": "the key 'event' stands twice in one object"},
            {
                "index": 2,
                "code": "unknown-field",
                "detail": "'evnt' is no field of an event; did you mean 'event'?",
            },
            {"index": 3, "code": "wrong-type", "detail": "an event is a JSON object, not a number"},
            {"index": 4, "code": "number-range", "detail": "the number 1e999 is beyond a double's range"},
        ],
        "ids": ["1", None, None, None, None],
    }


@pytest.mark.parametrize(
    ("body", "status", "code", "detail"),
    [
        (b"", 400, "bad-json", "this is no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{]", 400, "bad-json", "this is no JSON: Expecting property name enclosed in double quotes: "
         "line 1 column 2 (char 1)"),
        (b"\xff", 400, "bad-json", "byte 0 is not UTF-8"),
        (b"null", 422, "wrong-type", "an event is a JSON object, not null"),
        (b"[]", 422, "nothing-accepted", "none of the 0 events can be accepted"),
        (b"[1,2]", 422, "nothing-accepted", "none of the 2 events can be accepted"),
        (b"{}", 422, "missing-field", "the event has no 'event' (its name)"),
        (b'{"event":"a"}', 422, "missing-field", "the event has no 'resource'; \"resource\": {\"id\": \"...\"}"),
        (b'{"event":"a","resource":{"id":1}}', 422, "bad-label",
         "'resource.id': a label is text, not a number; send it in quotes, or in the payload"),
        (b'{"event":"a","resource":{"id":"r"},"occurred":"today"}', 422, "bad-time",
         "'occurred': 'today' is no RFC 3339 time with an offset, such as 2026-01-01T00:00:00Z"),
        (b'{"event":"a","event":"a"}', 422, "duplicate-key", "the key 'event' stands twice in one object"),
        (b"[" * 600, 400, "bad-json", "this is no JSON: Expecting value: line 1 column 601 (char 600)"),
        (b"[" * 600 + b"]" * 600, 422, "nothing-accepted", "none of the 1 events can be accepted"),
        (b"[" + b"1," * 500 + b"1]", 413, "batch-too-large", "the batch holds 501 events, more than 500"),
        (b" " * (1024 * 1024 + 1), 413, "body-too-large", "the body is larger than 1048576 bytes"),
    ],
)  # fmt: skip
def test_a_bad_body_gets_its_exact_answer(
    shared_server: Any, body: bytes, status: int, code: str, detail: str
) -> None:
    reply = shared_server.post("/api/events", body)
    seen = reply.json
    assert reply.headers["content-type"] == "application/problem+json"
    assert (reply.status, seen["status"], seen["code"], seen["detail"]) == (status, status, code, detail)
    assert seen["type"] == "about:blank"
    assert seen["title"]


def test_a_single_refused_event_is_a_problem_with_the_items_beside(server: Any) -> None:
    seen = server.post("/api/events", {"event": "a"}).json
    assert seen["refused"] == [{"index": 0, "code": "missing-field", "detail": seen["detail"]}]
    assert (seen["ids"], seen["accepted"]) == ([None], 0)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/xml"]
)
def test_what_is_not_said_to_be_json_is_415(shared_server: Any, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    reply = shared_server.request("POST", "/api/events", json.dumps(EVENT).encode(), headers)
    assert (reply.status, reply.json["code"]) == (415, "unsupported-media-type")


def test_compressed_bodies_and_other_charsets_are_415(server: Any) -> None:
    assert server.post("/api/events", EVENT, **{"Content-Encoding": "gzip"}).json["code"] == "unsupported-encoding"
    latin = "application/json; charset=latin-1"
    assert server.post("/api/events", EVENT, **{"Content-Type": latin}).status == 415
    utf8 = 'application/json; charset="UTF-8"'
    assert server.post("/api/events", EVENT, **{"Content-Type": utf8}).status == 202


def test_a_body_that_grows_beyond_its_bound_while_it_is_read_is_413(serve: Any) -> None:
    server = serve(max_body_bytes=64 * 1024)
    chunks = iter([b"[" + b" " * 40_000, b" " * 40_000 + b"]"])
    headers = {"Content-Type": "application/json"}  # without a length it goes out in chunks
    reply = server.request("POST", "/api/events", chunks, headers)
    assert (reply.status, reply.json["code"]) == (413, "body-too-large")


def test_an_event_over_its_bound_is_refused_and_its_neighbour_is_not(serve: Any) -> None:
    server = serve(max_event_bytes=8 * 1024)
    great = {**EVENT, "id": "great", "payload": {"text": "x" * 8192}}
    reply = server.post("/api/events", [great, {**EVENT, "id": "small"}])
    assert reply.status == 202
    assert (reply.json["ids"], reply.json["refused"][0]["code"]) == ([None, "small"], "too-large")


def test_cloud_events_come_structured_as_a_batch_and_binary(server: Any) -> None:
    structured = server.post("/api/events", CLOUD, **{"Content-Type": "application/cloudevents+json"})
    batch = server.post(
        "/api/events",
        [{**CLOUD, "id": "c2"}, {"specversion": "0.3"}],
        **{"Content-Type": "application/cloudevents-batch+json; charset=utf-8"},
    )
    binary = server.post(
        "/api/events",
        {"cpu": 4},
        **{"ce-specversion": "1.0", "ce-id": "c3", "ce-source": "//shop", "ce-type": "order.failed"},
    )
    assert [structured.json["ids"], batch.json["ids"], binary.json["ids"]] == [["c1"], ["c2", None], ["c3"]]
    assert batch.json["refused"][0]["code"] == "specversion"
    payloads = [server.get(f"/api/events///shop/{ref}").json["payload"] for ref in ("c1", "c2", "c3")]
    assert payloads == [{"cpu": 4}] * 3


def test_a_full_backlog_is_429_and_a_store_that_fails_503_each_with_retry_after(server: Any) -> None:
    server.engine.failure = Refused("too much is waiting", code="backlog", status=429)
    full = server.post("/api/events", EVENT)
    server.engine.failure = StoreUnavailableError("disk full: /secret/path")
    down = server.post("/api/events", EVENT)
    assert [(full.status, full.headers["retry-after"]), (down.status, down.headers["retry-after"])] == [
        (429, "1"),
        (503, "1"),
    ]
    assert b"/secret/path" not in down.raw


def test_an_unexpected_error_is_a_500_that_tells_nothing(server: Any) -> None:
    server.engine.failure = RuntimeError("the password is 12345")
    reply = server.post("/api/events", EVENT)
    assert (reply.status, reply.json["code"]) == (500, "internal")
    assert b"12345" not in reply.raw


GIT = {"Authorization": "Bearer new-token", "x-kind": "push"}


def test_a_mapped_hook_makes_an_event_of_its_source(server: Any) -> None:
    reply = server.post("/hooks/git", {"id": 77, "repo": "a/b"}, **GIT)
    assert (reply.status, reply.json["ids"]) == (202, ["77"])
    stored = server.get("/api/events/git/77").json
    assert (stored["event"], stored["resource"]) == ("git.push", {"prefect.resource.id": "repo.a/b"})
    assert stored["payload"] == {"id": 77, "repo": "a/b"}


def test_a_hook_delivers_twice_and_makes_one_event(server: Any) -> None:
    server.post("/hooks/git", {"id": 77, "repo": "a/b"}, **GIT)
    again = server.post("/hooks/git", {"id": 77, "repo": "a/b"}, **GIT)
    assert (again.status, again.json["duplicates"]) == (202, 1)


def test_a_skipped_body_is_answered_202_and_counted(server: Any) -> None:
    reply = server.post("/hooks/git", {"id": 1, "repo": "a", "draft": True}, **GIT)
    assert (reply.status, reply.json) == (
        202,
        {"accepted": 0, "duplicates": 0, "refused": [], "ids": [None], "skipped": 1},
    )
    assert b"automations_door_skipped_total 1.0" in server.get("/metrics").raw


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic new-token", "new-token", "Bearer \xff\xfe"]
)
def test_a_hook_without_its_token_is_401_and_reads_no_body(shared_server: Any, authorization: str) -> None:
    reply = shared_server.post("/hooks/git", b"not even json", Authorization=authorization)
    assert (reply.status, reply.json["code"]) == (401, "unauthorized")
    assert reply.headers["www-authenticate"] == "Bearer"


def test_both_tokens_of_a_rotation_are_let_in(server: Any) -> None:
    replies = [
        server.post("/hooks/git", {"id": token, "repo": "r"}, **{**GIT, "Authorization": f"bearer {token}"}).status
        for token in ("old-token", "new-token")
    ]
    assert replies == [202, 202]


def test_a_mapping_that_fails_on_a_body_refuses_it_and_says_where(server: Any) -> None:
    reply = server.post("/hooks/git", {"id": 1}, **GIT)
    assert (reply.status, reply.json["code"]) == (422, "mapping")
    assert reply.json["detail"].startswith("mapping of 'resource': ")


def test_a_hook_without_a_mapping_takes_native_events(server: Any) -> None:
    reply = server.post("/hooks/open", [EVENT, {**EVENT, "id": "2"}])
    assert (reply.status, reply.json["ids"]) == (202, ["1", "2"])
    assert server.get("/api/events/open/2").status == 200


def test_an_unknown_source_is_404(server: Any) -> None:
    reply = server.post("/hooks/nobody", EVENT)
    assert (reply.status, reply.json["code"]) == (404, "not-found")


def test_refusals_are_counted_by_code(server: Any) -> None:
    server.post("/api/events", [EVENT, {}, {}])
    server.post("/api/events", b"{")
    text = server.get("/metrics").raw.decode()
    assert 'automations_door_refused_total{code="missing-field"} 2.0' in text
    assert 'automations_door_refused_total{code="bad-json"} 1.0' in text
    assert "automations_door_accepted_total 1.0" in text
    assert 'automations_events{state="accepted"} 1.0' in text
