from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from pydantic import ValidationError

from automations.errors import Refused
from automations.ingest import (
    BearerTokens,
    CompiledMapping,
    HookMapping,
    Limits,
    OpenDoor,
    WebhookSource,
    read_hook,
)
from automations.model.event import Event
from automations.model.moment import parse_moment
from automations.templating import TemplateErrors

NOW = parse_moment("2026-01-01T00:00:00Z")
GITHUB: dict[str, Any] = {
    "event": "github.{{ headers['x-github-event'] }}",
    "id": "{{ headers['x-github-delivery'] }}",
    "occurred": "{{ body.head_commit.timestamp }}",
    "resource": {"id": "repo.{{ body.repository.full_name }}", "branch": "{{ body.ref }}"},
    "related": [{"id": "user.{{ body.sender.login }}", "role": "actor"}],
    "payload": "{{ body }}",
    "skip": "{{ body.deleted }}",
}
PUSH = {
    "ref": "refs/heads/main",
    "head_commit": {"timestamp": "2025-12-31T22:00:00+01:00"},
    "repository": {"full_name": "acme/shop"},
    "sender": {"login": "ada"},
    "deleted": False,
}
HEADERS = {"x-github-event": "push", "x-github-delivery": "d1", "content-type": "application/json"}


def hook(mapping: dict[str, Any] | None) -> WebhookSource:
    compiled = None if mapping is None else CompiledMapping(HookMapping.model_validate(mapping))
    return WebhookSource("github", OpenDoor(), compiled)


