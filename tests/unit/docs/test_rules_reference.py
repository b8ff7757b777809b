"""Every block of docs/rules.md is what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from unit.docs.blocks import Block, Section, sections
from unit.docs.error_codes import told_codes
from unit.docs.project import RULE_FILES, Shell, parts, session, write

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
        assert block.language in ("yaml", "console", "json", "jsonl", "toml", "text"), f"line {block.line}"


def test_every_error_code_is_told_and_no_other() -> None:
    table = DOCUMENT.read_text("utf-8").partition("## Error codes")[2]
    written = {
        code for line in table.splitlines() for code in re.findall(r"`([a-z-]+)`", line.partition(" | ")[0])
    }
    assert written - {"bad-template"} == told_codes()
