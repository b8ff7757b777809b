"""A Kafka record as what came in at a door."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_KAFKA: Final = "ce_"
_HTTP: Final = "ce-"


def record_headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """The headers of a record as those of a request. CloudEvents' Kafka binding names an attribute `ce_type`, its
    HTTP binding `ce-type`. Without a `content-type` the value is JSON.
    """
    named = {name.lower(): (value or b"").decode("utf-8", "replace") for name, value in headers}
    found = {
        _HTTP + name.removeprefix(_KAFKA) if name.startswith(_KAFKA) else name: text
        for name, text in named.items()
    }
    return {"content-type": "application/json", **found}
