"""The base of everything that a user writes in a file."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

JsonValue = Any  # None | bool | int | float | str | list[JsonValue] | dict[str, JsonValue]
JsonObject = dict[str, Any]


class Document(BaseModel):
    """Frozen, strict (no text taken for a number), closed (an unknown key is an error)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", arbitrary_types_allowed=False)
