"""Secrets, by reference."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from automations.model.document import Document


class SecretReference(Document):
    """Where a secret is: `{env: NAME}` or `{file: PATH}`. The secret itself never stands in a file of ours."""

    env: Annotated[str, Field(min_length=1)] | None = None
    file: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> SecretReference:
        if (self.env is None) == (self.file is None):
            raise PydanticCustomError("bad-secret", "a secret is {{env: NAME}} or {{file: PATH}}")
        return self
