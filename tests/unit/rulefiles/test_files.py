from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from automations.rulefiles import check_rules

RULE = "{name: %s, trigger: {expect: x}, actions: [{type: do-nothing}]}"


def write(file: Path, name: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(RULE % name)
    return file


def names(*paths: Path) -> list[str]:
    ruleset = check_rules(list(paths)).ruleset
    assert ruleset is not None
    return [automation.name for automation in ruleset]


def lines(root: Path, *paths: Path) -> list[str]:
    return [str(problem).removeprefix(f"{root}/") for problem in check_rules(list(paths)).problems]


def test_a_folder_is_searched_to_its_depth_for_rules_and_nothing_else(tmp_path: Path) -> None:
    for file in ("a.yaml", "b.yml", "c.json", "one/two/d.yaml", "e.yaml/f.yaml"):
        write(tmp_path / file, Path(file).stem)
    for other in ("sources.yaml", "deployments.yaml", "x/prefect.yaml", "a_test.yaml", "b_test.yml", "notes.md"):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        (tmp_path / other).write_text("no: rule")
    write(tmp_path / ".hidden.yaml", "hidden")
    write(tmp_path / ".git" / "g.yaml", "hidden-too")
    assert names(tmp_path) == ["a", "b", "c", "d", "f"]


def test_a_file_that_is_named_is_read_whatever_it_ends_in(tmp_path: Path) -> None:
    assert names(write(tmp_path / "rules.txt", "a"), write(tmp_path / "b.yaml", "b")) == ["a", "b"]


def test_tests_that_a_shell_listed_among_the_rules_are_passed_over(tmp_path: Path) -> None:
    assert names(write(tmp_path / "a.yaml", "a"), write(tmp_path / "a_test.yaml", "b")) == ["a"]


def test_a_file_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.yaml", "a")
    (tmp_path / "same.yaml").symlink_to(file)
    assert names(tmp_path, file, tmp_path) == ["a"]


def test_linked_folders_are_followed_and_circles_end(tmp_path: Path) -> None:
    write(tmp_path / "shared" / "a.yaml", "a")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shared").symlink_to(tmp_path / "shared")
    (tmp_path / "shared" / "back").symlink_to(tmp_path / "rules")
    assert names(tmp_path / "rules") == ["a"]


def test_a_link_to_itself_or_to_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "gone.yaml")
    assert lines(tmp_path, tmp_path) == [
        "a.yaml [no-file] it cannot be read: Too many levels of symbolic links",
        "b.yaml [no-file] the link leads nowhere",
    ]


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    assert lines(tmp_path, tmp_path / "rules") == ["rules [no-file] there is no such file or folder"]


def test_a_folder_without_rules_is_an_empty_rule_set_and_a_warning(tmp_path: Path) -> None:
    result = check_rules([tmp_path])
    assert result.ruleset is not None
    assert (len(result.ruleset), [str(problem) for problem in result.problems]) == (
        0,
        [f"{tmp_path} warning: [no-rules] there are no rule files here"],
    )


def test_what_is_no_regular_file_is_an_error_and_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "b.yaml"))
        assert lines(tmp_path, tmp_path) == [
            "a.yaml [no-file] this is no regular file",
            "b.yaml [no-file] this is no regular file",
        ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "a").chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    assert lines(tmp_path, tmp_path) == [
        "a.yaml [no-file] it cannot be read: Permission denied",
        "closed [no-file] it cannot be read: Permission denied",
    ]
