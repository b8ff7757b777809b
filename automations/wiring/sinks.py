"""The sinks of the settings, and which action goes to which."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from automations.deploy import ReloadableJobs
from automations.errors import (
    SettingsError,
)
from automations.ingest import Limits
from automations.model.secret import SecretReference
from automations.ports import Sink
from automations.runtime.dispatch import SinkBinding
from automations.settings import Settings
from automations.sinks.notification import NotificationSink
from automations.sinks.own import OwnSink
from automations.sinks.process import ProcessSink
from automations.sinks.webhook import WebhookSettings, WebhookSink
from automations.sources.secret import read_secret
from automations.wiring.clock import SystemClock

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
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise SettingsError(f"[sinks.{name}] {key}: {first['msg']}") from None
    raise SettingsError(
        f"[sinks.{name}] has the type {kind!r}" if kind != "process" else f"[sinks.{name}] takes no {min(own)!r}",
        hint="the types are 'process', 'webhook', 'automations' and 'notification'",
    )


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
    builtin = {kind: {"type": kind} for kind in ("process", "webhook", "automations", "notification")}
    tables: dict[str, Mapping[str, Any]] = {**builtin, **settings.sinks}
    bindings = {}
    for name, table in tables.items():
        in_flight = table.get("in_flight", 256 if table.get("type") == "process" else 8)
        bindings[name] = SinkBinding(name, _sink(name, table, settings, jobs, clock), in_flight=in_flight)
    return bindings


def routes_of(settings: Settings, bindings: Mapping[str, SinkBinding]) -> dict[str, str]:
    """Action type → sink: one of the settings wins over a built-in one, and among those the one with `default`."""

    def rank(name: str) -> tuple[bool, bool]:
        return (bool(settings.sinks.get(name, {}).get("default")), name in settings.sinks)

    routes: dict[str, str] = {}
    for name in sorted(bindings, key=rank):
        for action_type in bindings[name].sink.action_types:
            routes[action_type] = name
    return routes
