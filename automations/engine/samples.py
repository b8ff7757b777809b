"""The samples of a metric over a span of time, in bounded space (rules.md 4.3 and 4.5).

State: {"samples": [[time, value], ...], "slices": [[time, count, sum, min, max, buckets], ...]}, both in order of
time. Up to 1,000 samples are kept as they are. Past that they are gathered into slices of a hundredth of the span,
each at the time of its newest sample: then a sample leaves the span up to a hundredth of it late, and percentiles
come from buckets of relative width 1 %, the idea of DDSketch (Masson, Rim, Lee, 2019).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from automations.model.document import JsonObject

EXACT: Final = 1_000
_SLICES: Final = 100
_ERROR: Final = 0.01
_GAMMA: Final = math.log((1 + _ERROR) / (1 - _ERROR))

EMPTY: Final[JsonObject] = {"samples": [], "slices": []}


def added(state: JsonObject, time: int, value: float, span: int) -> JsonObject:
    """Return the samples with one more."""
    samples = state["samples"]
    place = bisect_right(samples, time, key=lambda sample: sample[0])
    samples = [*samples[:place], [time, value], *samples[place:]]
    if len(samples) <= EXACT:
        return {"samples": samples, "slices": state["slices"]}
    width = max(span // _SLICES, 1)
    gathered = [_slice(list(group)) for _, group in groupby(samples, key=lambda sample: sample[0] // width)]
    return {"samples": [], "slices": sorted([*state["slices"], *gathered], key=lambda piece: piece[0])}


def within(state: JsonObject, after: int) -> JsonObject:
    """Return the samples later than `after`."""
    return {kind: [piece for piece in state[kind] if piece[0] > after] for kind in ("samples", "slices")}


def times(state: JsonObject) -> Iterator[int]:
    """The times of all samples and slices."""
    return (piece[0] for kind in ("samples", "slices") for piece in state[kind])


def aggregate(state: JsonObject, name: str, until: int) -> float | None:
    """Return the aggregate of the samples up to `until`; None for one of nothing that has no value then."""
    values: list[float] = [value for time, value in state["samples"] if time <= until]
    slices = [piece for piece in state["slices"] if piece[0] <= until]
    count: int = len(values) + sum(piece[1] for piece in slices)
    total: float = sum(values) + sum(piece[2] for piece in slices)
    if name in ("count", "sum"):
        return count if name == "count" else total
    if not count:
        return None
    match name:
        case "avg":
            return total / count
        case "min":
            return min([*values, *(float(piece[3]) for piece in slices)])
        case "max":
            return max([*values, *(float(piece[4]) for piece in slices)])
    return _percentile(int(name[1:]), values, slices)


def _percentile(percent: int, values: Iterable[float], slices: Sequence[Any]) -> float:
    """Nearest rank: the smallest value that at least `percent` of all samples do not exceed."""
    weights = Counter[float](values)
    for piece in slices:
        weights.update(_unpacked(piece[5]))
    rank = math.ceil(percent * weights.total() / 100)
    for value in sorted(weights):
        rank -= weights[value]
        if rank <= 0:
            return value
    raise AssertionError("the rank lies within the samples")


def _slice(samples: Sequence[Sequence[float]]) -> list[Any]:
    values = [value for _, value in samples]
    return [samples[-1][0], len(values), sum(values), min(values), max(values), _packed(values)]


def _packed(values: Iterable[float]) -> Mapping[str, int]:
    return Counter(_bucket(value) for value in values)


def _bucket(value: float) -> str:
    if value == 0:
        return "0"
    return f"{'-' if value < 0 else '+'}{math.ceil(math.log(abs(value)) / _GAMMA)}"


def _unpacked(buckets: Mapping[str, int]) -> Mapping[float, int]:
    return {_value(bucket): count for bucket, count in buckets.items()}


def _value(bucket: str) -> float:
    """The value whose relative distance from both ends of its bucket is the same."""
    if bucket == "0":
        return 0.0
    size = 2 * math.exp(int(bucket[1:]) * _GAMMA) / (math.exp(_GAMMA) + 1)
    return -size if bucket[0] == "-" else size
