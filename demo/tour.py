"""Following an event through the engine, step by step, as anybody can by the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from display import Display
from engine import Api, DemoError

_ENDED: Final = frozenset({"Completed", "Failed", "Crashed", "Cancelled"})


class Tour:
    """Each step waits for what it shows, and shows what the engine itself tells about it."""

    def __init__(self, api: Api, display: Display) -> None:
        self.api, self.display = api, display

    async def send(self, *events: dict[str, Any]) -> list[str]:
        """Send events to the API; returns how each is named there, `source/id`."""
        ids = await self.api.post("/api/events", list(events))
        return await self.stored("api", ids)

    async def stored(self, source: str, ids: Sequence[str]) -> list[str]:
        """Show acknowledged events as they are stored."""
        references = [f"{source}/{event_id}" for event_id in ids]
        for reference in references:
            self.display.event(await self.api.get(f"/api/events/{reference}"))
        return references

    async def firings(self, automation: str, expected: int = 1, **query: str) -> list[dict[str, Any]]:
        """Wait for that many firings of a rule and show them, oldest first."""

        async def probe() -> list[dict[str, Any]] | None:
            page = await self.api.get("/api/firings", automation=automation, **query)
            return page["items"] if len(page["items"]) >= expected else None

        found = await self.api.until(f"{automation} has fired {expected} time(s)", probe)
        expect(len(found) == expected, f"{automation} fired {len(found)} times instead of {expected}")
        rule = await self.api.get(f"/api/automations/{automation}")
        for firing in reversed(found):
            self.display.firing(firing, rule)
        return found[::-1]

    async def action(self, firing: dict[str, Any]) -> dict[str, Any]:
        """Wait until the firing's one action is settled."""

        async def probe() -> dict[str, Any] | None:
            page = await self.api.get("/api/actions", firing=firing["id"])
            settled = [action for action in page["items"] if action["state"] != "pending"]
            return settled[0] if settled else None

        return await self.api.until(f"the action of {firing['automation']} is settled", probe)

    async def run(self, firing: dict[str, Any], state: str, output: str) -> dict[str, Any]:
        """Follow a firing to the end of its run, which must be in that state, with that text in its output."""
        action = await self.action(firing)
        expect(action["state"] == "delivered", f"the action is {action['state']}: {action['error']}")

        async def probe() -> dict[str, Any] | None:
            found: dict[str, Any] | None = await self.api.find(f"/api/runs/{action['id']}")
            return found if found and found["state"] in _ENDED else None

        run = await self.api.until(f"the run of {firing['automation']} has ended", probe)
        logs = (await self.api.get(f"/api/runs/{run['id']}/logs"))["items"]
        self.display.job_variables(run)
        self.display.run(run, logs)
        expect(run["state"] == state, f"the run ended as {run['state']} instead of {state}")
        expect(any(output in line["text"] for line in logs), f"the run did not print {output!r}")
        return run


def expect(holds: bool, otherwise: str) -> None:
    """Raise DemoError unless it holds."""
    if not holds:
        raise DemoError(otherwise)
