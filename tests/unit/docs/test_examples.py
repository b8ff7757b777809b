"""The rules of this repository: they load, their tests pass, and each of them fires in one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Engine
from unit.docs.project import Shell

from automations.rulefiles import load_rules, load_tests

ROOT = Path(__file__).parents[3]
RULES = sorted(file for file in (ROOT / "rules").glob("*.yaml") if not file.stem.endswith("_test"))


def test_they_load_without_an_error_or_a_warning(shell: Shell) -> None:
    assert shell(["check", "-C", str(ROOT)]) == "0 error(s), 0 warning(s)\n"


def test_their_tests_pass_and_every_one_of_them_fires_in_a_test(shell: Shell) -> None:
    number = len(load_rules(ROOT / "rules"))
    *_, coverage, passed = shell(["test", "-C", str(ROOT), "--coverage"]).splitlines()
    assert coverage == f"coverage: {number} of {number} automations fire in a test (100 %)"
    assert passed == f"{len(load_tests(ROOT / 'rules'))} passed, 0 failed"


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.stem)
def test_the_tests_beside_each_file_say_what_does_not_happen_too(file: Path) -> None:
    tests = load_tests(file.with_name(f"{file.stem}_test.yaml"))
    assert any(not located.test.expect or _fails(located.test) for located in tests)


def _fails(test: Any) -> bool:
    return any(action.failed for firing in test.expect for action in firing.actions or ())


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    running = Engine(ROOT, "--db", str(tmp_path / "automations.db"), GITHUB_HOOK_TOKEN="not-a-secret")
    yield running
    assert running.stop() == 0


def test_the_jobs_that_the_demo_does_not_show_run(engine: Engine) -> None:
    day = {"date": "2026-01-01"}
    service = {"id": "service.cart", "service": "cart"}
    failed = {"tier": "gold", "rows": 5000, "checks": [{"name": "nulls", "severity": "error", "passed": False}]}
    engine.send(
        {"event": "dataset.checked", "resource": {"id": "dataset.orders"}, "payload": failed},
        *(
            {"event": "partition.loaded", "resource": {"id": table, "table": table, **day}, "payload": {"rows": 5}}
            for table in ("orders", "customers", "payments")
        ),
        {"event": "deploy.finished", "resource": service, "payload": {"previous": "2.0"}},
        *({"event": "http.error", "resource": service, "payload": {"status": 500}} for _ in range(5)),
        {"event": "slo.breached", "resource": service, "payload": {"objective": "latency", "samples": 12}},
    )
    runs = engine.runs(4)
    assert sorted(run["deployment"] for run in runs) == [
        "publish/daily",
        "quarantine/dataset",
        "rollback/production",
        "scale/service",
    ]
    said = [line["text"] for run in runs for line in engine.get(f"/api/runs/{run['id']}/logs")["items"]]
    assert "cart: back to 2.0 after 5 errors" in said, json.dumps(said)
