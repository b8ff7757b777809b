"""Events without end, and the records among them that are no events."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaProducer
from kafka.audit import Audit

from automations.model.event import Event
from automations.runtime.kafka.records import EventRecord

_CUSTOMERS: Final = 50
_TOO_LARGE: Final = 1_200_000
"""Bytes; an event has 256 KiB at most."""
_RULES: Final = """
- name: each-tenth
  trigger: {expect: order.failed, match: {tenth: "yes"}}
  actions: [{type: call-webhook, url: "URL", body: {event: "{{ event.id }}"}}]
- name: third-of-a-customer
  trigger: {expect: order.failed, threshold: 3, within: 2h, for_each: id}
  actions: [{type: call-webhook, url: "URL", body: {event: "{{ count }}"}}]
- name: failed-then-paid
  trigger:
    type: sequence
    within: 2h
    for_each: id
    triggers: [{expect: order.failed}, {expect: order.paid}]
  actions: [{type: call-webhook, url: "URL", body: {event: "sequence"}}]
"""
_SETTINGS: Final = """
[kafka]
bootstrap = "BOOTSTRAP"
prefix = "PREFIX"
[sinks.hooks]
type = "webhook"
allow_http = true
allow = ["127.0.0.1"]
"""


def write_project(folder: Path, bootstrap: str, prefix: str, url: str) -> Path:
    """Write the rules and the settings; returns the folder of rules."""
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "orders.yaml").write_text(_RULES.replace("URL", url))
    (folder / "automations.toml").write_text(_SETTINGS.replace("BOOTSTRAP", bootstrap).replace("PREFIX", prefix))
    return folder / "rules"


class Load:
    """Sends events at a steady rate, each once, and remembers what was acknowledged."""

    def __init__(self, audit: Audit, rate: int) -> None:
        self.events: list[Event] = []
        self.buried: Counter[str] = Counter()
        """What must become dead letters: code → number."""
        self._audit, self._rate = audit, rate
        self._ending = False
        self._waiting: list[bytes] = []

    def stop(self) -> None:
        """Send no more."""
        self._ending = True

    def poison(self) -> None:
        """Send a record that is no JSON."""
        self._waiting.append(b"{")
        self.buried["bad-json"] += 1

    def oversize(self) -> None:
        """Send an event that is too large."""
        body = b'{"event": "order.failed", "resource": {"id": "customer.1"}, "payload": {"text": "%s"}}'
        self._waiting.append(body % (b"x" * _TOO_LARGE))
        self.buried["too-large"] += 1

    async def run(self) -> None:
        """Send until stopped. A broker that is away is waited for: the producer is idempotent."""
        options = {**self._audit.cluster.producer_options, "request_timeout_ms": 180_000, "retry_backoff_ms": 100}
        producer = AIOKafkaProducer(**options)
        await producer.start()
        try:
            while not self._ending:
                begun = time.monotonic()
                await self._send(producer, [self._event() for _ in range(self._rate // 10)])
                await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - begun)))
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, events: list[Event]) -> None:
        topic = self._audit.topology.events
        futures = [await producer.send(topic, raw, b"customer.1") for raw in self._waiting]
        self._waiting.clear()
        for event in events:
            record = EventRecord(event).to(topic)
            futures.append(await producer.send(topic, record.value, record.key, headers=list(record.headers)))
        await asyncio.gather(*futures)

    def _event(self) -> Event:
        number, now = len(self.events), time.time_ns() // 1_000
        event = Event(
            source="shop",
            id=str(number),
            name="order.paid" if number % 4 == 3 else "order.failed",
            occurred=now,
            received=now,
            resource={
                "prefect.resource.id": f"customer.{number * 7 % _CUSTOMERS}",
                "tenth": "no" if number % 10 else "yes",
            },
            payload={"n": number},
        )
        self.events.append(event)
        return event
