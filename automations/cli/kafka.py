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


def kafka_settings(kafka: str | None, *, worker_db: Path | None = None, **flags: Any) -> Settings:
    """The settings with Kafka's address, and `worker_db` where it is given. What a command of Kafka calls first:
    AutomationsError `missing-extra`.
    """
    from automations.settings import load_settings
    from automations.wiring.extras import require_kafka

    require_kafka()
    own = {"bootstrap": kafka, "worker_db": worker_db and str(worker_db)}
    given = {name: value for name, value in own.items() if value}
    return load_settings({**flags, "kafka": given or None})
