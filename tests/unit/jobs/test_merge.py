"""`pool defaults ← deployment ← run`, and where each value came from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automations.errors import JobVariableErrors
from automations.jobs import effective_job_variables
from automations.model.job import Deployment, Layer, Provenance, WorkPool

Pools = Callable[..., WorkPool]
DEFAULTS = {"env": {"REGION": "us", "A": "1"}, "image": "app:1", "debug": False}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "defaults alone": ({}, {}, {}),
    "a deployment replaces a default": ({"image": "app:2"}, {}, {"image": "app:2"}),
    "a run replaces both": ({"image": "app:2"}, {"image": "app:3"}, {"image": "app:3"}),
    "top-level objects replace as a whole": (
        {"labels": {"a": 1, "b": 2}}, {"labels": {"c": 3}}, {"labels": {"c": 3}},
    ),
    "env merges key by key": (
        {"env": {"B": "2"}}, {"env": {"C": "3"}}, {"env": {"REGION": "us", "A": "1", "B": "2", "C": "3"}},
    ),
    "a dotted key of the run beats an object of the deployment": (
        {"env": {"REGION": "eu"}}, {"env.REGION": "ap"}, {"env": {"REGION": "ap", "A": "1"}},
    ),
    "an object of the run beats a dotted key of the deployment": (
        {"env.REGION": "eu"}, {"env": {"REGION": "ap"}}, {"env": {"REGION": "ap", "A": "1"}},
    ),
    "in one layer the dotted key wins": (
        {}, {"env.REGION": "ap", "env": {"REGION": "eu", "B": "2"}}, {"env": {"REGION": "ap", "A": "1", "B": "2"}},
    ),
    "in one layer a dotted key joins an empty object": ({}, {"labels": {}, "labels.a": 1}, {"labels": {"a": 1}}),
    "a dotted key replaces an object at its own path": (
        {}, {"labels": {"a": {"b": 1}}, "labels.a": {"c": 2}}, {"labels": {"a": {"c": 2}}},
    ),
    "below env there is one level of names": (
        {}, {"env.my.name": "x"}, {"env": {"REGION": "us", "A": "1", "my.name": "x"}},
    ),
    "only top-level keys are dotted paths": (
        {"env": {"a.b": "x"}}, {"labels": {"a.b": 1}},
        {"env": {"REGION": "us", "A": "1", "a.b": "x"}, "labels": {"a.b": 1}},
    ),
    "a dotted key of a replacing variable replaces it": (
        {"labels": {"a": 1}}, {"labels.b": 2}, {"labels": {"b": 2}},
    ),
    "a deep key merges at every depth": (
        {"resources": {"limits": {"cpu": 1, "memory": 2}}}, {"resources.limits.cpu": 4},
        {"resources": {"limits": {"cpu": 4, "memory": 2}}},
    ),
    "null unsets a default": ({"image": None}, {}, {"image": ...}),
    "null of the run unsets what the deployment gives": ({"cpu": 4}, {"cpu": None}, {}),
    "a run sets again what the deployment unsets": ({"image": None}, {"image": "app:3"}, {"image": "app:3"}),
    "null unsets one environment variable": ({}, {"env.REGION": None}, {"env": {"A": "1"}}),
    "null unsets a deep key": (
        {"resources": {"limits": {"cpu": 1}, "gpus": 1}}, {"resources.limits.cpu": None},
        {"resources": {"limits": {}, "gpus": 1}},
    ),
    "null inside of a replaced object is a value": ({}, {"labels": {"a": None}}, {"labels": {"a": None}}),
    "all of env can be unset": ({}, {"env": None}, {"env": ...}),
    "an empty env takes nothing away": ({"env": {"B": "2"}}, {"env": {}}, {"env": {**DEFAULTS["env"], "B": "2"}}),  # type: ignore[dict-item]
    "env values are written as a shell would": (
        {"env": {"A": True, "N": 4, "F": 1.5, "S": "no", "O": {"k": [1, None]}, "L": [], "U": "é"}}, {},
        {"env": {"REGION": "us", "A": "true", "N": "4", "F": "1.5", "S": "no", "O": '{"k":[1,null]}', "L": "[]",
                 "U": "é"}},
    ),
    "only env becomes text": ({"cpu": 4, "debug": True}, {}, {"cpu": 4, "debug": True}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_merge(name: str, pool: Pools) -> None:
    lower, run, changes = CASES[name]
    effective = effective_job_variables(pool(merge={"resources": "deep"}), Layer(lower), Layer(run))
    assert effective.values == {key: value for key, value in {**DEFAULTS, **changes}.items() if value is not ...}


def test_a_pool_may_make_env_replace(pool: Pools) -> None:
    effective = effective_job_variables(pool(merge={"env": "replace"}), Layer(), Layer({"env": {"B": 2}}))
    assert effective.values["env"] == {"B": "2"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"cpu": 4, "cpu.x": 1}, "cpu.x (cli): 'cpu' is set to something that is no object"),
        ({"labels": [1], "labels.a.b": 1}, "labels.a.b (cli): 'labels' is set"),
        ({"env": None, "env.X": 1}, "env.X (cli): 'env' is set"),
        ({"env.": 1}, "env. (cli): a name between dots is empty"),
        ({".x": 1}, "a name between dots is empty"),
        ({"labels.a..b": 1}, "a name between dots is empty"),
    ],
)
def test_a_layer_that_contradicts_itself_is_refused(values: dict[str, Any], said: str, pool: Pools) -> None:
    with pytest.raises(JobVariableErrors) as caught:
        effective_job_variables(pool(), Layer(), Layer(values, origin="cli"))
    assert said in str(caught.value)


def test_each_value_says_where_it_came_from(pool: Pools, deployment: Callable[..., Deployment]) -> None:
    own = Layer({"cpu": 2, "env.B": "x"}, origin="deployments.yaml", origins={"cpu": "deployments.yaml:12:9"})
    run = Layer(
        {"env": {"REGION": "eu", "C": "{}"}, "labels": {"who": {"a": 1}}, "tag": "abc"},
        origin="automation repair",
        origins={"/env/C": "rules.yaml:3:5"},
        templates={"/labels/who": "{{ event.payload }}", "/tag": "{{ labels.tag }}"},
    )
    policy = {"labels": {"any": True}}
    effective = effective_job_variables(
        pool(), replace(deployment(), job_variables=own, job_variable_policy=policy), run
    )
    who = "automation repair, template {{ event.payload }}"
    assert effective.provenance == {
        "/env/REGION": Provenance("run", "automation repair"),
        "/env/A": Provenance("pool", "work pool big"),
        "/env/B": Provenance("deployment", "deployments.yaml"),
        "/env/C": Provenance("run", "rules.yaml:3:5"),
        "/image": Provenance("pool", "work pool big"),
        "/cpu": Provenance("deployment", "deployments.yaml:12:9"),
        "/debug": Provenance("pool", "work pool big"),
        "/labels/who/a": Provenance("run", who, "{{ event.payload }}"),
        "/tag": Provenance("run", "automation repair, template {{ labels.tag }}", "{{ labels.tag }}"),
    }


# --- an oracle: plain dictionaries, one layer after another ----------------------------------------------------

NAMES = st.sampled_from(["env", "labels", "resources", "image"])
INNER = st.sampled_from(["a", "b", "a/b", "c~d"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["", "x", "true"]))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(INNER, inner, max_size=3), max_leaves=6
)
LAYERS = st.fixed_dictionaries(
    {},
    optional={
        "env": st.none() | st.dictionaries(INNER, VALUES, max_size=3),
        "env.z": VALUES,
        "labels": VALUES,
        "resources": st.none() | st.dictionaries(INNER, VALUES, max_size=3),
        "resources.a": VALUES,
        "image": SCALARS,
    },
)
DEEP = ("env", "resources")


def slow_merge(layers: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        nested = {key: value for key, value in layer.items() if "." not in key}
        for key, value in layer.items():
            if "." in key:
                first, last = key.split(".")
                nested[first] = {**(nested.get(first) or {}), last: value}
        if isinstance(nested.get("env"), dict):
            nested["env"] = {
                k: v
                if v is None or isinstance(v, str)
                else json.dumps(v, separators=(",", ":"), ensure_ascii=False)
                for k, v in nested["env"].items()
            }
        for key, value in nested.items():
            if value is None:
                merged.pop(key, None)
            elif key in DEEP:
                merged[key] = slow_deep(merged.get(key), value)
            else:
                merged[key] = value
    return merged


def slow_deep(lower: Any, upper: Any) -> Any:
    if not isinstance(upper, dict):
        return upper
    merged = dict(lower) if isinstance(lower, dict) else {}
    for key, value in upper.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = slow_deep(merged.get(key), value)
    return merged


def slow_leaves(value: Any, at: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from slow_leaves(item, f"{at}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and value:
        for position, item in enumerate(value):
            yield from slow_leaves(item, f"{at}/{position}")
    else:
        yield at


@settings(max_examples=300)
@given(st.lists(LAYERS, min_size=2, max_size=2))
def test_provenance_accounts_for_every_effective_value(layers: list[dict[str, Any]]) -> None:
    for layer in layers:  # null beside a dotted key is a contradiction, tested above
        for name in DEEP:
            if layer.get(name, {}) is None and any(key.startswith(f"{name}.") for key in layer):
                del layer[name]
    pool = WorkPool("any", variables={"type": "object"}, allow_extra=True, merge={"resources": "deep"})
    effective = effective_job_variables(pool, Layer(layers[0], origin="d"), Layer(layers[1], origin="r"))
    assert effective.values == slow_merge(layers)
    assert set(effective.provenance) == (set(slow_leaves(effective.values)) if effective.values else set())
    for origin in effective.provenance.values():
        assert (origin.layer, origin.origin) in {("deployment", "d"), ("run", "r")}
