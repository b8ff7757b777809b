"""How a client gets in: protocol, password or token, TLS, compression; in aiokafka's names only here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Literal

from aiokafka.abc import AbstractTokenProvider

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
Compression = Literal["gzip", "lz4", "snappy", "zstd"]
ReadToken = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Connection:
    """`token` is asked at each new connection. `tls` belongs to the protocols that have it."""

    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: ReadToken | None = None
    tls: SSLContext | None = None
    client_id: str = "automations"
    compression: Compression | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Options of every aiokafka client."""
        return {
            "client_id": self.client_id,
            "security_protocol": self.protocol,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "sasl_oauth_token_provider": _Tokens(self.token) if self.token else None,
            "ssl_context": self.tls,
        }

    @property
    def producer_options(self) -> dict[str, Any]:
        """Options of every producer."""
        return {**self.options, "compression_type": self.compression}


class _Tokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    def __init__(self, read: ReadToken) -> None:
        self._read = read

    async def token(self) -> str:
        return await self._read()
