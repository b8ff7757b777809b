"""Rule sets and streams as plain data, dense at the edges: few names and labels, times around windows' ends."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

SECOND = 1_000_000
START = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
LATENESS = 60 * SECOND

NAMES = ("a", "b", "c")
WINDOWS = (5, 10, 20, 60)  # seconds: every sum of a few of them is an edge that others hit too
KEYS = ("x", "y", "payload.k", "related:role:id")


@dataclass(frozen=True)
class Tick:
    """Time passes until `now`; `downtime` marks the first tick after downtime."""

    now: int
    downtime: bool = False


@dataclass(frozen=True)
class Serialise:
    """Here the engine under test stores its state and goes on from what it stored; nothing for the oracle."""


@dataclass(frozen=True)
class Stream:
    """What both are given: `loaded` and `lateness` in microseconds, and events as plain data among ticks."""

    automations: list[dict[str, Any]]
    loaded: int
    lateness: int
    inputs: list[dict[str, Any] | Tick | Serialise]


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these fields, each left out as often as not."""
    return st.fixed_dictionaries({}, optional=fields)


names = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.sampled_from(["*", "!a", "a*", ["a", "b"], ["*", "!c"], ["!a", "!b"]]),
)
windows = st.sampled_from(WINDOWS)
keys = st.one_of(st.sampled_from(KEYS).map(lambda key: [key]), st.just(["x", "y"]), st.just(["x", "payload.k"]))
groupings = st.one_of(st.just({}), st.builds(lambda each: {"for_each": each}, keys))

label_values = st.sampled_from(["1", "!1", "*", None, ["1", "2"], [None, "1"], ["!1", "!2"]])
related_specs = st.sampled_from(
    [
        {"role": "role", "id": "1"},
        {"role": "role", "id": "!1"},
        {"id": "!1"},
        {"role": "!role", "id": "!2"},
        [{"id": "1"}, {"id": "2"}],
        [{"role": "role"}, {"id": "!2"}],
    ]
)
patterns = st.sampled_from(
    [
        {"n": [{"numeric": [">=", 2]}]},
        {"n": [{"anything-but": [1, 2]}]},
        {"n": [1, "1"]},
        {"k": [{"exists": False}]},
        {"k": [{"prefix": "g"}, {"exists": False}]},
        {"$or": [{"n": [1]}, {"k": ["g1"]}]},
    ]
)
filters = st.one_of(
    *[st.just({})] * 7,
    optional(
        match=st.dictionaries(st.sampled_from(["x", "y", "id"]), label_values, min_size=1, max_size=2),
        match_related=related_specs,
        match_payload=patterns,
        where=st.sampled_from(["event.payload.n > 1", "{{ event.payload.n == 2 }}"]),
    ),
)


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


def event_triggers(shape: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    expected = st.builds(lambda expect: {"expect": expect}, names)
    return st.builds(merged, expected, shape, filters, groupings)


reactive = event_triggers(
    st.one_of(
        st.just({}),
        st.fixed_dictionaries({"within": windows, "threshold": st.integers(1, 3)}),
        st.fixed_dictionaries({"within": windows, "threshold": st.integers(1, 3)}, optional={"after": names}),
    )
)
proactive = event_triggers(
    st.fixed_dictionaries(
        {"posture": st.just("Proactive"), "within": st.sampled_from([0, 10, 20, 60])},
        optional={"after": names, "threshold": st.integers(1, 3), "grace": st.sampled_from([0, 5, 10])},
    )
)
aggregates = st.sampled_from(["count", "sum", "avg", "min", "max", "p50", "p90", "p99"])
metrics = event_triggers(
    st.fixed_dictionaries(
        {
            "type": st.just("metric"),
            "metric": st.fixed_dictionaries(
                {
                    "value": st.sampled_from(["payload.n", "count"]),
                    "aggregate": aggregates,
                    "operator": st.sampled_from(["<", "<=", ">", ">="]),
                    "threshold": st.integers(0, 4),
                    "range": windows,
                },
                optional={"firing_for": st.sampled_from([0, 5, 10])},
            ),
        }
    )
)
schedules = st.fixed_dictionaries(
    {
        "type": st.just("schedule"),
        "schedule": st.fixed_dictionaries(
            {"cron": st.sampled_from(["* * * * *", "*/2 * * * *", "3,5 0 * * *", "1 1 * * *"])},
            optional={"timezone": st.sampled_from(["UTC", "Europe/Berlin"])},
        ),
    }
)
leaves = st.one_of(reactive, reactive, reactive, proactive, metrics)
reaches = st.sampled_from([5, 20, 60, 200])


@st.composite
def composites(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """A composite whose first part is Reactive, so that it never lacks an event."""
    parts = [draw(reactive), *draw(st.lists(inner, min_size=1, max_size=2))]
    parts = draw(st.permutations(parts))
    shape: dict[str, Any] = {"type": draw(st.sampled_from(["compound", "sequence"])), "triggers": parts}
    if shape["type"] == "compound":
        shape["require"] = draw(st.sampled_from(["all", len(parts)]))
        if all(always_has_event(part) for part in parts):
            shape["require"] = draw(st.sampled_from(["any", "all", *range(1, len(parts) + 1)]))
    return merged(shape, draw(optional(within=reaches)), draw(groupings))


def always_has_event(trigger: dict[str, Any]) -> bool:
    """Whether no firing of the trigger can lack an event, so that a parent may be content with it alone."""
    if "triggers" in trigger:
        return True  # built above, so it has one
    return trigger.get("type") != "metric" and trigger.get("posture") != "Proactive"


trees = composites(st.one_of(leaves, composites(leaves)))
triggers = st.one_of(reactive, reactive, proactive, metrics, schedules, composites(leaves), trees)

throttles = st.builds(
    merged,
    st.fixed_dictionaries({"limit": st.integers(1, 2), "per": windows}),
    st.one_of(st.just({}), st.just({"for_each": []}), groupings),
)
debounces = st.one_of(
    windows.map(lambda quiet: {"quiet": quiet}),
    st.sampled_from([{"quiet": 10, "at_most": 20}, {"quiet": 5, "at_most": 5}]),
)


guarded = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"throttle": throttles}),
    st.fixed_dictionaries({"throttle": throttles}),
    optional(throttle=throttles, debounce=debounces),
)


