from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from unit.cli.samples import Command

import automations
from automations.cli.schemas import SCHEMAS
from automations.deploy import check_deployments
from automations.rulefiles import read_yaml

PACKAGE = Path(automations.__file__).parent
SHIPPED = PACKAGE / "schemas"


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_schema_that_is_shipped_is_the_one_that_is_made(command: Command, kind: str) -> None:
    assert (SHIPPED / f"{kind}.json").read_text() == command("schema", kind).out


def test_no_other_schema_is_shipped() -> None:
    assert {path.stem for path in SHIPPED.iterdir()} == SCHEMAS.keys()


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_a_json_schema(kind: str) -> None:
    schema = SCHEMAS[kind]()
    jsonschema_rs.meta.validate(schema)
    named = {f"#/$defs/{name}" for name in schema["$defs"]}
    text = json.dumps(schema)
    assert all(f'"{name}"' in text for name in named)


def test_rules_are_the_kind_that_goes_without_saying(command: Command) -> None:
    assert command("schema").out == command("schema", "rules").out
    assert json.loads(command("schema", "--json").out) == SCHEMAS["rules"]()
    assert command("schema", "--json").out.count("\n") == 1


def test_output_is_a_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    assert command("schema", "rules", "--output", str(file)).out == ""
    assert json.loads(file.read_text()) == SCHEMAS["rules"]()
    failed = command("schema", "-o", str(tmp_path / "no" / "rules.json"))
    assert (failed.code, "choose a file that can be written" in failed.err) == (1, True)


def test_an_unknown_kind_is_a_usage_error(command: Command) -> None:
    assert command("schema", "sources").code == 2


PREFECT = """
name: shop
prefect-version: 3.4.0
build: null
push: null
pull: null
definitions:
  pool: &pool {name: default, work_queue_name: null, job_variables: {}}
deployments:
  - name: repair
    version: null
    tags: []
    concurrency_limit: null
    description: null
    entrypoint: flows/orders.py:repair
    parameters: {}
    work_pool: *pool
    schedules: []
"""


def test_deployment_files_that_load_are_valid(tmp_path: Path) -> None:
    example = PACKAGE / "cli" / "example"
    repository = PACKAGE.parent / "deployments.yaml"
    (tmp_path / "flows").symlink_to(example / "flows")
    (tmp_path / "prefect.yaml").write_text(PREFECT)
    for path in (example / "deployments.yaml", repository, tmp_path / "prefect.yaml"):
        assert check_deployments(path, {}).jobs is not None
        documents, _ = read_yaml(path.read_bytes(), str(path))
        schema = jsonschema_rs.validator_for(SCHEMAS["deployments"]())
        assert [error.message for document in documents for error in schema.iter_errors(document.data)] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("deployment: []", "unknown-key"),
        ("deployments: 5", "wrong-type"),
        ("deployments: [{name: a}]", "missing-key"),
        ("deployments: [{name: a, entrypoint: 'x.py:f', wrk_pool: {}}]", "unknown-key"),
        ("deployments: [{name: a, entrypoint: 'x.py:f', schedules: {}}]", "wrong-type"),
        ("work_pools: [{name: a, merge: {env: deeply}}]", "bad-value"),
    ],
)
def test_what_is_wrong_with_a_deployment_file_is_wrong_by_the_schema(tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "deployments.yaml"
    file.write_text(text)
    assert code in {problem.code for problem in check_deployments(file, {}).problems}
    ((document,), _) = read_yaml(text, str(file))
    assert not jsonschema_rs.validator_for(SCHEMAS["deployments"]()).is_valid(document.data)


def test_the_files_of_init_name_the_schemas_beside_them(command: Command, tmp_path: Path) -> None:
    assert command("init", str(tmp_path)).code == 0
    marked = {}
    for path in [*tmp_path.glob("*.yaml"), *tmp_path.glob("rules/*.yaml")]:
        first, _, reference = path.read_text().partition("\n")[0].partition("$schema=")
        if reference:
            marked[path.name] = (path.parent / reference).resolve()
            assert first == "# yaml-language-server: "
    assert marked == {
        "orders.yaml": tmp_path / "schemas" / "rules.json",
        "deployments.yaml": tmp_path / "schemas" / "deployments.json",
    }
    for path in marked.values():
        assert path.read_bytes() == (SHIPPED / path.name).read_bytes()
