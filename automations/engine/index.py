"""Which automations does an event concern? Found by look-up, not by asking each one.

The shape is a tree of hash tables. At the root, the event name leads to *specs* (distinct `expect` lists); under
each spec a node tests one label after the other: a trigger that asks for a literal value of a label hangs under
that value, so an event follows only the branches of the values that it has. Which label comes first is measured
on the rule set: the one with the most distinct values leaves the fewest candidates. What has no literal to look
up (wildcards, exclusions, `null`) is checked one by one at the node where it ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import orjson

from automations.engine.conditions import Alternatives, Condition, Filter, Labels, Subject
from automations.engine.grouping import Group, compile_group
from automations.engine.metric import Aggregate
from automations.engine.program import Program, compile_program
from automations.engine.tree import Leaf
from automations.model.event import Event
from automations.model.filters import EventFilter
from automations.model.reason import Reason
from automations.model.ruleset import RuleSet
from automations.model.trigger import EventTrigger

_NAMES_REMEMBERED: Final = 4096
"""Event names whose specs are remembered; past that the memory starts anew, so hostile names cannot grow it."""

_PLACES_PER_TRIGGER: Final = 256


class Match(NamedTuple):
    """An automation's trigger that wants the event. `trigger` is its path in the document; `group` its values of
    `for_each`, in that order.
    """

    automation: str
    trigger: str
    group: Group


class Reached(NamedTuple):
    """What became of an event at a trigger that the index led it to: its group if it is wanted, else why not."""

    candidate: Candidate
    group: Group | None
    refusal: Reason | None


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One trigger in the index, with its conditions split into what the tree looks up and what is left."""

    automation: str
    path: str
    names: tuple[tuple[str, ...], ...]
    exact: Mapping[str, frozenset[str]]
    related_exact: tuple[Mapping[str, frozenset[str]], ...]
    rest: Filter
    sample: Callable[[Event], float | None] | None
    group: Callable[[Event], Group | None]

    @classmethod
    def of(cls, automation: str, leaf: Leaf, trigger: EventFilter) -> Candidate:
        """Compile a leaf of an automation's trigger."""
        wanted = Filter.of(trigger)
        looked_up = _within_budget(wanted.labels)
        return cls(
            automation=automation,
            path=leaf.place.path,
            names=_names(trigger),
            exact={c.label: c.values.literals for c in looked_up},
            related_exact=tuple(
                {c.label: c.values.literals for c in spec.conditions if c.values.exact} for spec in wanted.related
            ),
            rest=replace(wanted, labels=tuple(c for c in wanted.labels if c not in looked_up)),
            sample=leaf.machine.value if isinstance(leaf.machine, Aggregate) else None,
            group=compile_group(leaf.place.labels),
        )

    def reached(self, subject: Subject) -> Reached:
        """Check what the tree did not look up."""
        refusal = self.rest.refusal(subject)
        if refusal is not None:
            return Reached(self, None, refusal)
        if self.sample is not None and self.sample(subject.event) is None:
            return Reached(self, None, Reason.NO_NUMBER)
        group = self.group(subject.event)
        return Reached(self, group, Reason.GROUP_MISSING if group is None else None)

    @property
    def witnesses(self) -> tuple[Mapping[str, frozenset[str]], ...]:
        """The literals that some related resource must have, per spec."""
        return tuple(spec for spec in self.related_exact if spec)


def _names(trigger: EventFilter) -> tuple[tuple[str, ...], ...]:
    """The lists of names by which an event takes part: those expected, and those that open a window."""
    opening = trigger.after if isinstance(trigger, EventTrigger) else ()
    lists = (trigger.expect, opening) if opening else (trigger.expect,)
    return tuple(tuple(sorted(set(names))) for names in lists)


def candidates_of(program: Program) -> Iterator[Candidate]:
    """Return the leaves of an automation that react to events, compiled for the index."""
    for leaf in program.tree.leaves.values():
        if isinstance(leaf.trigger, EventFilter):
            yield Candidate.of(program.automation.name, leaf, leaf.trigger)


def _within_budget(conditions: Sequence[Condition]) -> list[Condition]:
    """Choose the exact conditions to look up: the product of their values is how often the trigger is hung up."""
    chosen: list[Condition] = []
    places = 1
    for condition in sorted((c for c in conditions if c.values.exact), key=lambda c: len(c.values.literals)):
        places *= len(condition.values.literals)
        if places > _PLACES_PER_TRIGGER and chosen:
            break
        chosen.append(condition)
    return chosen


