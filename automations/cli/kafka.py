"""What commands about Kafka have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from automations.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def kafka_option(command: F) -> F:
    """Add `--kafka`."""
    return click.option("--kafka", metavar="HOST:PORT,...", help="Brokers of Kafka.")(command)


def directory_option(command: F) -> F:
    """Add `-C`."""
    path = click.Path(path_type=Path)
    return click.option("-C", "directory", type=path, help="Folder of automations.toml.")(command)


def kafka_settings(kafka: str | None, **flags: Any) -> Settings:
    """The settings with Kafka's address. What a command of Kafka calls first: AutomationsError `missing-extra`."""
    from automations.settings import load_settings
    from automations.wiring.extras import require_kafka

    require_kafka()
    return load_settings({**flags, "kafka": {"bootstrap": kafka} if kafka else None})
