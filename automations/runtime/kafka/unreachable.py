"""The error of a cluster that does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from automations.errors import AutomationsError


class KafkaUnreachableError(AutomationsError):
    """No broker answers at the address, or it cannot do what it is asked."""

    code = "unreachable"
    recoverable = True

    def __init__(self, bootstrap: str, error: Exception) -> None:
        hint = (
            "is the address right (--kafka HOST:PORT), does the broker run, and does it let this client in"
            " ([kafka] security_protocol, sasl_..., tls_...)?"
        )
        if isinstance(error, UnknownTopicOrPartitionError):
            hint = f"a topic is missing; ours are made by: automations topics create --kafka {bootstrap}"
        super().__init__(f"Kafka at {bootstrap}: {error}", hint=hint)


@contextmanager
def reaching(bootstrap: str) -> Iterator[None]:
    """What the cluster cannot do is a KafkaUnreachableError."""
    try:
        yield
    except KafkaError as error:
        raise KafkaUnreachableError(bootstrap, error) from error
