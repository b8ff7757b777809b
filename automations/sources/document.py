"""The file of sources, as a user writes it (interfaces.md section 5)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from automations.ingest import HookMapping
from automations.model.document import Document
from automations.model.secret import SecretReference

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_OUR_SOURCES: Final = frozenset({"api", "automations"})


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


class WebhookDocument(Document):
    """One source of type `webhook`: its events come in at POST /hooks/NAME."""

    name: str
    type: Literal["webhook"]
    auth: WebhookAuthentication
    mapping: HookMapping | None = None

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise PydanticCustomError("bad-name", "a name has letters, digits, '.', '_' and '-', 64 at most")
        if name in _OUR_SOURCES:
            raise PydanticCustomError(
                "bad-name", "the name {name} is taken: it is a source of ours", {"name": name}
            )
        return name
