from __future__ import annotations

from typing import Any

import pytest

from automations.errors import Location
from automations.model.action import ActionRequest, FailedAction
from automations.model.event import Event
from automations.model.firing import Firing
from automations.model.job import LogLine
from automations.ports import RulesStatus

NOW = 1_767_225_600_000_000
EVENT = {"event": "order.failed", "id": "1", "resource": {"id": "order.1"}}


def plant_firing(server: Any) -> None:
    """Store an event, its firing, an action that waits and one that failed to render."""
    event = Event("api", "e/1", "order.failed", NOW, NOW, {"prefect.resource.id": "order.1"})
    firing = Firing("f1", "repair", "fire", NOW + 500_000, {"customer": "acme"}, event, (event,))
    waits = ActionRequest(
        "a1", "f1", "repair", "run-deployment", "actions", 0, {"deployment": "x"}, {"/deployment": "{{ x }}"}
    )
    failed = FailedAction("a2", "f1", "repair", "run-deployment", "actions", 1, "undefined", "'cpu' is undefined")

    def store(tx: Any) -> None:
        tx.add_events([event], [b'{"source":"api","id":"e/1","event":"order.failed",'
                                b'"occurred":"2026-01-01T00:00:00Z","received":"2026-01-01T00:00:00Z",'
                                b'"resource":{"prefect.resource.id":"order.1"},"related":[],"payload":{},'
                                b'"follows":null,"hops":0}'], [None])  # fmt: skip
        tx.add_firings([firing], NOW)
        tx.add_actions([(waits, "process"), (failed, "process")], NOW)
        tx.add_dead_event(event, "poison", "it broke", NOW)

    server.run(server.store.write(store))


def test_automations_are_listed_found_paused_and_resumed(server: Any) -> None:
    assert [a["name"] for a in server.get("/api/automations").json["items"]] == ["deployment/a/b", "repair"]
    paused = server.post("/api/automations/deployment/a/b/pause")
    assert (paused.status, paused.json) == (200, {"name": "deployment/a/b", "paused": True})
    assert server.get("/api/automations/deployment/a/b").json["paused"] is True
    assert server.post("/api/automations/deployment/a/b/resume").json["paused"] is False


@pytest.mark.parametrize("path", ["/api/deployments/repair/nightly", "/api/work-pools/default"])
def test_deployments_and_work_pools_are_paused_and_resumed(server: Any, path: str) -> None:
    assert server.get(path).json["paused"] is False
    for verb, paused in (("pause", True), ("pause", True), ("resume", False)):
        reply = server.post(f"{path}/{verb}")
        assert (reply.status, reply.json["paused"]) == (200, paused)
        assert server.get(path).json["paused"] is paused


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/automations/nothing"),
        ("POST", "/api/automations/nothing/pause"),
        ("GET", "/api/events/nothing"),
        ("GET", "/api/events/api/%00%ff"),
        ("GET", "/api/dead-letters/nothing"),
        ("POST", "/api/dead-letters/nothing/redrive"),
        ("POST", "/api/dead-letters/nothing/discard"),
        ("GET", "/api/deployments/nothing"),
        ("POST", "/api/deployments/nothing/pause"),
        ("POST", "/api/deployments/nothing/resume"),
        ("GET", "/api/work-pools/nothing"),
        ("POST", "/api/work-pools/nothing/pause"),
        ("POST", "/api/work-pools/nothing/resume"),
        ("GET", "/api/runs/nothing-at-all"),
        ("GET", "/api/runs/nothing-at-all/logs"),
        ("POST", "/api/runs/nothing-at-all/cancel"),
        ("POST", "/api/api-keys/nothing/revoke"),
        ("GET", "/api/nothing"),
        ("GET", "/"),
    ],
)
def test_what_does_not_exist_is_a_404_problem(shared_server: Any, method: str, path: str) -> None:
    reply = shared_server.request(method, path)
    assert (reply.status, reply.json["code"]) == (404, "not-found")
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_is_a_405_problem_that_names_the_right_one(shared_server: Any) -> None:
    reply = shared_server.request("DELETE", "/api/status")
    assert (reply.status, reply.json["code"], reply.headers["allow"]) == (405, "method-not-allowed", "GET")


def test_events_are_paged_newest_first_and_filtered(server: Any) -> None:
    server.post("/api/events", [{**EVENT, "id": str(n), "event": f"order.{n % 2}"} for n in range(5)])
    first = server.get("/api/events?limit=2").json
    second = server.get(f"/api/events?limit=2&cursor={first['next']}").json
    last = server.get(f"/api/events?limit=2&cursor={second['next']}").json
    assert [[e["id"] for e in page["items"]] for page in (first, second, last)] == [["4", "3"], ["2", "1"], ["0"]]
    assert last["next"] is None
    assert [e["id"] for e in server.get("/api/events?name=*.1").json["items"]] == ["3", "1"]
    assert server.get("/api/events?resource=other").json == {"items": [], "next": None}


