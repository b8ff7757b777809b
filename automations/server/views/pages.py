"""Pages of listings, and moments."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel

from automations.model.moment import format_moment

T = TypeVar("T")


class ListView(BaseModel, Generic[T]):
    """A page, newest first. `next` is the cursor of the page that follows, null at the end."""

    items: list[T]
    next: str | None = None


def shown(moment: int | None) -> str | None:
    """Write a moment that may not have come yet."""
    return None if moment is None else format_moment(moment)
