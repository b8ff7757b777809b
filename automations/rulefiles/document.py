"""A document as data, and where each part of it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from automations.errors import Location
from automations.model.document import JsonValue

Path = tuple[str | int, ...]
"""From the root of a document to one of its parts: keys of mappings, positions in lists."""


@dataclass(frozen=True, slots=True)
class Document:
    """Plain JSON `data`, and where each part of it stands in the file."""

    data: JsonValue
    file: str
    _keys: dict[Path, Location] = field(repr=False)
    _values: dict[Path, Location] = field(repr=False)

    def location(self, path: Path = (), *, key: bool = False) -> Location:
        """Return the place of a value, or of its key; of the nearest parent for what is not there."""
        while True:
            found = (self._keys.get(path) if key else None) or self._values.get(path)
            if found is not None:
                return found
            if not path:
                return Location(self.file, 1, 1)
            path, key = path[:-1], False