@dataclass(slots=True, eq=False)
class Node:
    """Candidates whose exact conditions above are met. A candidate is below `by_label` once for each accepted
    value, and a label has one value, so an event meets it at most once; `by_related` may meet it twice.
    """

    here: list[Candidate] = field(default_factory=list)
    by_label: list[tuple[str, dict[str, Node]]] = field(default_factory=list)
    by_related: list[tuple[str, dict[str, list[Candidate]]]] = field(default_factory=list)

    def candidates(self, event: Event) -> Iterator[Candidate]:
        """Yield all candidates that the tables do not rule out."""
        yield from self.here
        resource = event.resource
        for label, table in self.by_label:
            node = table.get(resource[label]) if label in resource else None
            if node is not None:
                yield from node.candidates(event)
        if self.by_related:
            yield from self._by_related(event.related)

    def _by_related(self, related: Sequence[Labels]) -> Iterator[Candidate]:
        seen: set[int] = set()
        for label, table in self.by_related:
            for labels in related:
                for candidate in table.get(labels.get(label, ""), ()):
                    if id(candidate) not in seen:
                        seen.add(id(candidate))
                        yield candidate


def _most_telling(candidates: Sequence[Candidate], used: frozenset[str]) -> str | None:
    values: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        for label, literals in candidate.exact.items():
            if label not in used:
                values[label] |= literals
    return max(values, key=lambda label: (len(values[label]), label), default=None)


def _build(candidates: Sequence[Candidate], used: frozenset[str] = frozenset()) -> Node:
    node = Node()
    label = _most_telling(candidates, used)
    while label is not None:
        table: dict[str, list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            for value in candidate.exact.get(label, ()):
                table[value].append(candidate)
        below = used | {label}
        node.by_label.append((label, {value: _build(hits, below) for value, hits in table.items()}))
        candidates = [c for c in candidates if label not in c.exact]
        used = below
        label = _most_telling(candidates, used)
    _place_related(node, candidates)
    return node


def _place_related(node: Node, candidates: Sequence[Candidate]) -> None:
    """Hang each candidate under one literal of one related spec: the label with the most distinct values."""
    distinct: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        for spec in candidate.witnesses:
            for label, literals in spec.items():
                distinct[label] |= literals
    tables: dict[str, dict[str, list[Candidate]]] = {}
    for candidate in candidates:
        choices = [(len(distinct[label]), label, spec) for spec in candidate.witnesses for label in spec]
        if not choices:
            node.here.append(candidate)
            continue
        _, label, spec = max(choices, key=lambda choice: choice[:2])
        for value in spec[label]:
            tables.setdefault(label, {}).setdefault(value, []).append(candidate)
    node.by_related = list(tables.items())


class Index:
    """The compiled rule set: immutable, but for a memory of event names. Build it by `compile_rules`."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.programs: Mapping[str, Program] = {rule.name: compile_program(rule) for rule in rules}
        specs: dict[tuple[tuple[str, ...], ...], list[Candidate]] = defaultdict(list)
        for program in self.programs.values():
            if program.automation.enabled:
                for candidate in candidates_of(program):
                    specs[candidate.names].append(candidate)
        self._literal: dict[str, list[Node]] = defaultdict(list)
        self._tested: list[tuple[Callable[[str], bool], Node]] = []
        for names, candidates in specs.items():
            self._place(names, _build(candidates))
        self._remembered: dict[str, tuple[Node, ...]] = {}

    def _place(self, names: tuple[tuple[str, ...], ...], node: Node) -> None:
        lists = [Alternatives.of(accepted) for accepted in names]
        if all(accepted.exact for accepted in lists):
            for name in frozenset[str]().union(*(accepted.literals for accepted in lists)):
                self._literal[name].append(node)
        else:
            tests = [accepted.text_predicate() for accepted in lists]
            self._tested.append((lambda name: any(test(name) for test in tests), node))

    def _nodes(self, name: str) -> tuple[Node, ...]:
        nodes = self._remembered.get(name)
        if nodes is None:
            tested = [node for test, node in self._tested if test(name)]
            nodes = (*self._literal.get(name, ()), *tested)
            if len(self._remembered) >= _NAMES_REMEMBERED:
                self._remembered = {}
            self._remembered[name] = nodes
        return nodes

    def reach(self, event: Event) -> list[Reached]:
        """Return what became of the event at every trigger that the tables do not rule out."""
        subject = Subject(event)
        return [
            candidate.reached(subject) for node in self._nodes(event.name) for candidate in node.candidates(event)
        ]

    def match(self, event: Event) -> list[Match]:
        """Return one match per interested trigger, by automation name, then path."""
        return matches_of(self.reach(event))

    def match_json(self, raw: bytes) -> list[Match]:
        """Match an event from its canonical bytes, as the door validated and stored it."""
        return self.match(Event.from_dict(orjson.loads(raw)))


def matches_of(reached: Sequence[Reached]) -> list[Match]:
    """Return the triggers that want the event, by automation name, then path."""
    matches = [
        Match(candidate.automation, candidate.path, group) for candidate, group, _ in reached if group is not None
    ]
    if len(matches) > 1:
        matches.sort(key=lambda match: match[:2])
    return matches


def compile_rules(rules: RuleSet) -> Index:
    """Compile a rule set into its immutable index. The rules are taken as valid: `load_rules` checked them."""
    return Index(rules)
