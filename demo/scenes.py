"""The scenes: one for each way that an event can go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from receiver import Receiver
from tour import Tour, expect

_COMMIT: Final = "9f2c0d4be1a75f3c8d6e0b1a2c3d4e5f60718293"


def _file(name: str, rows: int) -> dict[str, Any]:
    return {
        "event": "storage.object.created",
        "resource": {"id": f"s3://landing/{name}", "name": name},
        "payload": {"rows": rows, "columns": ["day", "total"]},
    }


async def a_file_arrives(tour: Tour) -> None:
    """Show a rule without a window, and where six job variables come from."""
    tour.display.scene("A file arrives", "One event, one run; what the run gets is rendered from the event.")
    (reference,) = await tour.send(_file("sales.csv", 1200))
    (firing,) = await tour.firings("import-file", event=reference)
    run = await tour.run(firing, "Completed", "1200 rows")
    expect(run["job_variables"]["timeout"] == 31.2, "the timeout is no longer the event's number")


async def orders_fail(tour: Tour) -> None:
    """Show a window of one group."""
    tour.display.scene("Orders fail", "Three failures of one customer within a minute start the repair, once.")
    event = {"event": "order.failed", "payload": {"minutes": 5}}
    orders = [
        {**event, "resource": {"id": f"order.{number}", "customer": customer, "region": "eu-west"}}
        for number, customer in ((17, "acme"), (18, "acme"), (19, "other"), (20, "acme"))
    ]
    *_, last = await tour.send(*orders)
    (firing,) = await tour.firings("repair-orders", event=last)
    await tour.run(firing, "Completed", "repairing acme in eu-west after 3 failures")


async def somebody_pushes(tour: Tour, token: str) -> None:
    """Show a webhook, its mapping, a policy, and a run that follows a run."""
    tour.display.scene("Somebody pushes", "A webhook becomes an event; the release's end starts a smoke test.")
    body = {
        "ref": "refs/heads/main",
        "after": _COMMIT,
        "deleted": False,
        "head_commit": {"timestamp": datetime.now(UTC).isoformat()},
        "repository": {"full_name": "example/shop"},
        "sender": {"login": "ada"},
    }
    headers = {
        "Authorization": f"Bearer {token}",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    }
    ids = await tour.api.post("/hooks/github", body, headers)
    (reference,) = await tour.stored("github", ids)
    (release,) = await tour.firings("release-on-push", event=reference)
    await tour.run(release, "Completed", f"registry.example/shop:{_COMMIT}")
    (smoke_test,) = await tour.firings("smoke-test-release")
    await tour.run(smoke_test, "Completed", "the shop answers")


async def imports_fail(tour: Tour) -> None:
    """Show a throttle."""
    tour.display.scene("Imports fail", "Two runs fail, and people on call are told once in ten minutes.")
    for reference in await tour.send(_file("empty.csv", 0), _file("hollow.csv", 0)):
        (firing,) = await tour.firings("import-file", event=reference)
        await tour.run(firing, "Failed", "is empty")
    alert, held_back = await tour.firings("alert-on-failure", 2)
    expect(held_back["suppressed"], "the second alert was not held back")
    await tour.run(alert, "Completed", "#operations: import-file/csv failed")


def _export(number: int, callback: str) -> dict[str, Any]:
    return {
        "event": "export.finished",
        "resource": {"id": f"export.{number}"},
        "payload": {"callback": callback, "files": 3},
    }


async def exports_finish(tour: Tour, receiver: Receiver) -> None:
    """Show a request of ours, and one that is refused."""
    why = "Customers are called back where they asked for it, but never at an address inside of the network."
    tour.display.scene("Exports finish", why)
    inside = "http://169.254.169.254/latest/meta-data"
    outcomes = ((receiver.url, "delivered"), (inside, "dead"))
    for number, (callback, state) in enumerate(outcomes, 1):
        (reference,) = await tour.send(_export(number, callback))
        (firing,) = await tour.firings("call-back", event=reference)
        action = await tour.action(firing)
        tour.display.action(action)
        expect(action["state"] == state, f"the request is {action['state']}: {action['error']}")
    key, body = await asyncio.wait_for(receiver.received.get(), 5)
    tour.display.say("received", f"{body} with Idempotency-Key {key}")
    expect(body["files"] == 3, "the receiver did not get what the event said")
    letters = (await tour.api.get("/api/dead-letters"))["items"]
    expect([letter["code"] for letter in letters] == ["address-denied"], f"the dead letters are {letters}")


async def the_ledger(tour: Tour) -> None:
    """Show that everything is accounted for."""
    tour.display.scene("The ledger", "Every event and every action is accounted for, always.")
    status = await tour.api.get("/api/status")
    events, actions, firings = status["events"], status["actions"], status["firings"]
    for label, counts in (("events", events), ("actions", actions), ("firings", firings)):
        tour.display.say(label, "  ".join(f"{name} {count}" for name, count in counts.items()))
    expect(events["accepted"] == events["processed"] + events["pending"], "the events do not add up")
    settled = actions["delivered"] + actions["dead"] + actions["pending"]
    expect(actions["planned"] == settled, "the actions do not add up")
