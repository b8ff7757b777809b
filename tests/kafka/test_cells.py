"""The state of a partition in memory, beside a slow and obvious one; no broker is needed."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from automations.engine import CellKey
from automations.runtime.kafka.cells import Cells
from automations.runtime.kafka.records import CellRecord

KEYS = st.sampled_from([("a", "[]"), ("a", "[1]"), ("b", "[]"), ("c", "[]")])
MOMENTS = st.integers(0, 20)
STEPS = st.one_of(
    st.tuples(st.just("save"), KEYS, st.none() | MOMENTS),
    st.tuples(st.just("forget"), KEYS, st.none()),
    st.tuples(st.just("due"), st.just(("", "")), MOMENTS),
    st.tuples(st.just("restart"), st.just(("", "")), st.none()),
)


class Slow:
    """A list of what was written; everything is looked for anew."""

    def __init__(self) -> None:
        self.log: list[CellRecord] = []

    @property
    def cells(self) -> dict[CellKey, CellRecord]:
        latest = {record.cell: record for record in self.log}
        return {key: record for key, record in latest.items() if record.state is not None}

    def due(self, moment: int, limit: int) -> list[tuple[int, CellKey]]:
        waiting = [(record.due, key) for key, record in self.cells.items() if record.due is not None]
        return sorted((due, key) for due, key in waiting if due <= moment)[:limit]


@given(st.lists(STEPS, max_size=40))
def test_cells_are_what_their_changelog_says(steps: list[tuple[str, CellKey, Any]]) -> None:
    cells, slow = Cells(), Slow()
    for number, (step, key, moment) in enumerate(steps):
        if step == "save":
            slow.log += cells.save({key: ({"clock": number}, moment)})
        elif step == "forget":
            slow.log += cells.save({key: (None, None)})
        elif step == "due":
            expected = slow.due(moment, 2)
            assert cells.take_due(moment, 2) == expected
            slow.log += cells.save({due: ({"clock": number}, None) for _, due in expected})
        else:
            cells = restored(slow.log)
        assert len(cells) == len(slow.cells)
        assert cells.next_deadline() == next((due for due, _ in slow.due(99, 1)), None)
    keys = [("a", "[]"), ("a", "[1]"), ("b", "[]"), ("c", "[]")]
    states = {key: orjson.loads(r.state) for key, r in slow.cells.items() if r.state is not None}
    assert cells.load(keys) == {key: states.get(key) for key in keys}


def restored(log: list[CellRecord]) -> Cells:
    cells = Cells()
    for record in log:
        cells.restore(record)
    cells.restored()
    return cells


def test_what_never_was_leaves_no_tombstone() -> None:
    assert Cells().save({("a", "[]"): (None, None)}) == []


def test_a_deadline_that_moves_with_every_event_does_not_fill_the_memory() -> None:
    cells = Cells()
    for moment in range(5_000):
        cells.save({("a", "[]"): ({"clock": moment}, moment + 60)})
    assert len(cells._heap) < 2_000
    assert cells.next_deadline() == 5_059


def test_cells_of_automations_that_are_gone_are_forgotten() -> None:
    cells = Cells()
    cells.save({(name, "[]"): ({"clock": 1}, 5) for name in "abc"})
    assert sorted(cells.forget_but({"b"})) == [("a", "[]"), ("c", "[]")]
    assert cells.take_due(9, 10) == [(5, ("b", "[]"))]


def test_what_is_idle_is_forgotten_though_what_waits_stands_before_it() -> None:
    cells = Cells()
    cells.save({("a", str(n)): ({"clock": n}, 1_000) for n in range(10)})
    cells.save({("b", str(n)): ({"clock": n}, None) for n in range(10, 20)})
    gone = [key for _ in range(4) for key in cells.forget_idle(15, 5)]
    assert gone == [("b", str(n)) for n in range(10, 15)]
    assert len(cells) == 15
