"""The image, and what the compose file says of it."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from automations.cli import cli
from automations.model.moment import parse_duration
from automations.settings import Settings

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = COMPOSE["services"]
_OURS = "AUTOMATIONS_"


def parse(words: list[str]) -> dict[str, Any]:
    """Read a command line as the program would, subcommands and all; returns the options of the last command."""
    command: click.Command | None = cli
    while isinstance(command, click.Group):
        command, words = command.get_command(click.Context(command), words[0]), words[1:]
    assert command is not None, words
    return command.make_context("", words).params


def own_commands() -> list[list[str]]:
    """What the image's shell line calls of this program."""
    (line,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    shell, flag, script = json.loads(line)
    assert (shell, flag) == ("sh", "-c")
    parts = [shlex.split(part) for part in re.split(r"\|\||&&|;", script)]
    calls = [part[1:] if part[0] == "exec" else part for part in parts]
    return [words[1:] for words in calls if words[0] == "automations"]


def test_the_images_commands_are_ones_that_the_program_has() -> None:
    key, serve = map(parse, own_commands())
    assert own_commands()[1][0] == "serve"
    assert key["db"] == serve["db"]
    assert str(serve["host"]) == "0.0.0.0"  # noqa: S104 - inside of the container


def test_the_image_says_where_it_listens_and_keeps_its_database() -> None:
    _, serve = map(parse, own_commands())
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    (kept,) = re.findall(r"^VOLUME (\S+)$", DOCKERFILE, re.MULTILINE)
    (probed,) = re.findall(r"http://127\.0\.0\.1:(\d+)/healthz", DOCKERFILE)
    assert int(exposed) == int(probed) == Settings.model_fields["port"].default
    assert Path(str(serve["db"])).parent == Path(kept)
    engine = SERVICES["engine"]
    assert engine["ports"] == [f"127.0.0.1:{exposed}:{exposed}"]
    assert [target for source, target, _ in mounts(engine) if not source.startswith(".")] == [kept]


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    parts = [(*volume.split(":"), "rw")[:3] for volume in service.get("volumes", [])]
    return [(source, target, mode) for source, target, mode in parts]


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_a_setting(name: str) -> None:
    given = SERVICES[name].get("environment", {})
    ours = {variable.removeprefix(_OURS).lower() for variable in given if variable.startswith(_OURS)}
    assert ours <= set(Settings.model_fields)


def test_the_image_has_this_version_and_time_to_drain() -> None:
    engine = SERVICES["engine"]
    assert (
        engine["image"]
        == f"automations:{tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['version']}"
    )
    assert parse_duration(engine["stop_grace_period"]) > Settings.model_fields["drain"].default


def test_the_images_base_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases
    assert all(re.search(r":\d", base) for base in bases)


def test_dependencies_exist() -> None:
    depended = {other for service in SERVICES.values() for other in service.get("depends_on", [])}
    assert depended <= set(SERVICES)
