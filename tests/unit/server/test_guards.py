from __future__ import annotations

from typing import Any

import pytest

from automations.server import new_api_key
from automations.server.guards import needed_scope
from automations.server.keys import allows, matching_key

EVENT = {"event": "a", "id": "1", "resource": {"id": "r"}}


def make_key(server: Any, *scopes: Any) -> str:
    key, text = new_api_key("-".join(scopes), scopes, 0)
    server.run(server.store.write(lambda tx: tx.add_api_key(key)))
    return text


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
        ("POST", "/hooks/git", None),
        ("POST", "/api/events", "ingest"),
        ("GET", "/api/events", "read"),
        ("GET", "/metrics", "read"),
        ("GET", "/openapi.json", "read"),
        ("GET", "/api/api-keys", "admin"),
        ("POST", "/api/deployments/a/b/runs", "admin"),
        ("POST", "/api/automations/a/pause", "admin"),
        ("POST", "/api/deployments/a/b/pause", "admin"),
        ("POST", "/api/work-pools/a/resume", "admin"),
        ("DELETE", "/anything/unknown", "admin"),
        ("POST", "/api/events/", "admin"),
    ],
)
def test_every_call_needs_its_scope(method: str, path: str, scope: str | None) -> None:
    assert needed_scope(method, path) == scope


def test_a_key_is_known_by_its_text_alone() -> None:
    key, text = new_api_key("ci", ["read", "ingest"], 5)
    assert text.startswith(f"am_{key.id}_")
    assert key.secret_hash not in text
    assert (key.scopes, key.created, key.revoked) == (("ingest", "read"), 5, None)
    assert matching_key(text, {key.id: key}) is key
    for wrong in ("", "am", text[:-1], text + "x", text.replace("am_", "bm_"), f"am_{key.id}_"):
        assert matching_key(wrong, {key.id: key}) is None


def test_admin_includes_every_scope_and_the_others_only_themselves() -> None:
    admin, _ = new_api_key("a", ["admin"], 0)
    read, _ = new_api_key("r", ["read"], 0)
    assert [allows(admin, scope) for scope in ("ingest", "read", "admin")] == [True, True, True]
    assert [allows(read, scope) for scope in ("ingest", "read", "admin")] == [False, True, False]


def test_beyond_loopback_nothing_is_served_without_a_key(serve: Any) -> None:
    server = serve(require_keys=True)
    for path in ("/api/events", "/metrics", "/openapi.json", "/api/nothing"):
        reply = server.get(path)
        assert (reply.status, reply.json["code"]) == (401, "unauthorized")
        assert reply.headers["www-authenticate"] == "Bearer"
    assert server.get("/healthz").status == 200
    assert server.post("/hooks/open", EVENT).status == 202


@pytest.mark.parametrize("text", ["", "am_x_y", "\xff", "am__", "a" * 5000])
def test_a_malformed_key_is_401_and_never_500(serve: Any, text: str) -> None:
    assert serve(require_keys=True).get("/api/events", Authorization=f"Bearer {text}").status == 401


def test_a_key_opens_what_its_scopes_say(serve: Any) -> None:
    server = serve(require_keys=True)
    ingest, read, admin = (bearer(make_key(server, scope)) for scope in ("ingest", "read", "admin"))
    assert [server.post("/api/events", EVENT, **key).status for key in (ingest, read, admin)] == [202, 403, 202]
    assert [server.get("/api/events", **key).status for key in (ingest, read, admin)] == [403, 200, 200]
    assert [server.get("/api/api-keys", **key).status for key in (ingest, read, admin)] == [403, 403, 200]


def test_a_revoked_key_stops_working_at_once(serve: Any) -> None:
    server = serve(require_keys=True)
    admin = bearer(make_key(server, "admin"))
    made = server.post("/api/api-keys", {"name": "ci", "scopes": ["read"]}, **admin)
    assert made.status == 201
    assert made.json["key"].startswith(f"am_{made.json['id']}_")
    assert server.get("/api/status", **bearer(made.json["key"])).status == 200
    assert server.post(f"/api/api-keys/{made.json['id']}/revoke", **admin).status == 204
    assert server.get("/api/status", **bearer(made.json["key"])).status == 401
    listed = server.get("/api/api-keys", **admin)
    assert [(key["name"], key["revoked"]) for key in listed.json["items"]] == [
        ("admin", None),
        ("ci", "2026-01-01T00:00:00Z"),
    ]
    assert b"secret" not in listed.raw
    assert b"hash" not in listed.raw


def test_two_valid_keys_never_share_a_name(server: Any) -> None:
    wanted = {"name": "ci", "scopes": ["read"]}
    assert server.post("/api/api-keys", wanted).status == 201
    assert server.post("/api/api-keys", wanted).json["code"] == "key-exists"
    assert server.post("/api/api-keys/ci/revoke").status == 204
    assert server.post("/api/api-keys", wanted).status == 201


@pytest.mark.parametrize("wanted", [{}, {"name": "a"}, {"name": "a", "scopes": ["root"]}, {"name": 1}, []])
def test_a_key_without_name_or_known_scopes_is_422(shared_server: Any, wanted: Any) -> None:
    reply = shared_server.post("/api/api-keys", wanted)
    assert (reply.status, reply.json["code"]) == (422, "bad-request")


def test_who_made_a_run_is_on_record(serve: Any) -> None:
    server = serve(require_keys=True)
    admin = bearer(make_key(server, "admin"))
    run = server.post("/api/deployments/nightly/runs", {"idempotency_key": "k"}, **admin).json["id"]
    assert server.get(f"/api/runs/{run}", **admin).json["created_by"] == "api key admin"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4280", "localhost.evil.example", "", "[::1", "10.0.0.1"]
)
def test_a_foreign_host_is_refused_on_loopback(shared_server: Any, host: str) -> None:
    for reply in (
        shared_server.get("/api/events", Host=host),
        shared_server.post("/api/events", EVENT, Host=host),
    ):
        assert (reply.status, reply.json["code"]) == (403, "foreign-host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4280", "127.0.0.1:1", "[::1]:4280"])
def test_every_name_of_loopback_is_served(shared_server: Any, host: str) -> None:
    assert shared_server.get("/api/status", Host=host).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://[::1"]
)
def test_a_page_of_another_site_changes_nothing(shared_server: Any, origin: str) -> None:
    reply = shared_server.post("/api/automations/repair/pause", Origin=origin)
    assert (reply.status, reply.json["code"]) == (403, "foreign-origin")


def test_a_page_of_ours_and_allowed_hosts_are_served(serve: Any) -> None:
    server = serve(allowed_hosts=frozenset({"automations.example"}))
    ours = {"Origin": "http://localhost:4280"}
    proxied = {"Host": "automations.example", "Origin": "https://automations.example"}
    assert [server.post("/api/automations/repair/pause", **headers).status for headers in (ours, proxied)] == [
        200,
        200,
    ]
