"""What event data may fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automations.errors import JobVariableErrors
from automations.jobs import effective_job_variables, never_from_events
from automations.model.job import Deployment, Layer, WorkPool

Pools = Callable[..., WorkPool]
Deployments = Callable[..., Deployment]

PASS: list[tuple[str, dict[str, Any], list[str], dict[str, Any]]] = [
    ("env by name", {"env": {"CUSTOMER": "acme", "MY_PATH": "/x"}}, ["/env/CUSTOMER", "/env/MY_PATH"], {}),
    ("env by a dotted key", {"env.CUSTOMER": "acme"}, ["/env.CUSTOMER"], {}),
    ("a whole env, empty", {"env": {}}, ["/env"], {}),
    ("an environment variable unset", {"env.REGION": None}, ["/env.REGION"], {}),
    ("a number", {"cpu": 4}, ["/cpu"], {}),
    ("a number unset", {"cpu": None}, ["/cpu"], {}),
    ("a number in an object", {"resources": {"gpus": 2}}, ["/resources/gpus"], {}),
    ("a boolean", {"debug": True}, ["/debug"], {}),
    ("an enum by reference", {"size": "m"}, ["/size"], {}),
    ("a pattern", {"tag": "abc"}, ["/tag"], {}),
    ("items of an enum", {"levels": [1, 2]}, ["/levels"], {}),
    ("an author's literal", {"image": "evil:1", "env": {"PATH": "/opt"}}, [], {}),
    ("the author's part of a mixed layer", {"image": "app:9", "cpu": 1}, ["/cpu"], {}),
    ("enum allows", {"image": "app:2"}, ["/image"], {"image": {"enum": ["app:1", "app:2"]}}),
    ("enum allows an object as a whole", {"labels": {}}, ["/labels"], {"labels": {"enum": [{}]}}),
    (
        "pattern allows",
        {"image": "registry/app:1.2"},
        ["/image"],
        {"image": {"pattern": r"registry/app:[a-z0-9.-]+"}},
    ),
    ("range allows", {"labels": {"n": 5}}, ["/labels/n"], {"labels.n": {"range": [1, 5]}}),
    ("any allows", {"labels": {"a": {"b": [1]}}}, ["/labels"], {"labels": {"any": True}}),
    ("items of a list one by one", {"args": ["run", "x1"]}, ["/args/1"], {"args": {"pattern": "x[0-9]"}}),
    (
        "an entry for one environment variable",
        {"env.REGION": "eu"},
        ["/env.REGION"],
        {"env.REGION": {"enum": ["eu"]}},
    ),
    ("an entry for a number in the environment", {"env.N": 4}, ["/env.N"], {"env.N": {"range": [1, 8]}}),
]

REFUSED: list[tuple[str, dict[str, Any], list[str], dict[str, Any], str]] = [
    ("free text", {"image": "evil:1"}, ["/image"], {}, "image (automation a, template t): an event may not fill"),
    ("free text unset", {"image": None}, ["/image"], {}, "image"),
    ("an enum unset", {"size": None}, ["/size"], {}, "size"),
    ("an object", {"labels": {"a": {"b": 1}}}, ["/labels"], {}, "labels.a.b"),
    ("an empty object", {"labels": {}}, ["/labels"], {}, "labels"),
    ("a leaf of an object", {"labels": {"a": "x", "b": "y"}}, ["/labels/b"], {}, "labels.b"),
    ("an item of a list", {"args": ["rm", "x"]}, ["/args/1"], {}, "args.1"),
    ("a dotted key", {"labels.a": "x"}, ["/labels.a"], {}, "labels.a"),
    ("PATH", {"env": {"PATH": "/evil"}}, ["/env/PATH"], {}, "may never fill this environment variable"),
    ("PATH unset", {"env.PATH": None}, ["/env.PATH"], {}, "env.PATH"),
    ("PATH by a whole env", {"env": {"LD_PRELOAD": "x"}}, ["/env"], {}, "env.LD_PRELOAD"),
    ("PATH by the whole layer", {"env": {"PATH": "x"}}, [""], {}, "env.PATH"),
    ("PATH that the policy names", {"env.PATH": "x"}, ["/env.PATH"], {"env.PATH": {"any": True}}, "never"),
    ("PATH by any env", {"env.PATH": "x"}, ["/env.PATH"], {"env": {"any": True}}, "never"),
    ("env unset", {"env": None}, ["/env"], {}, "by name only"),
    ("enum", {"image": "app:3"}, ["/image"], {"image": {"enum": ["app:1"]}}, "policy allows"),
    ("true is not 1", {"labels": {"n": True}}, ["/labels/n"], {"labels.n": {"enum": [1]}}, "labels.n"),
    ("part of a pattern", {"image": "app:1\nevil"}, ["/image"], {"image": {"pattern": "app:1"}}, "image"),
    ("pattern on a number", {"labels": {"n": 1}}, ["/labels/n"], {"labels.n": {"pattern": "1"}}, "labels.n"),
    ("beyond the range", {"labels": {"n": 6}}, ["/labels/n"], {"labels.n": {"range": [1, 5]}}, "labels.n"),
    ("true in a range", {"labels": {"n": True}}, ["/labels/n"], {"labels.n": {"range": [0, 5]}}, "labels.n"),
    ("keys inside of an object", {"labels": {"evil": "x1"}}, ["/labels"], {"labels": {"pattern": "x1"}},
     "labels.evil"),
    ("the nearest entry counts", {"labels": {"n": 9}}, ["/labels/n"],
     {"labels": {"any": True}, "labels.n": {"enum": [1]}}, "labels.n"),
    ("an environment variable's own entry", {"env.REGION": "x"}, ["/env.REGION"], {"env.REGION": {"enum": ["eu"]}},
     "env.REGION"),
]  # fmt: skip


def effective(
    pool: WorkPool, deployment: Deployment, values: dict[str, Any], pointers: list[str]
) -> dict[str, Any]:
    run = Layer(values, origin="automation a", templates=dict.fromkeys(pointers, "t"))
    return effective_job_variables(pool, deployment, run).values


@pytest.mark.parametrize(("values", "pointers", "policy"), [case[1:] for case in PASS], ids=[c[0] for c in PASS])
def test_passes(
    values: dict[str, Any], pointers: list[str], policy: dict[str, Any], pool: Pools, deployment: Deployments
) -> None:
    effective(pool(), deployment(job_variable_policy=policy), values, pointers)


@pytest.mark.parametrize(
    ("values", "pointers", "policy", "said"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_is_refused(
    values: dict[str, Any],
    pointers: list[str],
    policy: dict[str, Any],
    said: str,
    pool: Pools,
    deployment: Deployments,
) -> None:
    with pytest.raises(JobVariableErrors) as caught:
        effective(pool(), deployment(job_variable_policy=policy), values, pointers)
    assert caught.value.code == "policy"
    assert said in str(caught.value)


def test_a_pattern_without_a_type_bounds_text_only(pool: Pools, deployment: Deployments) -> None:
    loose = pool(variables={"properties": {"x": {"pattern": "^a$"}}})
    assert effective(loose, deployment(), {"x": "a"}, ["/x"]) == {"x": "a"}
    with pytest.raises(JobVariableErrors):
        effective(loose, deployment(), {"x": ["anything"]}, ["/x"])


def test_alternatives_are_as_open_as_their_widest(pool: Pools, deployment: Deployments) -> None:
    loose = pool(variables={"properties": {"x": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}})
    with pytest.raises(JobVariableErrors):
        effective(loose, deployment(), {"x": 1}, ["/x"])


def test_a_schema_that_refers_to_itself_opens_nothing(pool: Pools, deployment: Deployments) -> None:
    loops = {
        "properties": {"x": {"$ref": "#/definitions/a"}},
        "definitions": {"a": {"allOf": [{"$ref": "#/definitions/a"}]}},
    }
    with pytest.raises(JobVariableErrors):
        effective(pool(variables=loops), deployment(), {"x": "a"}, ["/x"])


@pytest.mark.parametrize(
    "name",
    ["PATH", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "PYTHONPATH", "BASH_ENV", "ENV", "BASH_FUNC_x%%", "IFS",
     "GIT_SSH", "NODE_OPTIONS", "PERL5LIB", "RUBYOPT", "JAVA_TOOL_OPTIONS", "HTTPS_PROXY", "https_proxy",
     "SSL_CERT_FILE"],
)  # fmt: skip
def test_names_that_change_how_programs_run_are_never_an_events(name: str) -> None:
    assert never_from_events(name)


@pytest.mark.parametrize("name", ["CUSTOMER", "MY_PATH", "ENVIRONMENT", "XPYTHON", "PROXY_HOST", "REGION"])
def test_other_names_are(name: str) -> None:
    assert not never_from_events(name)
