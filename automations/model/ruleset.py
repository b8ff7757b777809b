"""The rule set: all automations of one revision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from automations.errors import Location
    from automations.model.automation import Automation


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Immutable. `revision` is a hash of the content; `places` tells where each automation is written."""

    automations: tuple[Automation, ...] = ()
    revision: str = "empty"
    places: Mapping[str, Location] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Automation]:
        return iter(self.automations)

    def __len__(self) -> int:
        return len(self.automations)
