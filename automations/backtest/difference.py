"""What another revision of the rules changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from automations.backtest.replay import Replayed


@dataclass(frozen=True, slots=True)
class Change:
    """A firing that only one revision has (`appears`, `vanishes`), or whose actions or fate differ (`changes`)."""

    kind: Literal["appears", "vanishes", "changes"]
    before: Replayed | None
    after: Replayed | None

    @property
    def shown(self) -> Replayed:
        """The firing, as it is after the change where it still is."""
        found = self.after or self.before
        assert found is not None  # noqa: S101 - one of the two is there
        return found


def difference(before: Iterable[Replayed], after: Iterable[Replayed]) -> Iterator[Change]:
    """Compare the firings of two revisions. The same automation, group and events are the same firing."""
    old, new = _by_id(before), _by_id(after)
    for identity in sorted({**old, **new}, key=lambda i: ((new.get(i) or old[i]).firing.at, i)):
        first, second = old.get(identity), new.get(identity)
        if first is None or second is None:
            yield Change("appears" if first is None else "vanishes", first, second)
        elif _substance(first) != _substance(second):
            yield Change("changes", first, second)


def _by_id(replayed: Iterable[Replayed]) -> Mapping[str, Replayed]:
    return {each.firing.id: each for each in replayed}


def _substance(replayed: Replayed) -> tuple[object, ...]:
    return replayed.firing.reason, list(replayed.actions)
