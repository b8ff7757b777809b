"""Source types that other packages bring."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Final

from pydantic import BaseModel

from automations.errors import SettingsError
from automations.ports import Source, SourceContext, SourceType

_GROUP: Final = "automations.sources"


@dataclass(frozen=True, slots=True)
class PlugInSource:
    """A declared source of such a type. Two are the same whose settings, as JSON, are the same."""

    name: str
    type: str
    written: str
    settings: BaseModel = field(compare=False)
    kind: SourceType = field(compare=False)

    def make(self, context: SourceContext) -> Source:
        """Make the source."""
        return self.kind.make(self.settings, context)


def plug_in_types() -> list[str]:
    """Return the names of the types that are installed."""
    return [found.name for found in entry_points(group=_GROUP)]


def plug_in_type(name: str) -> SourceType | None:
    """Return a type; None where nobody brings it. SettingsError where it cannot be loaded."""
    for found in entry_points(group=_GROUP, name=name):
        try:
            kind = found.load()
        except Exception as error:
            raise SettingsError(f"the source type {name!r} of {found.value} cannot be loaded: {error}") from error
        if not isinstance(kind, SourceType):
            raise SettingsError(f"the source type {name!r}: {found.value} is no SourceType")
        return kind
    return None
