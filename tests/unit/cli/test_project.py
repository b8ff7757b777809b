from __future__ import annotations

import os
from pathlib import Path

import pytest
from unit.cli.samples import Command

FILES = [
    "automations.toml",
    "deployments.yaml",
    "flows/orders.py",
    "rules/orders.yaml",
    "schemas/actions.json",
    "schemas/deployments.json",
    "schemas/rules.json",
    "schemas/tests.json",
    "sources.yaml",
]


@pytest.fixture
def shop(command: Command, tmp_path: Path) -> Path:
    folder = tmp_path / "my shop"
    assert command("init", str(folder)).code == 0
    return folder


def test_init_lists_what_it_wrote_and_says_the_next_three_commands(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "my shop"
    result = command("init", str(folder))
    assert result.out.splitlines() == [str(folder / file) for file in FILES]
    commands = [line.strip() for line in result.err.splitlines() if line.startswith("  automations ")]
    assert commands == [
        f"automations serve -C '{folder}'",
        "automations emit order.created -r id=order.1 -r customer=acme",
        "automations run ls",
    ]


def test_init_in_the_present_folder_needs_no_flag_afterwards(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = command("init", "--json")
    assert [line["file"] for line in result.lines] == FILES
    assert "  automations serve\n" in result.err


def test_init_overwrites_nothing_and_names_what_is_there(command: Command, shop: Path) -> None:
    (shop / "rules" / "orders.yaml").unlink()
    (shop / "automations.toml").write_text("mine")
    result = command("init", str(shop))
    assert (result.code, result.out) == (1, "")
    assert f"{shop / 'automations.toml'}" in result.err
    assert (shop / "automations.toml").read_text() == "mine"
    assert not (shop / "rules" / "orders.yaml").exists()


def test_init_where_nothing_can_be_written_says_so(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = command("init", str(tmp_path / "file"))
    assert result.code == 1
    assert "choose a folder that can be written" in result.err


def test_the_example_checks_without_a_problem(command: Command, shop: Path) -> None:
    result = command("check", "-C", str(shop))
    assert (result.code, result.out, result.err) == (0, "", "0 error(s), 0 warning(s)\n")


def test_verbose_tells_the_index_class_of_each_rule(command: Command, shop: Path) -> None:
    file = shop / "rules" / "more.yaml"
    file.write_text(
        "- {name: wild, trigger: {expect: 'order.*'}, actions: [{type: do-nothing}]}\n"
        "- name: labelled\n"
        "  trigger: {expect: 'order.*', match: {region: [eu, us]}, match_related: {role: actor, id: 'u*'}}\n"
        "  actions: [{type: do-nothing}]\n"
    )
    shown = command("check", "-C", str(shop), "--verbose").out
    assert "greet: indexed by event\n" in shown
    assert f"{file}:1:4 wild: scanned: it is asked about every event\n" in shown
    assert "labelled: indexed by region, related prefect.resource.role\n" in shown
    found = {line["automation"]: line for line in command("check", "-C", str(shop), "-v", "--json").lines}
    assert (found["wild"]["index"], found["wild"]["keys"], found["wild"]["line"]) == ("scanned", [], 1)


def test_problems_are_data_and_their_number_is_not(command: Command, shop: Path) -> None:
    file = shop / "rules" / "orders.yaml"
    file.write_text(file.read_text().replace("expect: order.created", "expct: order.created"))
    result = command("check", "-C", str(shop), "--verbose")
    assert result.code == 1
    assert f"{file}:22:5 [unknown-key] 'expct' is not a trigger field; did you mean 'expect'?" in result.out
    assert result.err.startswith(("1 error", "2 error"))
    (problem, *_) = command("check", "-C", str(shop), "--json").lines
    assert set(problem) == {"file", "line", "column", "code", "severity", "message", "hint"}


def test_paths_are_checked_instead_of_the_projects_own(command: Command, shop: Path) -> None:
    lone = shop / "lone.yaml"
    lone.write_text("name: lone\n")
    result = command("check", "-C", str(shop), str(lone))
    assert result.code == 1
    assert result.out.startswith(f"{lone}:1:")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_init_in_a_locked_folder_is_an_error(command: Command, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert command("init", str(tmp_path / "shop")).code == 1
