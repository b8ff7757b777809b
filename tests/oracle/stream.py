"""Short ways to write a stream: times in seconds after the start, events by name."""

from typing import Any

from oracle.evaluator import Firing, Oracle

SECOND = 1_000_000
START = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
LATENESS = 60 * SECOND


def event(
    at: float, name: str = "e", *, known: str = "", received: float | None = None, **more: Any
) -> dict[str, Any]:
    """An event that occurred `at` and was received then, or at `received` (seconds); its id is `name@at`."""
    return {
        "source": "test",
        "id": known or f"{name}@{at}",
        "occurred": START + round(at * SECOND),
        "received": START + round((at if received is None else received) * SECOND),
        "event": name,
        "resource": {"id": "r", **more.pop("resource", {})},
        "related": more.pop("related", []),
        "payload": more.pop("payload", {}),
        **more,
    }


def tick(at: float, downtime: bool = False) -> tuple[int, bool]:
    return (START + round(at * SECOND), downtime)


def run(automation: dict[str, Any], *inputs: Any, lateness: int = LATENESS, loaded: int = START) -> list[Firing]:
    """Every firing of one automation for these inputs."""
    oracle = Oracle([{"name": "a", **automation}], loaded=loaded, lateness=lateness)
    fed = [oracle.tick(*each) if isinstance(each, tuple) else oracle.feed(each) for each in inputs]
    return [firing for firings in fed for firing in firings]


def shown(firings: list[Firing]) -> list[tuple[float, str]]:
    """Time in seconds after the start, and the event's id: `(12, "e@12")`."""
    return [((firing.at - START) / SECOND, told(firing)) for firing in firings]


def told(firing: Firing) -> str:
    event = firing.event.removeprefix("test/") if firing.event else "-"
    marks = {"resolved ": firing.state == "resolved", "suppressed ": firing.suppressed}
    return "".join(mark for mark, holds in marks.items() if holds) + event
