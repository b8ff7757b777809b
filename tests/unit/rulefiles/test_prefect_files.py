"""Files that Prefect takes and writes load as they are; what they hold that means nothing here is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from automations.model.automation import Automation
from automations.rulefiles import check_rules, load_rules

FOLDER = Path(__file__).with_name("prefect")
WARNINGS = {
    "cancel_long_runs.yaml": {},
    "exported.json": {"may-cycle": 1, "needs-prefect": 1, "ignored-key": 1},
    "exported.yaml": {"needs-prefect": 6, "ignored-key": 1},
    "several.yaml": {"needs-prefect": 3},
    "stored.json": {"ignored-key": 6},
}


def automations(name: str) -> dict[str, Automation]:
    return {automation.name: automation for automation in load_rules(FOLDER / name)}


@pytest.mark.parametrize("name", WARNINGS)
def test_a_file_of_prefects_loads_unchanged(name: str) -> None:
    result = check_rules([FOLDER / name])
    assert result.ruleset is not None
    assert Counter(problem.code for problem in result.problems) == WARNINGS[name]


def test_every_file_of_prefects_is_claimed() -> None:
    assert {path.name for path in FOLDER.iterdir()} == WARNINGS.keys()


def test_what_only_prefect_can_carry_out_is_an_error_where_it_must_run() -> None:
    refused = check_rules([FOLDER / "several.yaml"], on_prefect_only="refuse")
    assert refused.ruleset is None
    assert {problem.code for problem in refused.problems if problem.severity == "error"} == {"needs-prefect"}
    allowed = check_rules([FOLDER / "several.yaml"], on_prefect_only="allow")
    assert (allowed.ruleset is None, allowed.problems) == (False, [])


def test_windows_postures_and_groups_are_read_as_prefect_means_them() -> None:
    (late,) = automations("cancel_long_runs.yaml").values()
    assert (late.trigger.proactive, late.trigger.span) == (True, 7_200_000_000)
    assert late.trigger.for_each == ("prefect.resource.id",)
    (sequence,) = automations("exported.yaml").values()
    assert (sequence.enabled, sequence.trigger.type, sequence.trigger.within) == (False, "sequence", 3_600_000_000)
    assert sequence.trigger.triggers[1].match == {"prefect.resource.id": ("feed.orders", "feed.returns")}
    several = automations("several.yaml")
    assert several["tell about failures"].trigger.immediate
    assert several["two loads, then the report"].actions[0].schedule_after == 7_200_000_000


def test_what_prefect_writes_for_nothing_is_nothing() -> None:
    (rule,) = automations("exported.json").values()
    assert (rule.actions[0].parameters, rule.actions[0].job_variables, rule.actions_on_resolve) == ({}, {}, ())
    assert (rule.owner_resource, rule.trigger.after, rule.trigger.for_each) == (None, (), ())


def test_an_export_means_the_same_as_the_file_without_what_prefect_added(tmp_path: Path) -> None:
    text = (FOLDER / "exported.yaml").read_text()
    (tmp_path / "r.yaml").write_text("\n".join(line for line in text.split("\n") if not line.startswith("  id:")))
    assert load_rules(tmp_path).revision == load_rules(FOLDER / "exported.yaml").revision
