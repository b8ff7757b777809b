"""`[kafka]`: which cluster, under which names, and how to get in."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from automations.model.document import Document
from automations.model.secret import SecretReference

_SERVER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:,/@]+):\d{1,5}")
_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_SASL: Final = ("sasl_mechanism", "sasl_username", "sasl_password", "sasl_token", "sasl_token_command")
_TLS: Final = ("tls_ca", "tls_cert", "tls_key", "tls_key_password")
_BY_PASSWORD: Final = ("sasl_username", "sasl_password")
_BY_TOKEN: Final = ("sasl_token", "sasl_token_command")


def _servers(bootstrap: str) -> str:
    if not all(_SERVER.fullmatch(server) for server in bootstrap.split(",")):
        raise PydanticCustomError("bad-bootstrap", "write HOST:PORT, or several with commas between them")
    return bootstrap


def _topic_prefix(prefix: str) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise PydanticCustomError("bad-prefix", "a prefix has letters, digits, '.', '_' and '-', 200 at most")
    return prefix


class KafkaSettings(Document):
    """Names of files are relative to the project's folder. `worker_db` is the database of a worker. The token of
    OAUTHBEARER is read, or its command run, anew for each connection.
    """

    bootstrap: Annotated[str, AfterValidator(_servers)] | None = None
    prefix: Annotated[str, AfterValidator(_topic_prefix)] = "automations"
    client_id: Annotated[str, Field(min_length=1)] = "automations"
    worker_db: Annotated[str, Field(min_length=1)] = "worker.db"
    compression: Literal["gzip", "lz4", "snappy", "zstd"] | None = None
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretReference | None = None
    sasl_token: SecretReference | None = None
    sasl_token_command: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_key_password: SecretReference | None = None

    @model_validator(mode="after")
    def _belong_together(self) -> KafkaSettings:
        if self.security_protocol.startswith("SASL"):
            self._check_mechanism()
        else:
            self._refuse(_SASL, "a security_protocol with SASL")
        if not self.security_protocol.endswith("SSL"):
            self._refuse(_TLS, "a security_protocol with SSL")
        if self.tls_cert is None:
            self._refuse(("tls_key", "tls_key_password"), "tls_cert")
        return self

    def _check_mechanism(self) -> None:
        if self.sasl_mechanism is None:
            raise PydanticCustomError("missing-key", "a security_protocol with SASL needs sasl_mechanism")
        mechanism: dict[str, str] = {"mechanism": self.sasl_mechanism}
        if self.sasl_mechanism == "OAUTHBEARER":
            self._refuse(_BY_PASSWORD, "the mechanism PLAIN or SCRAM")
            if len(self._given(_BY_TOKEN)) != 1:
                raise PydanticCustomError("missing-key", "OAUTHBEARER needs sasl_token or sasl_token_command")
            return
        self._refuse(_BY_TOKEN, "the mechanism OAUTHBEARER")
        if len(self._given(_BY_PASSWORD)) != len(_BY_PASSWORD):
            raise PydanticCustomError(
                "missing-key", "{mechanism} needs sasl_username and sasl_password", mechanism
            )

    def _refuse(self, names: tuple[str, ...], wanted: str) -> None:
        for name in self._given(names):
            raise PydanticCustomError("bad-value", "{name} needs {wanted}", {"name": name, "wanted": wanted})

    def _given(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if getattr(self, name) is not None]