def read(mapping: dict[str, Any] | None, body: Any, headers: dict[str, str] | None = None, **query: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = read_hook(
        hook(mapping),
        raw,
        {**HEADERS, **(headers or {})},
        query,
        received=NOW,
        limits=Limits(),
        new_id=lambda: "made",
    )
    return found.items[0]


def simple(**changes: Any) -> dict[str, Any]:
    return {"event": "e", "resource": {"id": "r"}, **changes}


def test_a_push_becomes_an_event() -> None:
    assert read(GITHUB, PUSH) == Event(
        "github",
        "d1",
        "github.push",
        parse_moment("2025-12-31T21:00:00Z"),
        NOW,
        {"prefect.resource.id": "repo.acme/shop", "branch": "refs/heads/main"},
        [{"prefect.resource.id": "user.ada", "prefect.resource.role": "actor"}],
        PUSH,
    )


def test_skip_drops_the_body_when_it_holds() -> None:
    assert read(GITHUB, {**PUSH, "deleted": True}) is None
    assert read(simple(skip=True), {}) is None


def test_occurred_and_skip_may_name_what_a_body_lacks() -> None:
    body = {key: value for key, value in PUSH.items() if key not in ("head_commit", "deleted")}
    assert read(GITHUB, body).occurred == NOW


def test_any_other_lack_refuses_the_body() -> None:
    refused = read(GITHUB, {**PUSH, "sender": {}})
    assert (refused.code, refused.status) == ("mapping", 422)
    assert refused.message.startswith("mapping of 'related': ")


def test_a_label_or_an_id_that_is_null_is_left_out() -> None:
    mapping = simple(id="{{ body.id }}", resource={"id": "r", "branch": "{{ body.ref | default(none) }}"})
    event = read(mapping, {"id": None})
    assert (event.id, event.resource) == ("made", {"prefect.resource.id": "r"})


def test_numbers_and_booleans_become_text_where_text_is_wanted() -> None:
    mapping = simple(id="{{ body.n }}", resource={"id": "{{ body.n }}", "ok": "{{ body.ok }}"})
    event = read(mapping, {"n": 7, "ok": True})
    assert (event.id, event.resource) == ("7", {"prefect.resource.id": "7", "ok": "true"})


def test_an_object_is_no_label() -> None:
    assert read(simple(resource={"id": "{{ body }}"}), {"a": 1}).code == "bad-label"


def test_the_payload_is_the_body_unless_told_otherwise() -> None:
    assert read(simple(), {"a": 1}).payload == {"a": 1}
    assert read(simple(), [1]).payload == {"data": [1]}
    assert read(simple(payload={"n": "{{ body.a }}", "q": "{{ query.q }}"}), {"a": 1}, q="x").payload == {
        "n": 1,
        "q": "x",
    }


def test_the_whole_body_as_payload_is_bounded_by_the_event_alone() -> None:
    body = {"text": "x" * 100_000}
    assert read(GITHUB, {**PUSH, **body}).payload["text"] == body["text"]
    assert read(simple(payload="{{ body }}"), {"text": "x" * 300_000}).code == "too-large"


@pytest.mark.parametrize("name", ["authorization", "cookie", "proxy-authorization"])
def test_secrets_in_headers_are_not_in_reach(name: str) -> None:
    refused = read(simple(event=f"{{{{ headers['{name}'] }}}}"), {}, {name: "secret"})
    assert refused.code == "mapping"


def test_event_data_is_never_rendered_again() -> None:
    assert read(simple(event="{{ body.x }}"), {"x": "{{ headers }}"}).name == "{{ headers }}"


def test_a_hook_without_a_mapping_reads_native_events_and_cloud_events() -> None:
    cloud = {"specversion": "1.0", "id": "c1", "source": "//shop", "type": "t"}
    assert read(None, {"event": "e", "resource": {"id": "r"}}).key == ("github", "made")
    assert read(None, cloud, {"content-type": "application/cloudevents+json"}).key == ("//shop", "c1")


@pytest.mark.parametrize(("body", "code", "status"), [(b"{", "bad-json", 400), (b"\xff", "bad-json", 400)])
def test_what_is_no_json_is_raised(body: bytes, code: str, status: int) -> None:
    with pytest.raises(Refused) as caught:
        read(simple(), body)
    assert (caught.value.code, caught.value.status) == (code, status)


def test_a_defect_in_the_body_is_its_refusal() -> None:
    assert read(simple(), b'{"a":1,"a":2}').code == "duplicate-key"


def test_every_bad_template_is_named_with_its_place() -> None:
    mapping = simple(id="{{ event.id }}", resource={"id": "{{ body.x", "a/b": "{{ f() }}"}, payload=["{{ body"])
    with pytest.raises(TemplateErrors) as caught:
        CompiledMapping(HookMapping.model_validate(mapping))
    places = {pointer: error.code for pointer, error in caught.value.errors}
    assert set(places) == {"/id", "/resource/id", "/resource/a~1b", "/payload/0"}
    assert places["/id"] == "unknown-name"


@pytest.mark.parametrize(
    "mapping",
    [
        {"event": "e"},
        {"resource": {"id": "r"}},
        simple(event=""),
        simple(event=7),
        simple(resource={}),
        simple(resource={"branch": "x"}),
        simple(resource={"id": "r", "n": 1}),
        simple(headers={}),
    ],
)
def test_a_mapping_that_can_make_no_event_is_refused(mapping: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HookMapping.model_validate(mapping)


@pytest.mark.parametrize(
    ("header", "let_in"),
    [
        ("Bearer first", True),
        ("bearer second", True),
        ("Bearer  first ", True),
        ("Bearer third", False),
        ("Bearer", False),
        ("first", False),
        ("Basic first", False),
        ("", False),
        ("Bearer \xff", False),
    ],
)
def test_a_bearer_token_is_one_of_the_list(header: str, let_in: bool) -> None:
    refused = nullcontext() if let_in else pytest.raises(Refused, match="bearer token")
    with refused:
        BearerTokens(["first", "second"]).check({"authorization": header})


def test_a_missing_header_is_401() -> None:
    with pytest.raises(Refused) as caught:
        BearerTokens(["first"]).check({})
    assert caught.value.code == "unauthorized"
