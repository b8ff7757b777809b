"""The file of sources, as a user writes it (interfaces.md section 5)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from automations.ingest import HookMapping
from automations.model.document import Document
from automations.model.filters import Names
from automations.model.moment import Duration
from automations.model.secret import SecretReference

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_OUR_SOURCES: Final = frozenset({"api", "automations"})


def _source_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise PydanticCustomError("bad-name", "a name has letters, digits, '.', '_' and '-', 64 at most")
    if name in _OUR_SOURCES:
        raise PydanticCustomError("bad-name", "the name {name} is taken: it is a source of ours", {"name": name})
    return name


SourceName = Annotated[str, AfterValidator(_source_name)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


Secrets = Annotated[tuple[SecretReference, ...], BeforeValidator(_as_list), Field(strict=False, min_length=1)]
"""One secret, or a list while they are rotated."""


class WebhookAuthentication(Document):
    """`secret` belongs to `bearer`."""

    type: Literal["bearer", "none"]
    secret: Secrets = ()

    @model_validator(mode="after")
    def _secret_of_type(self) -> WebhookAuthentication:
        if self.type == "bearer" and not self.secret:
            raise PydanticCustomError("missing-key", "'auth' of type 'bearer' needs 'secret'")
        if self.type == "none" and self.secret:
            raise PydanticCustomError("bad-value", "'auth' of type 'none' has no 'secret'")
        return self


class NamedDocument(Document):
    """What every source has."""

    name: SourceName


class WebhookDocument(Document):
    """One source of type `webhook`: its events come in at POST /hooks/NAME."""

    name: SourceName
    type: Literal["webhook"]
    auth: WebhookAuthentication
    mapping: HookMapping | None = None


def is_api_address(url: str) -> bool:
    """True for an address that paths can be joined to."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)


def _api_address(url: str) -> str:
    if not is_api_address(url):
        raise PydanticCustomError(
            "bad-url", "write the server's API address, such as http://127.0.0.1:4200/api, or set PREFECT_API_URL"
        )
    return url.rstrip("/")


ApiAddress = Annotated[str, AfterValidator(_api_address)]


class PrefectDocument(Document):
    """One source of type `prefect`: its events are fetched from a Prefect server, or Prefect Cloud.

    Without `api_url`, the server is that of PREFECT_API_URL, with PREFECT_API_KEY or PREFECT_API_AUTH_STRING.
    `since`: how far back the first start reaches, in microseconds once loaded.
    """

    name: SourceName
    type: Literal["prefect"]
    api_url: ApiAddress | None = None
    api_key: SecretReference | None = None
    auth_string: SecretReference | None = None
    since: Duration = 0
    events: Names = ()

    @model_validator(mode="after")
    def _let_in_one_way(self) -> PrefectDocument:
        if self.api_key is not None and self.auth_string is not None:
            raise PydanticCustomError(
                "two-secrets", "'api_key' is for Prefect Cloud, 'auth_string' for a server: write one of them"
            )
        return self


class KafkaDocument(Document):
    """One source of type `kafka`: its events are the records of a topic of the settings' cluster.

    `start`: where a source that never read begins. `group`: a consumer group that is told how far it has read.
    """

    name: SourceName
    type: Literal["kafka"]
    topic: Annotated[str, Field(min_length=1, max_length=249, pattern=r"^[A-Za-z0-9._-]+$")]
    start: Literal["earliest", "latest"] = "latest"
    group: Annotated[str, Field(min_length=1)] | None = None
    mapping: HookMapping | None = None
