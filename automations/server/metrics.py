"""Metrics for Prometheus, in a registry of the app's own. Labels are codes and states, never ids."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from automations.ports import Ledger, RulesStatus


class DoorMetrics:
    """Counters of the doors, counted as they happen."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.accepted = Counter("automations_door_accepted", "Events accepted by this process", registry=registry)
        self.duplicates = Counter(
            "automations_door_duplicates", "Events that were known already", registry=registry
        )
        self.skipped = Counter(
            "automations_door_skipped", "Webhook bodies that a mapping skipped", registry=registry
        )
        self.refused = Counter(
            "automations_door_refused", "Events and requests refused, by code", ["code"], registry=registry
        )

    def text(self) -> bytes:
        """Return the text format."""
        return generate_latest(self._registry)


class Metrics(DoorMetrics):
    """And gauges of the ledger, set at each scrape."""

    def __init__(self) -> None:
        super().__init__()
        registry = self._registry
        self._events = Gauge("automations_events", "The ledger of events", ["state"], registry=registry)
        self._actions = Gauge("automations_actions", "The ledger of actions", ["state"], registry=registry)
        self._firings = Gauge("automations_firings", "The ledger of firings", ["state"], registry=registry)
        self._outcomes = Gauge(
            "automations_event_outcomes",
            "What became of events at the triggers that they reached, since the start",
            ["reason"],
            registry=registry,
        )
        self._backlog = Gauge("automations_backlog_bytes", "Bytes that wait", registry=registry)
        self._rules = Gauge("automations_rules", "Automations in force", registry=registry)
        self._rule_errors = Gauge(
            "automations_rule_errors", "Problems of rule files that were not taken", registry=registry
        )

    def render(self, ledger: Ledger, rules: RulesStatus) -> bytes:
        """Return the text format, with the ledger as it is now."""
        for gauge, counts in zip(
            (self._events, self._actions, self._firings), ledger_counts(ledger).values(), strict=True
        ):
            for state, count in counts.items():
                gauge.labels(state).set(count)
        for reason, count in rules.outcomes.items():
            self._outcomes.labels(reason).set(count)
        self._backlog.set(ledger.backlog_bytes)
        self._rules.set(rules.loaded)
        self._rule_errors.set(len(rules.errors))
        return self.text()


def ledger_counts(ledger: Ledger) -> dict[str, dict[str, int]]:
    """Return the ledger as the API tells it.

    Always accepted = processed + pending, and planned = delivered + dead + pending.
    """
    return {
        "events": {
            "accepted": ledger.accepted,
            "processed": ledger.processed,
            "pending": ledger.accepted - ledger.processed,
        },
        "actions": {
            "planned": ledger.planned,
            "delivered": ledger.delivered,
            "dead": ledger.dead,
            "pending": ledger.planned - ledger.delivered - ledger.dead,
        },
        "firings": {"fired": ledger.fired, "suppressed": ledger.suppressed},
    }