@pytest.mark.parametrize("listing", ["events", "firings", "actions", "dead-letters", "runs"])
def test_a_bad_cursor_or_limit_is_a_422_problem(shared_server: Any, listing: str) -> None:
    cursor = shared_server.get(f"/api/{listing}?cursor=rubbish")
    assert (cursor.status, cursor.json["code"]) == (422, "bad-cursor")
    for limit in ("0", "501", "x", "9" * 40):
        reply = shared_server.get(f"/api/{listing}?limit={limit}")
        assert (reply.status, reply.json["code"], reply.json["errors"][0]["at"]) == (
            422,
            "bad-request",
            "query.limit",
        )


def test_firings_actions_and_dead_letters_are_shown_as_documented(server: Any) -> None:
    plant_firing(server)
    assert server.get("/api/firings?automation=repair").json["items"] == [
        {
            "id": "f1",
            "automation": "repair",
            "kind": "fire",
            "at": "2026-01-01T00:00:00.500000Z",
            "stored": "2026-01-01T00:00:00Z",
            "labels": {"customer": "acme"},
            "event": "api/e/1",
            "events": ["api/e/1"],
            "count": 1,
            "truncated": False,
            "reason": "fired",
            "suppressed": False,
        }
    ]
    action = server.get("/api/actions?state=pending").json["items"][0]
    assert (action["id"], action["body"], action["templates"]) == (
        "a1",
        {"deployment": "x"},
        {"/deployment": "{{ x }}"},
    )
    letters = {letter["id"]: letter for letter in server.get("/api/dead-letters").json["items"]}
    assert (letters["a2"]["code"], letters["a2"]["action"]["state"]) == ("undefined", "dead")
    assert letters["api/e/1"]["kind"] == "event"


def test_dead_letters_are_redriven_and_discarded_even_where_the_id_holds_slashes(server: Any) -> None:
    plant_firing(server)
    assert server.post("/api/dead-letters/a2/redrive").json == {"action": "new-action"}
    assert server.engine.redriven == ["a2"]
    assert server.get("/api/dead-letters/api/e/1").json["state"] == "open"
    assert server.post("/api/dead-letters/api/e/1/discard").json["state"] == "discarded"
    again = server.post("/api/dead-letters/api/e/1/discard")
    assert (again.status, again.json["code"]) == (409, "not-open")
    assert [letter["id"] for letter in server.get("/api/dead-letters").json["items"]] == ["a2"]
    assert len(server.get("/api/dead-letters?state=all").json["items"]) == 2


def test_a_run_is_made_once_for_its_key(server: Any) -> None:
    wanted = {"parameters": {"n": 1}, "job_variables": {"cpu": 4}, "idempotency_key": "k1"}
    first = server.post("/api/deployments/repair/nightly/runs", wanted)
    second = server.post("/api/deployments/repair/nightly/runs", wanted)
    assert (first.status, first.json) == (201, {"id": "run-k1", "created": True})
    assert (second.status, second.json) == (200, {"id": "run-k1", "created": False})
    run = server.get("/api/runs/run-k1").json
    assert (run["job_variables"], run["parameters"], run["state"]) == ({"cpu": 4}, {"n": 1}, "Scheduled")
    assert run["provenance"] == {"/cpu": {"layer": "run", "origin": "api", "template": None}}
    assert [r["id"] for r in server.get("/api/runs?deployment=repair/nightly&state=Scheduled").json["items"]] == [
        "run-k1"
    ]


def test_a_run_needs_no_body(server: Any) -> None:
    assert server.request("POST", "/api/deployments/nightly/runs").status == 201


def test_job_variables_that_break_the_rules_are_all_named(server: Any) -> None:
    reply = server.post("/api/deployments/nightly/runs", {"job_variables": {"bad": 1}})
    assert (reply.status, reply.json["code"]) == (422, "job-variables")
    assert reply.json["errors"] == ["bad: no such variable", "cpu: must be a number"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad-json"),
        (b'{"parameters": {"a": NaN}}', 422, "number-range"),
        (b'{"parameters": {"a": "\\ud800"}}', 422, "bad-text"),
        (b'{"parameters": {"a": 1, "a": 2}}', 422, "duplicate-key"),
        (b"[]", 422, "bad-request"),
        (b'{"parameter": {}}', 422, "bad-request"),
        (b'{"parameters": []}', 422, "bad-request"),
        (b'{"idempotency_key": ""}', 422, "bad-request"),
    ],
)
def test_a_run_request_is_read_strictly(shared_server: Any, body: bytes, status: int, code: str) -> None:
    reply = shared_server.post("/api/deployments/nightly/runs", body)
    assert (reply.status, reply.json["code"]) == (status, code)


