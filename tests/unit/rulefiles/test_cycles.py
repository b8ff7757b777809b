"""Automations that lead back to themselves."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automations.rulefiles import check_rules

FAILED = "automations.run.Failed"
OWN_RUNS = "automations.deployment.repair/nightly"


def rule(name: str, trigger: str, action: str, more: str = "") -> str:
    return f"- {{name: {name}, trigger: {trigger}, actions: [{action}]{more}}}\n"


def run(deployment: str = "repair/nightly") -> str:
    return f"{{type: run-deployment, deployment: {deployment}}}"


def emit(event: str, resource: str = "{id: x}", more: str = "") -> str:
    return f"{{type: emit-event, event: {event!r}, resource: {resource}{more}}}"


def found(folder: Path, *rules: str) -> list[str]:
    (folder / "r.yaml").write_text("".join(rules))
    problems = check_rules([folder]).problems
    return [f"{p.severity} {p.code}" for p in problems if p.code in ("cycle", "may-cycle")]


LOOPS = [
    ("{expect: automations.run.Failed}", run()),
    ("{expect: 'automations.run.*'}", run()),
    ("{expect: ['!order.*']}", run()),
    ("{match: {automations.run.state: Failed}}", run()),
    (f"{{expect: {FAILED}, match_related: {{role: deployment, name: repair/*}}}}", run()),
    (f"{{expect: {FAILED}, match_related: {{id: {OWN_RUNS}}}}}", "{type: run-deployment, source: inferred}"),
    (f"{{expect: {FAILED}, match_related: {{id: '!automations.deployment.load'}}}}", run()),
    (f"{{expect: {FAILED}, match_related: {{id: '!{OWN_RUNS}'}}}}", run("nightly")),
    (f"{{expect: {FAILED}, match: {{customer: [null, acme]}}}}", run()),
    (f"{{expect: {FAILED}, where: 'event.payload.exit_code > 1'}}", run()),
    (f"{{expect: {FAILED}, match_payload: {{exit_code: [2]}}}}", run()),
    (f"{{expect: {FAILED}, threshold: 3, within: 1m}}", run()),
    (f"{{expect: {FAILED}, after: automations.run.Running, within: 1m}}", run()),
    (f"{{posture: Proactive, after: {FAILED}, expect: order.paid, within: 1m}}", run()),
    (f"{{posture: Proactive, for_each: [id], expect: {FAILED}, within: 1m}}", run()),
    (
        f"{{type: metric, expect: {FAILED}, "
        "metric: {value: count, aggregate: count, operator: '>', threshold: 3, range: 5m}}",
        run(),
    ),
    (f"{{triggers: [{{expect: automations.run.Running}}, {{expect: {FAILED}}}]}}", run()),
    (f"{{require: any, triggers: [{{expect: order.created}}, {{expect: {FAILED}}}]}}", run()),
    ("{expect: order.*}", emit("order.retried")),
    ("{expect: order.retried}", emit("order.{{ event.payload.what }}")),
    ("{expect: '*.retried'}", emit("order.{{ event.payload.what }}")),
    ("{expect: a, match: {customer: acme}}", emit("a", "{id: x, customer: '{{ event.resource.customer }}'}")),
    ("{expect: a, match: {id: 'order.*'}}", emit("a", "{id: 'order.{{ event.payload.id }}'}")),
    ("{expect: a, match_payload: {left: [1]}}", emit("a", more=", payload: {left: 1}")),
    ("{expect: a, match_payload: {left: [1]}}", emit("a", more=", payload: {left: '{{ [] | first + 1 }}'}")),
]
APART = [
    ("{expect: order.failed}", run()),
    ("{expect: automations.run.Lost}", run()),
    ("{expect: [automations.run.*, '!automations.*']}", run()),
    (f"{{expect: {FAILED}, match: {{automations.run.state: Completed}}}}", run()),
    (f"{{expect: {FAILED}, match: {{customer: acme}}}}", run()),
    (f"{{expect: {FAILED}, match_related: {{id: '!{OWN_RUNS}'}}}}", run()),
    (f"{{expect: {FAILED}, match_related: {{name: '!repair/*'}}}}", run()),
    (f"{{expect: {FAILED}, match_related: {{name: '!*/nightly'}}}}", run("nightly")),
    (f"{{expect: {FAILED}, match_related: {{role: deployment, name: repair/daily}}}}", run("nightly")),
    (f"{{expect: {FAILED}, match_related: {{role: deployment, id: '!{OWN_RUNS}'}}}}", run()),
    (f"{{expect: {FAILED}, match_related: {{role: deployment, name: load/daily}}}}", run()),
    (f"{{expect: {FAILED}, match_related: {{id: '!automations.automation.a'}}}}", run()),
    (f"{{expect: {FAILED}, match_related: {{role: tag}}}}", run()),
    (f"{{posture: Proactive, expect: {FAILED}, within: 1m}}", run()),
    (f"{{posture: Proactive, after: order.created, expect: {FAILED}, within: 1m}}", run()),
    (f"{{expect: {FAILED}, after: order.created, within: 1m}}", run()),
    (f"{{triggers: [{{expect: order.created}}, {{expect: {FAILED}}}]}}", run()),
    (
        f"{{type: compound, require: 2, triggers: [{{expect: x}}, {{expect: y}}, {{expect: {FAILED}}}]}}",
        run(),
    ),
    ("{type: schedule, schedule: {cron: '0 * * * *'}}", run()),
    ("{expect: order.created}", emit("order.retried")),
    ("{expect: order.retried}", emit("order.{{ event.payload.what }}.late")),
    ("{expect: [order.*, '!order.r*']}", emit("order.retried.{{ event.payload.what }}")),
    ("{expect: a, match: {customer: acme}}", emit("a")),
    ("{expect: a, match: {id: 'order.*'}}", emit("a", "{id: 'customer.{{ event.payload.id }}'}")),
    ("{expect: a, match: {id: '!x'}}", emit("a")),
    ("{expect: a, match_payload: {left: [1]}}", emit("a", more=", payload: {left: 2}")),
    ("{expect: a}", "{type: do-nothing}"),
]


@pytest.mark.parametrize(("trigger", "action"), LOOPS)
def test_an_automation_that_takes_what_it_causes_is_an_error(tmp_path: Path, trigger: str, action: str) -> None:
    assert found(tmp_path, rule("a", trigger, action)) == ["error cycle"]


@pytest.mark.parametrize(("trigger", "action"), LOOPS)
def test_allow_cycle_lets_it(tmp_path: Path, trigger: str, action: str) -> None:
    assert found(tmp_path, rule("a", trigger, action, ", allow_cycle: true")) == []


@pytest.mark.parametrize(("trigger", "action"), APART)
def test_filters_that_keep_an_automation_from_what_it_causes_are_seen(
    tmp_path: Path, trigger: str, action: str
) -> None:
    assert found(tmp_path, rule("a", trigger, action)) == []


def test_a_cycle_of_several_names_the_way_and_the_places(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        rule("c", "{expect: two}", emit("three"))
        + rule("a", "{expect: [start, three]}", emit("one"))
        + rule("b", "{expect: one}", emit("two"))
        + rule("outside", "{expect: two}", emit("four"))
    )
    (problem,) = check_rules([tmp_path]).problems
    file = tmp_path / "r.yaml"
    assert str(problem.location) == f"{file}:2:4"
    assert problem.message == (
        f"'a' causes 'one' events, which lead to 'b' ({file}:3:4); "
        f"'b' causes 'two' events, which lead to 'c' ({file}:1:4); "
        "'c' causes 'three' events, which lead back to it, and no filter keeps them apart"
    )


def test_one_member_that_allows_it_allows_the_cycle(tmp_path: Path) -> None:
    rules = [
        rule("a", "{expect: two}", emit("one"), ", allow_cycle: true"),
        rule("b", "{expect: one}", emit("two")),
    ]
    assert found(tmp_path, *rules) == []


def test_each_of_two_cycles_is_told(tmp_path: Path) -> None:
    rules = [rule(name, f"{{expect: {name}}}", emit(name)) for name in ("a", "b")]
    assert found(tmp_path, *rules, rule("c", "{expect: a}", emit("b"))) == ["error cycle", "error cycle"]


def test_a_sequence_is_fed_only_when_all_its_parts_are(tmp_path: Path) -> None:
    both = rule("a", "{triggers: [{expect: x}, {expect: y}]}", emit("one"))
    half, other = rule("b", "{expect: one}", emit("x")), rule("c", "{expect: one}", emit("y"))
    assert found(tmp_path, both, half) == []
    assert found(tmp_path, both, half, other) == ["error cycle"]


def test_the_actions_of_every_list_lead_on(tmp_path: Path) -> None:
    silent = "{posture: Proactive, after: x, expect: y, within: 1m}"
    resolved = rule("a", silent, "{type: do-nothing}", f", actions_on_resolve: [{emit('x')}]")
    assert found(tmp_path, resolved) == ["error cycle"]


@pytest.mark.parametrize(
    ("trigger", "action", "expected"),
    [
        ("{expect: prefect.flow-run.Failed}", run(), ["warning may-cycle"]),
        ("{expect: prefect.flow-run.*}", "{type: run-deployment, deployment_id: 1-2}", ["warning may-cycle"]),
        (
            "{expect: prefect.flow-run.Failed, match_related: {role: flow, id: prefect.flow.1}}",
            run(),
            ["warning may-cycle"],
        ),
        (
            "{expect: prefect.flow-run.*, match_related: {role: deployment, id: prefect.deployment.3-4}}",
            "{type: run-deployment, deployment_id: 1-2}",
            [],
        ),
        (
            "{expect: prefect.flow-run.*, match_related: {id: '!prefect.deployment.1-2'}}",
            "{type: run-deployment, deployment_id: 1-2}",
            [],
        ),
        ("{expect: prefect.flow-run.Failed}", "{type: cancel-flow-run}", []),
        ("{expect: prefect.work-pool.not-ready}", run(), []),
        ("{match: {region: eu}}", run(), []),
        ("{match: {prefect.state-type: FAILED}}", run(), ["warning may-cycle"]),
    ],
)
def test_a_rule_that_starts_runs_on_prefects_run_states_is_warned_of(
    tmp_path: Path, trigger: str, action: str, expected: list[str]
) -> None:
    assert found(tmp_path, rule("a", trigger, action)) == expected


NAMES = st.sampled_from("abcd")
TRIGGERS = st.one_of(
    st.lists(NAMES, min_size=1, max_size=2).map(lambda names: ("any", names)),
    st.lists(NAMES, min_size=2, max_size=2).map(lambda names: ("all", names)),
)
WRITTEN = {
    "any": lambda names: f"{{expect: [{', '.join(names)}]}}",
    "all": lambda names: f"{{triggers: [{', '.join(f'{{expect: {name}}}' for name in names)}]}}",
}
ENOUGH = {"any": any, "all": all}


@settings(max_examples=150, deadline=None)
@given(rules=st.lists(st.tuples(TRIGGERS, st.lists(NAMES, max_size=2)), min_size=1, max_size=4))
def test_there_is_a_cycle_when_some_rules_can_keep_each_other_going(
    tmp_path_factory: pytest.TempPathFactory, rules: list[tuple[tuple[str, list[str]], list[str]]]
) -> None:
    """The oracle tries every set of rules: one that gets from its own actions all that it needs is a cycle."""
    sets = (some for size in range(1, len(rules) + 1) for some in combinations(rules, size))
    going = any(
        all(
            ENOUGH[kind](name in {emitted for _, actions in some for emitted in actions} for name in names)
            for (kind, names), _ in some
        )
        for some in sets
    )
    folder = tmp_path_factory.getbasetemp() / "cycles"
    folder.mkdir(exist_ok=True)
    written = [
        rule(f"r{n}", WRITTEN[kind](names), ", ".join(map(emit, actions)))
        for n, ((kind, names), actions) in enumerate(rules)
    ]
    assert bool(found(folder, *written)) == going


def test_a_thousand_rules_that_cause_and_watch_events_are_checked_at_once(tmp_path: Path) -> None:
    chain = [rule(f"r{n}", f"{{expect: step.{n}}}", emit(f"step.{n + 1}")) for n in range(500)]
    watchers = [rule(f"w{n}", "{match: {id: 'order.*'}}", run()) for n in range(500)]
    (tmp_path / "a.yaml").write_text("".join(chain))
    assert found(tmp_path, *watchers) == []
