"""Metrics for Prometheus, in a registry of the app's own. Labels are codes and states, never ids."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from automations.ports import Ledger, RulesStatus, WorkerStatus


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


class WorkerMetrics:
    """Gauges of a worker's stages, set at each scrape."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"automations_worker_{name}", text, labels, registry=registry)

        self._ready = gauge("ready", "1 once rules are loaded and state is restored")
        self._rules = gauge("rules", "Automations in force")
        self._partitions = gauge("partitions", "Partitions that this worker has", "stage")
        self._restoring = gauge("partitions_restoring", "Those whose state is being restored", "stage")
        self._lag = gauge("lag", "Offsets that wait to be read", "stage", "partition")
        self._counts = {
            "read": gauge("records_read", "Records read since the start", "stage"),
            "written": gauge("records_written", "Records committed since the start", "stage"),
            "dead_letters": gauge("dead_letters", "Dead letters since the start", "stage"),
            "rebalances": gauge("rebalances", "Assignments since the start", "stage"),
            "lost": gauge("partitions_lost", "Partitions that were fenced or failed since the start", "stage"),
        }

    def render(self, status: WorkerStatus) -> bytes:
        """Return the text format."""
        self._ready.set(status.missing is None)
        self._rules.set(status.automations)
        self._lag.clear()
        for stage in status.stages:
            self._partitions.labels(stage.name).set(len(stage.partitions))
            self._restoring.labels(stage.name).set(sum(not each.restored for each in stage.partitions))
            for partition in stage.partitions:
                self._lag.labels(stage.name, partition.number).set(partition.lag)
            for name, gauge in self._counts.items():
                gauge.labels(stage.name).set(getattr(stage, name))
        return generate_latest(self._registry)


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