def test_a_run_is_cancelled_and_its_output_is_read_on_from_a_line(server: Any) -> None:
    server.post("/api/deployments/nightly/runs", {"idempotency_key": "k"})
    lines = [LogLine("run-k", NOW + n, "stdout", f"line {n}") for n in range(3)]
    server.run(server.store.write(lambda tx: tx.add_logs(lines)))
    first = server.get("/api/runs/run-k/logs?limit=2").json
    rest = server.get(f"/api/runs/run-k/logs?limit=2&after={first['next']}").json
    assert [[line["text"] for line in page["items"]] for page in (first, rest)] == [
        ["line 0", "line 1"],
        ["line 2"],
    ]
    assert (rest["next"], rest["items"][0]["stream"]) == (None, "stdout")
    assert server.post("/api/runs/run-k/cancel").json["state"] == "Cancelled"
    again = server.post("/api/runs/run-k/cancel")
    assert again.status == 409


def test_work_pools_are_listed_with_the_schema_of_their_variables(server: Any) -> None:
    listed = server.get("/api/work-pools").json["items"]
    assert [pool["name"] for pool in listed] == [server.get("/api/deployments/nightly").json["work_pool"]]
    assert listed[0]["variables"]["properties"]
    assert server.get(f"/api/work-pools/{listed[0]['name']}").json == listed[0]


def test_deployments_are_listed_and_found_by_either_name(server: Any) -> None:
    listed = server.get("/api/deployments").json["items"]
    assert [deployment["name"] for deployment in listed] == ["repair/nightly"]
    assert server.get("/api/deployments/repair/nightly").json == listed[0]
    assert server.get("/api/deployments/nightly").json == listed[0]


def test_the_status_always_adds_up(server: Any) -> None:
    server.post("/api/events", [EVENT, EVENT])
    plant_firing(server)
    seen = server.get("/api/status").json
    assert seen["events"] == {"accepted": 2, "processed": 2, "pending": 0}
    assert seen["actions"] == {"planned": 2, "delivered": 0, "dead": 1, "pending": 1}
    assert seen["firings"] == {"fired": 1, "suppressed": 0}
    assert (seen["duplicates"], seen["revision"], seen["rules"]) == (1, "rev-1", {"loaded": 1, "errors": []})
    assert seen["sinks"]["process"]["pending"] == 1


def test_rule_errors_are_in_the_status_and_the_last_good_rules_stay_ready(server: Any) -> None:
    server.engine.rules = RulesStatus("rev-1", 1, 1, [f"{Location('rules/a.yaml', 3, 1)} [unknown-key] 'x'"])
    assert server.get("/api/status").json["rules"]["errors"] == ["rules/a.yaml:3:1 [unknown-key] 'x'"]
    assert server.get("/readyz").status == 200


def test_it_is_alive_before_it_is_ready(server: Any) -> None:
    server.engine.rules = RulesStatus("empty", 0, 0)
    assert server.get("/healthz").json == {"status": "ok"}
    unready = server.get("/readyz")
    assert (unready.status, unready.json["code"]) == (503, "not-ready")
    server.engine.rules = RulesStatus("rev-1", 1, 1)
    assert server.get("/readyz").json == {"status": "ready"}


def test_the_description_names_every_call(server: Any) -> None:
    paths = server.get("/openapi.json").json["paths"]
    calls = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert calls >= {
        "POST /api/events",
        "GET /api/events",
        "POST /hooks/{source}",
        "GET /api/events/{ref}",
        "GET /api/firings",
        "GET /api/actions",
        "POST /api/dead-letters/{dead_letter}/redrive",
        "POST /api/deployments/{name}/runs",
        "POST /api/runs/{run}/cancel",
        "GET /api/status",
        "GET /metrics",
    }
    answers = paths["/api/events"]["get"]["responses"]
    assert set(answers) == {"200", "default"}
    body = paths["/api/deployments/{name}/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"parameters", "job_variables", "idempotency_key"}


def test_the_metrics_carry_no_ids(server: Any) -> None:
    server.post("/api/events", EVENT)
    plant_firing(server)
    reply = server.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    assert b"order.1" not in reply.raw
    assert b'automations_actions{state="pending"} 1.0' in reply.raw
