"""The compose file, as far as it can be checked without an engine that runs it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from automations.cli import cli

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_command_is_one_that_the_program_has(name: str) -> None:
    service = SERVICES[name]
    if "build" not in service or "command" not in service:
        return
    given = service["command"]
    words = shlex.split(given) if isinstance(given, str) else list(map(str, given))
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, words
    command.make_parser(click.Context(command)).parse_args(words[1:])


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    service = SERVICES[name]
    assert "build" in service or re.search(r":\d", service["image"]), service


def test_the_images_base_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases
    assert all(re.search(r":\d", base) for base in bases)


def test_volumes_and_dependencies_exist() -> None:
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith((".", "/"))
    }
    assert named <= set(COMPOSE.get("volumes", {}))
    depended = {other for service in SERVICES.values() for other in service.get("depends_on", [])}
    assert depended <= set(SERVICES)
