"""Clients of the settings' Kafka for the embedded engine, which imports its libraries only where it has to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automations.settings import Settings
from automations.wiring.extras import require_kafka


def kafka_client_options(settings: Settings) -> Mapping[str, Any]:
    """What each client is made with; SettingsError, AutomationsError `missing-extra`."""
    require_kafka()
    from automations.wiring.kafka import cluster_of

    return cluster_of(settings).client_options
