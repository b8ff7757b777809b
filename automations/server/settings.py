"""What the server is told at start."""

from __future__ import annotations

from dataclasses import dataclass

from automations.ingest import DEFAULT_MAX_EVENT_BYTES


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Sizes are in bytes. `require_keys` is set wherever the server listens beyond loopback.

    Without keys, only requests to a loopback name or to one of `allowed_hosts` are served, so that no web site
    can reach the engine through its visitor's browser.
    """

    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES
    max_body_bytes: int = 1024 * 1024
    max_batch: int = 500
    require_keys: bool = False
    allowed_hosts: frozenset[str] = frozenset()
