"""The sinks of the settings, and which action goes to which."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Final

from pydantic import ValidationError

from automations.deploy import ReloadableJobs, check_policies
from automations.errors import (
    SettingsError,
)
from automations.ingest import Limits
from automations.model.moment import SECOND
from automations.model.secret import SecretReference
from automations.ports import MakeSink, Sink, SinkContext
from automations.runtime.dispatch import SinkBinding
from automations.runtime.retry import RetryPolicy
from automations.settings import Settings
from automations.sinks.kafka import KafkaSink, KafkaSinkSettings
from automations.sinks.notification import NotificationSink
from automations.sinks.own import OwnSink
from automations.sinks.prefect import PrefectSettings, PrefectSink
from automations.sinks.process import ProcessSink
from automations.sinks.webhook import WebhookSettings, WebhookSink
from automations.sources.secret import read_secret
from automations.wiring.clock import SystemClock
from automations.wiring.extras import require_kafka

_OF_OUR_RULES: Final = frozenset({"pause-automation", "resume-automation"})
"""A rule that names an automation means one of its own engine."""
_BUILT_IN: Final = ("process", "webhook", "automations", "notification")
"""Types that need no settings: there is a sink of each, under the type's name."""
_TYPES: Final = (*_BUILT_IN, "prefect", "kafka")
_IN_FLIGHT: Final = {"process": 256, "prefect": 100}
"""Deliveries at once. To Prefect as many as share a request: they gather while another is under way."""
_RETRIES: Final = {"prefect": RetryPolicy(max_attempts=250, cap=30 * SECOND)}
"""A server that restarts fails all that is under way at once: short delays, an hour long, as by default."""
_PLUG_INS: Final = "automations.sinks"
_SHARED_SINK_KEYS: Final = frozenset({"type", "default", "in_flight"})


def _sink(
    name: str, table: Mapping[str, Any], settings: Settings, jobs: ReloadableJobs, clock: SystemClock
) -> Sink:
    own = {key: value for key, value in table.items() if key not in _SHARED_SINK_KEYS}
    kind = table.get("type")
    try:
        if kind == "webhook":
            keyed = "AUTOMATIONS_TEST_NO_KEY" not in os.environ
            return WebhookSink(
                WebhookSettings.model_validate(own),
                lambda reference: secret_of(SecretReference.model_validate(reference), settings),
                keyed=keyed,
            )
        if kind == "process" and not own:
            return ProcessSink(jobs, clock)
        if kind == "automations" and not own:
            return OwnSink(clock, Limits(settings.max_event_bytes))
        if kind == "notification" and not own:
            return NotificationSink(notification_urls(settings))
        if kind == "prefect":
            policies = check_policies(own.pop("policies", {}))
            server = PrefectSettings.model_validate(own)
            return PrefectSink(server, policies, lambda reference: secret_of(reference, settings), clock)
        if kind == "kafka":
            return _kafka_sink(own, settings)
        if plug_in := _plug_in(kind):
            return plug_in(own, SinkContext(name, clock, lambda reference: secret_of(reference, settings)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise SettingsError(f"[sinks.{name}] {key}: {first['msg']}") from None
    raise SettingsError(
        f"[sinks.{name}] has the type {kind!r}" if kind != "process" else f"[sinks.{name}] takes no {min(own)!r}",
        hint=f"the types are {', '.join(map(repr, [*_TYPES, *_plug_ins()]))}",
    )


def _kafka_sink(own: Mapping[str, Any], settings: Settings) -> Sink:
    """Kafka's libraries are an extra: they are imported for those who use them."""
    require_kafka()
    from automations.wiring.kafka import record_writer

    sink = KafkaSinkSettings.model_validate(own)
    return KafkaSink(sink, *record_writer(settings, sink.timeout / SECOND))


def _plug_ins() -> list[str]:
    return [found.name for found in entry_points(group=_PLUG_INS)]


def _plug_in(kind: Any) -> MakeSink | None:
    """The factory of a type that another package brings. SettingsError where it cannot be loaded."""
    for found in entry_points(group=_PLUG_INS, name=str(kind)):
        try:
            make: MakeSink = found.load()
        except Exception as error:
            raise SettingsError(f"the sink type {kind!r} of {found.value} cannot be loaded: {error}") from error
        return make
    return None


def secret_of(reference: SecretReference, settings: Settings) -> str:
    """Read a secret of the project; a relative path counts from its folder. SettingsError `missing-secret`."""
    return read_secret(reference, settings.directory, os.environ)


def notification_urls(settings: Settings) -> Mapping[str, str]:
    """Return the URLs of [notifications.NAME]; SettingsError where one is missing or its secret is not set."""
    return {name: _url(name, table, settings) for name, table in settings.notifications.items()}


def _url(name: str, table: Mapping[str, Any], settings: Settings) -> str:
    url = table.get("url")
    if set(table) != {"url"} or not isinstance(url, str | dict):
        raise SettingsError(f"[notifications.{name}] has a 'url' and nothing else: text, or {{env = NAME}}")
    if isinstance(url, str):
        return url
    try:
        return secret_of(SecretReference.model_validate(url), settings)
    except ValidationError:
        raise SettingsError(f"[notifications.{name}] url is text, {{env = NAME}} or {{file = PATH}}") from None


def bindings_of(settings: Settings, jobs: ReloadableJobs, clock: SystemClock) -> dict[str, SinkBinding]:
    builtin = {kind: {"type": kind} for kind in _BUILT_IN}
    tables: dict[str, Mapping[str, Any]] = {**builtin, **settings.sinks}
    bindings = {}
    for name, table in tables.items():
        kind = str(table.get("type"))
        sink, in_flight = (
            _sink(name, table, settings, jobs, clock),
            table.get("in_flight", _IN_FLIGHT.get(kind, 8)),
        )
        bindings[name] = SinkBinding(name, sink, in_flight, _RETRIES.get(kind, RetryPolicy()))
    return bindings


def routes_of(settings: Settings, bindings: Mapping[str, SinkBinding]) -> dict[str, str]:
    """Action type → sink: one of the settings wins over a built-in one, and among those the one with `default`.
    What is about an object that an event tells to be ours, or a Prefect server's, goes there: `TYPE@SYSTEM`.
    """

    def rank(name: str) -> tuple[bool, bool]:
        return (bool(settings.sinks.get(name, {}).get("default")), name in settings.sinks)

    routes: dict[str, str] = {}
    for name in sorted(bindings, key=rank):
        sink = bindings[name].sink
        of_prefect = isinstance(sink, PrefectSink)
        for action_type in sink.action_types:
            if not (of_prefect and action_type in _OF_OUR_RULES):
                routes[action_type] = name
            if of_prefect:
                routes[f"{action_type}@prefect"] = name
            elif isinstance(sink, OwnSink | ProcessSink):
                routes[f"{action_type}@automations"] = name
    return routes
