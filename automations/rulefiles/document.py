"""A document as data, and where each part of it is written."""

from __future__ import annotations

from collections.abc import Mapping
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

    def graft(self, data: JsonValue, places: Mapping[Path, Path]) -> Document:
        """Return a document made of parts of this one: `places` tells for paths in `data` where they stood. What
        lies below such a path is located as it was.
        """
        return Document(data, self.file, _moved(self._keys, places), _moved(self._values, places))


def _moved(located: Mapping[Path, Location], places: Mapping[Path, Path]) -> dict[Path, Location]:
    return {
        (*new, *path[len(old) :]): location
        for new, old in places.items()
        for path, location in located.items()
        if path[: len(old)] == old
    }
