"""Every block of docs/rules.md is what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from unit.docs.blocks import Block, Section, sections
from unit.docs.error_codes import BY_NAME, told_codes
from unit.docs.project import RULE_FILES, Shell, parts, session, write

from automations.model.action_document import Action, CallWebhook, EmitEvent, RunDeployment, SendNotification
from automations.model.automation import Automation, Debounce, Throttle
from automations.model.rule_test import Down, EventOfTest, ExpectedAction, ExpectedFiring, RuleTest
from automations.model.trigger import CompoundTrigger, EventTrigger, Metric, Schedule, SequenceTrigger
from automations.templating import NAMES
from automations.templating.conditions import TESTS
from automations.templating.filter_expressions import FAMILY_NAMES
from automations.templating.filters import FILTERS

MODELS: Sequence[type[BaseModel]] = [
    *(Automation, Debounce, Throttle, EventTrigger, CompoundTrigger, SequenceTrigger, Metric, Schedule),
    *(RunDeployment, CallWebhook, SendNotification, EmitEvent),
    *(RuleTest, EventOfTest, Down, ExpectedFiring, ExpectedAction),
]
DOCUMENT = Path(__file__).parents[3] / "docs" / "rules.md"
SECTIONS = sections(DOCUMENT)
PROJECTS = [
    pytest.param(blocks, id=f"{blocks[0].line}-{section.title}")
    for section in SECTIONS
    for blocks in parts(section)
]


@pytest.mark.parametrize("blocks", PROJECTS)
def test_the_examples_of_a_section_load_pass_and_print_what_is_written(
    blocks: Sequence[Block], tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    write(blocks, project)
    monkeypatch.chdir(project)
    kinds = {block.kind for block in blocks}
    if "rules" in kinds:
        assert shell(["check"]) == "0 error(s), 0 warning(s)\n"
    if "tests" in kinds:
        number = sum(block.text.count("- name:") for block in blocks if block.kind == "tests")
        told = shell(["test"])
        assert told == f"{number} passed, 0 failed\n", told
    for block in blocks:
        if block.language == "console":
            assert block.text == session(block, shell)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_every_block_says_what_it_is(section: Section) -> None:
    for block in section.blocks:
        known = block.kind in (*RULE_FILES, "tests") if block.language == "yaml" else not block.kind
        assert known or "." in block.kind, f"line {block.line}: {block.language} {block.kind}"
        assert block.language in ("yaml", "console", "json", "jsonl", "python"), f"line {block.line}"


def test_every_error_code_is_told_and_no_other() -> None:
    table = DOCUMENT.read_text("utf-8").partition("## Error codes")[2]
    written = {
        code for line in table.splitlines() for code in re.findall(r"`([a-z-]+)`", line.partition(" | ")[0])
    }
    assert written == told_codes() | BY_NAME


def test_every_field_filter_test_name_and_action_is_told() -> None:
    types = [model.model_fields["type"].annotation for model in get_args(get_args(Action)[0])]
    names = {
        *FILTERS,
        *FAMILY_NAMES,
        *(name for name in TESTS if name.isalpha()),
        *NAMES,
        *(field for model in MODELS for field in model.model_fields),
        *(name for written in types for name in get_args(written)),
    }
    told = re.findall(r"`([^`\n]+)`", DOCUMENT.read_text("utf-8"))
    assert names - {word for code in told for word in re.findall(r"[\w-]+", code)} == set()