@st.composite
def automations(draw: st.DrawFn, trigger: st.SearchStrategy[dict[str, Any]] = triggers) -> dict[str, Any]:
    guards = draw(guarded)
    disabled = {"enabled": False} if draw(st.integers(0, 50)) == 33 else {}
    return merged({"trigger": draw(trigger), "actions": [{"type": "do-nothing"}]}, guards, disabled)


@st.composite
def rule_sets(draw: st.DrawFn, trigger: st.SearchStrategy[dict[str, Any]] = triggers) -> list[dict[str, Any]]:
    """One to five automations, named `rule-0` and so on."""
    drawn = draw(st.lists(automations(trigger), min_size=1, max_size=5))
    return [{"name": f"rule-{index}", **automation} for index, automation in enumerate(drawn)]


# Steps and delays in microseconds: mostly whole windows, sometimes a hair beside one.
whole = st.sampled_from([0, 1, 5, 10, 20, 60]).map(lambda n: n * SECOND)
edges = st.builds(lambda base, hair: base + hair, whole, st.sampled_from([0, 0, 0, -1, 1]))
steps = st.one_of(st.integers(0, 5).map(lambda n: n * SECOND), st.just(0), edges.map(abs))
late = st.one_of(edges, st.sampled_from([70, 80, 120, 130, 200]).map(lambda n: n * SECOND))
offsets = st.one_of(*[st.just(0)] * 4, late.map(lambda n: -n), edges)

one, two, other = {"role": "role", "id": "1"}, {"role": "role", "id": "2"}, {"role": "other", "id": "1"}
related = st.sampled_from([[one], [one], [two], [one, two], [other, one], [other], []])
numbers = st.one_of(*[st.integers(0, 4)] * 4, st.sampled_from([2.5, "1", None, True]))
kinds = st.sampled_from(["g1", "g1", "7", 7, 7, True, None, [1]])
payloads = st.one_of(
    *[st.fixed_dictionaries({"n": numbers, "k": kinds})] * 4, optional(n=st.integers(0, 4), k=st.just("g1"))
)
resources = st.builds(
    lambda r, x, y: {"id": r} | ({"x": x} if x else {}) | ({"y": y} if y else {}),
    st.sampled_from("12"),
    st.sampled_from(["1", "1", "1", "2", "2", ""]),
    st.sampled_from(["1", "1", "2", "3", ""]),
)


@st.composite
def events(draw: st.DrawFn, clock: int, number: int) -> dict[str, Any]:
    """An event received at `clock`: most often just then, sometimes late, ahead, or one that came before."""
    again = number > 0 and draw(st.integers(0, 14)) == 14
    return {
        "source": "test",
        "id": str(draw(st.integers(0, number - 1)) if again else number),
        "occurred": clock + draw(offsets),
        "received": clock,
        "event": draw(st.sampled_from(NAMES)),
        "resource": draw(resources),
        "related": draw(related),
        "payload": draw(payloads),
    }


kinds_of_input = st.sampled_from([*["event"] * 16, *["tick"] * 3, "downtime", Serialise])


@st.composite
def inputs(draw: st.DrawFn, start: int, most: int = 40) -> list[dict[str, Any] | Tick | Serialise]:
    """Some inputs in order of receipt, `most` at the most."""
    clock, stream = start, list[dict[str, Any] | Tick | Serialise]()
    for number in range(draw(st.one_of(st.integers(1, most), st.just(most)))):
        kind = draw(kinds_of_input)
        if kind is Serialise:
            stream.append(Serialise())
            continue
        clock += draw(steps)
        if kind == "downtime":
            clock += draw(st.sampled_from([0, 60, 90, 400])) * SECOND
        stream.append(draw(events(clock, number)) if kind == "event" else Tick(clock, kind == "downtime"))
    return stream


@st.composite
def streams(draw: st.DrawFn, trigger: st.SearchStrategy[dict[str, Any]] = triggers, most: int = 40) -> Stream:
    """A rule set and its stream. Give `trigger` to look at one kind: `reactive`, `proactive`, `metrics` ..."""
    loaded = START + draw(st.sampled_from([0, 1, 7 * SECOND, 10 * SECOND]))
    lateness = draw(st.sampled_from([LATENESS, LATENESS, 2 * LATENESS]))
    return Stream(draw(rule_sets(trigger)), loaded, lateness, draw(inputs(loaded, most)))
